"""What speech recognition said, on disk."""

import pytest

from engine.protocol.transcripts import Transcript, read_transcripts, write_transcripts


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "用户 it's 名" / "a.list.json"
    made = Transcript(
        fingerprint="f", language="en", text="音 it's", seconds=1.5, avg_logprob=-0.2, no_speech=0.1
    )
    write_transcripts(path, {"名.wav": made})
    assert read_transcripts(path) == {"名.wav": made}


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"clips": {"a": 1}}'])
def test_a_damaged_file_counts_as_empty(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    assert read_transcripts(path) == {}
    assert read_transcripts(tmp_path / "nowhere") == {}
