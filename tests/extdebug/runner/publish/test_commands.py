from extdebug.runner.publish.commands import MOST_WHY, lost_entry, pack
from extdebug.runner.publish.lane import LaneLoss
from extdebug.wire.entries import from_entry
from extdebug.wire.positions import EntryId


def read(entry: list) -> tuple:
    flat = [part if isinstance(part, bytes) else part.encode() for part in entry]
    return from_entry(flat, id=EntryId(1, 1), tenant="acme", extension="x")


def test_a_command_is_the_bytes_that_redis_reads():
    packed = pack("k", ["message", "grüße"], src="b.1", maxlen=100)
    assert packed.src == "b.1"
    assert packed.command == (
        b"*8\r\n$4\r\nXADD\r\n$1\r\nk\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$3\r\n100\r\n$1\r\n*\r\n"
        b"$7\r\nmessage\r\n$7\r\ngr\xc3\xbc\xc3\x9fe\r\n"
    )


def test_a_marker_states_how_many_of_which_numbering_and_why_and_takes_no_number():
    lost = LaneLoss(causes={"rate_limited": 3, "queue_full": 4}, src="b.1")
    event, origin = read(lost_entry(("acme", "x"), lost, now_ms=0))
    assert (origin.src, origin.n, origin.lost) == ("b.1", None, 7)
    assert origin.why == "queue_full:4,rate_limited:3"
    assert event.message == "7 events dropped by the runner: queue_full:4,rate_limited:3"


def test_a_long_reason_is_cut():
    lost = LaneLoss(causes={f"cause{number}": 1 for number in range(100)}, src="b.1")
    _, origin = read(lost_entry(("acme", "x"), lost, now_ms=0))
    assert (origin.lost, len(origin.why)) == (100, MOST_WHY)
