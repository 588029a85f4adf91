"""The Chinese text encoder against the golden case, at full size."""

from engine.models.text_encoder import load_text_encoder
from tests.parity.kit.cases import GoldenCase
from tests.parity.kit.official import write_official


def test_text_encoder(tmp_path):
    case = GoldenCase("bert_features")
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    weights = write_official(case.variant, folder / "pytorch_model.bin", seed=case.seed)
    ids = case.inputs["ids"][0].tolist()
    names = [f"[unused{number}]" for number in range(21128)]
    names[100], names[ids[0]], names[ids[-1]] = "[UNK]", "[CLS]", "[SEP]"
    (folder / "vocab.txt").write_text("\n".join(names), encoding="utf-8")
    encoder = load_text_encoder(folder)
    weights.unlink()
    assert case.problems("feature", encoder.features(ids[1:-1], case.inputs["word2ph"])) == []
