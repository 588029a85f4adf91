"""Full-size networks with the kit's weights, each made once for the session."""

import pytest
import torch

from tests.parity.kit.official import write_official


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # more get in each other's way on a busy machine
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def official_file(tmp_path_factory):
    """Gives the path of an official-layout file of a variant and a seed; float32, as the golden numbers."""
    folder = tmp_path_factory.mktemp("用户 it's 名")
    made = {}

    def give(variant, seed=0):
        key = (variant, seed)
        if key not in made:
            below = folder / f"{variant}-{seed}"
            below.mkdir()
            made[key] = write_official(variant, below / f"{variant}.pth", seed=seed)
        return made[key]

    return give


@pytest.fixture(scope="session")
def gpt_of(official_file):
    """Gives the full-size GPT of a case; the one of the last case stays in memory."""
    from engine.models.gpt import load_gpt

    loaded = {}

    def give(case):
        key = (case.variant, case.seed)
        if key not in loaded:
            loaded.clear()
            loaded[key] = load_gpt(official_file(*key))
        return loaded[key]

    return give
