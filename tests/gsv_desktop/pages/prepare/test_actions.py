from pathlib import Path

from engine.protocol.workspace import Workspace
from gsv_desktop.pages.prepare.actions import look_at


def test_counts_what_is_there_and_nothing_else(folder: Path):
    experiment = Workspace(folder).experiment("声音")
    empty = look_at(experiment)
    assert (empty.phones, empty.copies, empty.features, empty.tokens) == (0, 0, 0, 0)
    for part in (experiment.ssl_folder, experiment.wav_folder):
        part.mkdir(parents=True)
    experiment.text_file.write_text("a\tb\tc\td\na\tb\tc\td\n", encoding="utf-8")
    experiment.semantic_file.write_text("item_name\tsemantic_audio\na\t1\n", encoding="utf-8")
    (experiment.wav_folder / "a.wav").write_bytes(b"")
    (experiment.wav_folder / "b.wav.part").write_bytes(b"")
    found = look_at(experiment)
    assert (found.phones, found.copies, found.features, found.tokens) == (2, 1, 0, 1)
