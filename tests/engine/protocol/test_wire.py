import pytest

from engine.protocol.messages import CancelRequest, Log, Progress, RunRequest
from engine.protocol.wire import BadMessage, decode_event, decode_request, encode


@pytest.mark.parametrize(
    "event",
    [
        Progress(job="a", done=1, total=2, unit="clips", eta_s=None),
        Log(job="", level="info", text='line\nbreak, "quotes", 声音 \u2028 \x00'),
    ],
)
def test_events_survive_the_wire_on_one_line(event):
    line = encode(event)
    assert line.count(b"\n") == 1
    assert decode_event(line) == event


def test_requests_survive_the_wire():
    for request in (
        RunRequest(job="a", stage="slice", parameters={"input": "它 it's"}),
        CancelRequest(job="a"),
    ):
        assert decode_request(encode(request)) == request


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b'{"type":"run","job":"a"}', b"\xff\xfe", b'{"type":"dance"}']
)
def test_other_lines_are_refused(line):
    with pytest.raises(BadMessage):
        decode_request(line)
    with pytest.raises(BadMessage):
        decode_event(line)
