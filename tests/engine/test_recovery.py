"""Who is blamed for a crash, step by step."""

from tramontane.engine.recovery import Stream, note_crash, to_send
from tramontane.engine.request import GenerationRequest, TokenEvent


def make_streams(count: int) -> list[Stream]:
    return [Stream(GenerationRequest(str(n), [1])) for n in range(count)]


def start(streams: list[Stream]) -> None:
    for stream in streams:
        stream.sent = stream.started = True


def settle(stream: Stream) -> bool:
    return stream.receive(TokenEvent(stream.request.id, [1, 2, 3, 4]))


def test_one_crash_is_forgiven() -> None:
    streams = make_streams(3)
    start(streams[:2])
    assert note_crash(streams) == []
    assert to_send(streams) == streams


def test_alone_at_two_crashes_is_blamed() -> None:
    streams = make_streams(2)
    for blamed in ([], streams[:1]):
        start(streams[:1])
        assert note_crash(streams) == blamed


def test_progress_clears() -> None:
    streams = make_streams(1)
    for _ in range(3):
        start(streams)
        settle(streams[0])
        assert note_crash(streams) == []


def test_suspects_are_tried_one_by_one() -> None:
    streams = make_streams(4)  # the third is deadly; the fourth never ran
    for _ in range(2):
        start(streams[:3])
        assert note_crash(streams) == []
    for innocent in streams[:2]:
        assert to_send(streams) == [innocent]
        start([innocent])
        assert to_send(streams) == []
        assert settle(innocent)
    assert to_send(streams) == [streams[2]]
    start([streams[2]])
    assert note_crash(streams) == [streams[2]]
    rest = [stream for stream in streams if stream is not streams[2]]
    assert to_send(rest) == rest


def test_short_answer_clears_by_its_end() -> None:
    (stream,) = make_streams(1)
    stream.crashes = 2
    assert stream.receive(TokenEvent("0", [1], "stop"))


def test_crash_before_the_first_step_blames_what_was_sent() -> None:
    streams = make_streams(2)
    for blamed in ([], streams[:1]):
        streams[0].sent = True
        assert note_crash(streams) == blamed
