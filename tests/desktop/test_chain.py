"""A recording becomes a prepared folder by clicks in the window; the second time everything is skipped."""

import pytest

from tests.contract.chain import Chain
from tests.desktop.chain import TABS, set_up, walk
from tests.desktop.tabs import SLICE
from tests.speech_model import whisper_folder

pytestmark = [pytest.mark.slow, pytest.mark.speech_model]

LENGTH_S = 8.0


def test_a_recording_is_prepared_page_by_page_and_skipped_when_it_is_started_again(open_desktop, folder):
    chain = Chain(folder, whisper_folder())
    chain.write_recording(LENGTH_S)
    desktop = open_desktop()
    set_up(desktop, chain.model)
    desktop.window.pages[SLICE].form.set_values({"input": str(folder / "录音 it's.wav")})
    first = {one.stage: one for one in walk(desktop)}
    assert list(first) == list(TABS)
    clips = first["prepare"].result.numbers["clips"]
    assert clips >= 1
    experiment = desktop.board.project.workspace.experiment(desktop.board.project.experiment)
    assert len(list(experiment.ssl_folder.glob("*.pt"))) == clips
    assert len(experiment.semantic_file.read_text(encoding="utf-8").splitlines()) == clips + 1
    second = {one.stage: one for one in walk(desktop, ("slice", "transcribe", "prepare"))}
    assert second["slice"].result.numbers["unchanged"] == 1
    assert second["transcribe"].result.numbers["unchanged"] == clips
    assert second["prepare"].result.numbers["unchanged"] == clips
