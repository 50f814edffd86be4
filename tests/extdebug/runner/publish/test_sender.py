import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from redis.exceptions import ReadOnlyError

from extdebug.runner.config import PublisherConfig
from extdebug.runner.publish.commands import Packed
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.redis_sink import Uncertain, Unreachable
from extdebug.runner.publish.sender import Sender
from extdebug.wire.keys import Keys
from tests.fixtures.programs import wait_until

A: Stream = ("acme", "x")


class FakeSink:
    """Does what its script says with one batch after the other, then accepts everything."""

    def __init__(self, *script: Callable[[Sequence[bytes]], list[Any]]) -> None:
        self.script = list(script)
        self.connected = False
        self.wrote: list[bytes] = []
        self.said: list[str] = []
        self.refuse_connections = 0
        self.turn_away = 0

    def connect(self) -> bool:
        if self.connected:
            return False
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise Unreachable("nobody there")
        self.connected = True
        self.said.append("connected")
        return True

    def probe(self, key: str) -> None:
        self.said.append(f"probe {key}")
        if self.turn_away:
            self.turn_away -= 1
            self.connected = False
            raise Unreachable("max number of clients reached")

    def write(self, commands: Sequence[bytes]) -> list[Any]:
        if self.script:
            return self.script.pop(0)(commands)
        self.wrote += commands
        return [b"1-1"] * len(commands)

    def close(self) -> None:
        self.connected = False
        self.said.append("closed")


class Rig:
    def __init__(self, *script: Callable[[Sequence[bytes]], list[Any]]) -> None:
        self.sink = FakeSink(*script)
        self.open_ends: list[tuple[Stream, int]] = []
        self.sender = Sender(
            PublisherConfig(),
            self.sink,
            keys=Keys("ext-debug:"),
            bounds=Bounds(),
            unsettled=lambda stream, count: self.open_ends.append((stream, count)),
        )

    def put(self, *numbers: int) -> None:
        self.sender.put(A, [Packed(str(number).encode(), "s") for number in numbers])

    def wait(self) -> None:
        wait_until(self.sender.idle, what="the sender")


@pytest.fixture
def make() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def build(*script: Callable[[Sequence[bytes]], list[Any]], start: bool = True) -> Rig:
        rigs.append(Rig(*script))
        if start:
            rigs[-1].sender.start()
        return rigs[-1]

    yield build
    for rig in rigs:
        rig.sender.close()


def test_what_is_put_is_written_after_a_probe(make):
    rig = make()
    rig.put(1, 2, 3)
    rig.wait()
    assert rig.sink.said[:2] == ["connected", "probe ext-debug:probe"]
    assert rig.sink.wrote == [b"1", b"2", b"3"]
    stats = rig.sender.stats()
    assert (stats["written"], stats["unsent"], stats["connected"]) == (3, 0, True)


def test_a_loss_is_written_as_a_marker(make):
    rig = make()
    rig.sender.put(A, [LaneLoss(causes={"rate_limited": 4}, src="s")])
    rig.wait()
    (marker,) = rig.sink.wrote
    assert b"ext-debug:acme:x" in marker
    assert b"rate_limited:4" in marker
    assert rig.sender.stats()["markers"] == 1


def test_a_batch_that_found_no_connection_is_written_whole_on_the_next_one(make):
    """Nothing of it left this process, so nothing of it is uncertain."""

    def gone(commands: Sequence[bytes]) -> list[Any]:
        raise Unreachable("not connected")

    rig = make(gone)
    rig.put(1, 2, 3)
    rig.wait()
    assert rig.sink.wrote == [b"1", b"2", b"3"]
    stats = rig.sender.stats()
    assert (stats["written"], stats["uncertain"], rig.open_ends) == (3, 0, [])


@pytest.mark.parametrize("how", ["refuse_connections", "turn_away"])
def test_who_cannot_connect_loses_nothing_and_says_so_once(make, how, caplog):
    caplog.set_level("INFO", logger="extdebug.runner")
    rig = make(start=False)
    setattr(rig.sink, how, 3)
    rig.put(1, 2)
    rig.sender.start()
    rig.wait()
    assert rig.sink.wrote == [b"1", b"2"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("debug events do not reach Redis")
    assert said[1].startswith("Redis answers again")
    assert rig.sender.trouble is not None


def test_a_demoted_server_is_left_for_another_connection(make):
    rig = make(lambda commands: [ReadOnlyError("a replica")] * len(commands))
    rig.put(1, 2)
    rig.wait()
    assert rig.sink.wrote == [b"1", b"2"]
    assert rig.sink.said.count("connected") == 2


def test_a_batch_that_broke_off_is_not_repeated(make):
    def broken(commands: Sequence[bytes]) -> list[Any]:
        raise Uncertain("reset", results=[])

    rig = make(broken)
    rig.put(1, 2, 3)
    wait_until(lambda: rig.sink.wrote == [b"2", b"3"], what="the rest")
    assert rig.open_ends == [(A, 1)]
    assert rig.sender.stats()["uncertain"] == 1


def test_a_mistake_under_a_write_counts_the_batch_and_ends_nothing(make, caplog):
    def mistaken(commands: Sequence[bytes]) -> list[Any]:
        raise ZeroDivisionError

    rig = make(mistaken)
    rig.put(1, 2)
    wait_until(lambda: rig.sink.wrote == [b"2"], what="the rest")
    assert rig.sender.stats()["uncertain"] == 1
    assert "send thread failed" in caplog.text


def test_closing_under_a_write_ends_it_and_its_batch_is_counted(make):
    writing, end = threading.Event(), threading.Event()

    def frozen(commands: Sequence[bytes]) -> list[Any]:
        writing.set()
        end.wait(10)
        raise Uncertain("closed", results=[])

    rig = make(frozen)
    rig.sink.close = end.set
    rig.put(1, 2)
    assert writing.wait(5)
    rig.sender.close()
    stats = rig.sender.stats()
    assert (stats["uncertain"], stats["unsent"], stats["written"]) == (1, 1, 0)
