import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.runner.wrap.pass_through import PIECES, PassThrough, Route, open_pipe


class Listener:
    """Notes what one output was fed with, and when it stood still."""

    def __init__(self, name: str, heard: list[tuple[str, bytes]]) -> None:
        self.name = name
        self.heard = heard
        self.held: list[bool] = []

    def feed(self, data: bytes) -> None:
        self.heard.append((self.name, data))

    def hold(self, *, held: bool) -> None:
        self.held.append(held)


class Rig:
    """Two pipes as a command's outputs, two as the readers', and what was heard in order."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.listeners = [Listener("out", self.heard), Listener("err", self.heard)]
        self.out, self.err = open_pipe(), open_pipe()
        self.reader, self.err_reader = os.pipe(), os.pipe()
        self.wake, self.bell = os.pipe()
        self.routes = [
            Route(source, None if quiet else reader, listener)
            for source, reader, listener in zip(
                (self.out[0], self.err[0]),
                (self.reader[1], self.err_reader[1]),
                self.listeners,
                strict=True,
            )
        ]
        self.loop = PassThrough(self.routes, wake=self.wake)

    def end(self) -> None:
        os.close(self.out[1])
        os.close(self.err[1])

    def close(self) -> None:
        for fd in (*self.reader, *self.err_reader, self.wake, self.bell, self.out[1], self.err[1]):
            try:
                os.close(fd)
            except OSError:
                continue
        for route in self.routes:
            route.close()


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.close()


def forever() -> None:
    return None


def test_everything_is_heard_and_passed_on_in_the_order_it_was_written(rig):
    for n in range(20):
        os.write(rig.out[1], b"out %d\n" % n)
        os.write(rig.err[1], b"err %d\n" % n)
    rig.end()
    assert rig.loop.run(forever)
    assert [data for _, data in rig.heard] == [
        part for n in range(20) for part in (b"out %d\n" % n, b"err %d\n" % n)
    ]
    assert os.read(rig.reader[0], 10**6) == b"".join(b"out %d\n" % n for n in range(20))
    assert os.read(rig.err_reader[0], 10**6) == b"".join(b"err %d\n" % n for n in range(20))


@pytest.mark.parametrize("quiet", [True, False])
@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(
        st.sampled_from([("out",), ("err",), ("out", "err"), ("err", "out")]),
        min_size=1,
        max_size=12,
    )
)
def test_after_a_silence_the_output_that_was_written_first_is_heard_first(quiet, groups):
    """Each group is written while the loop is busy elsewhere, after all before it was read."""
    rig = Rig(quiet=quiet)
    ends = {"out": rig.out[1], "err": rig.err[1]}
    written: list[str] = []
    left = [*groups, None]

    def write_when_silent() -> None:
        if len(rig.heard) == len(written) and not any(route.waiting for route in rig.routes):
            group = left.pop(0)
            if group is None:
                rig.end()
                left.append(("ended",))
                written.append("ended")
                return
            for name in group:
                os.write(ends[name], b"%d\n" % len(written))
                written.append(name)

    assert rig.loop.run(write_when_silent)
    rig.close()
    assert [name for name, _ in rig.heard] == written[:-1]


@pytest.mark.parametrize("lines", [1, 40])
def test_a_line_whose_end_is_written_by_itself_is_not_parted_by_the_other_output(rig, lines):
    for n in range(lines):
        for fd, text in ((rig.out[1], b"out %d"), (rig.err[1], b"err %d")):
            os.write(fd, text % n)
            os.write(fd, b"\n")
    rig.end()
    assert rig.loop.run(forever)
    assert b"".join(data for _, data in rig.heard) == b"".join(
        b"out %d\nerr %d\n" % (n, n) for n in range(lines)
    )


def test_the_end_of_a_line_of_many_pieces_comes_before_what_was_written_after_it(rig):
    """A progress bar's states, one at a time; its last one, its end and then a line elsewhere."""
    states = [b"\r%d %%" % n for n in range(PIECES * 2)]
    last = [(rig.err[1], b"\r100 %"), (rig.err[1], b"\n"), (rig.out[1], b"done\n")]
    left = list(states)

    def write_when_silent() -> None:
        if len(rig.heard) == len(states) - len(left) and not any(r.waiting for r in rig.routes):
            if left:
                os.write(rig.err[1], left.pop(0))
                return
            for end, data in last:
                os.write(end, data)
            left.append(b"all")
            rig.end()

    assert rig.loop.run(write_when_silent)
    assert [data for _, data in rig.heard][-3:] == [data for _, data in last]


def test_an_output_without_line_ends_does_not_keep_the_other_waiting(rig):
    for n in range(60):
        os.write(rig.out[1], b"%d," % n)
    os.write(rig.err[1], b"err\n")
    rig.end()
    assert rig.loop.run(forever)
    assert rig.heard.index(("err", b"err\n")) <= PIECES + 1


def test_a_slow_reader_gets_everything_and_holds_up_only_its_own_output(rig):
    data = os.urandom(600_000)

    def write() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(rig.out[1], view) :]
        os.close(rig.out[1])

    threading.Thread(target=write, daemon=True).start()
    loop = threading.Thread(target=lambda: rig.loop.run(forever), daemon=True)
    loop.start()
    time.sleep(0.2)  # nobody reads stdout yet: its pipe is full
    assert rig.listeners[0].held[-1]
    os.write(rig.err[1], b"still here\n")
    assert os.read(rig.err_reader[0], 100) == b"still here\n"
    os.close(rig.err[1])
    got = b""
    while len(got) < len(data):
        got += os.read(rig.reader[0], 65536)
    loop.join(5)
    assert not loop.is_alive()
    assert not rig.listeners[0].held[-1]
    assert got == data
    assert b"".join(part for name, part in rig.heard if name == "out") == data


def test_a_reader_that_has_gone_ends_that_output_for_the_command(rig):
    os.close(rig.reader[0])
    os.write(rig.out[1], b"nobody reads\n")
    os.write(rig.err[1], b"the other goes on\n")
    os.close(rig.err[1])
    assert rig.loop.run(forever)
    with pytest.raises(BrokenPipeError):
        os.write(rig.out[1], b"more")
    assert rig.routes[0].error is None
    assert os.read(rig.err_reader[0], 100) == b"the other goes on\n"


def test_an_output_that_cannot_be_written_says_why():
    source, writer = open_pipe()
    wake, bell = os.pipe()
    with Path("/dev/full").open("wb") as full:
        os.write(writer, b"x\n")
        os.close(writer)
        route = Route(source, full.fileno(), Listener("out", []))
        assert PassThrough([route], wake=wake).run(forever)
    assert route.error is not None
    assert route.error.errno == 28
    os.close(wake)
    os.close(bell)


def test_the_limit_is_asked_again_at_each_ring_and_ends_the_wait(rig):
    asked: list[float | None] = []
    until: list[float | None] = [None]

    def limit() -> float | None:
        asked.append(until[0])
        return until[0]

    loop_ended: list[bool] = []
    loop = threading.Thread(target=lambda: loop_ended.append(rig.loop.run(limit)), daemon=True)
    loop.start()
    time.sleep(0.1)
    assert asked == [None]
    until[0] = time.monotonic()
    os.write(rig.bell, b"!")
    loop.join(5)
    assert loop_ended == [False]
    with pytest.raises(BrokenPipeError):
        os.write(rig.out[1], b"late")


def test_without_a_reader_it_is_heard_alone_and_in_turn():
    rig = Rig(quiet=True)
    for n in range(3):
        os.write(rig.out[1], b"out %d\n" % n)
        os.write(rig.err[1], b"err %d\n" % n)
    rig.end()
    assert rig.loop.run(forever)
    assert rig.heard == [
        part
        for n in range(3)
        for part in (("out", b"out %d\n" % n), ("err", b"err %d\n" % n))
    ]  # fmt: skip
    rig.close()


def test_a_terminal_ends_when_its_last_writer_has_gone():
    master, slave = os.openpty()
    wake, bell = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", "print('x')"], stdout=slave)
    os.close(slave)
    heard: list[tuple[str, bytes]] = []
    assert PassThrough([Route(master, None, Listener("out", heard))], wake=wake).run(forever)
    assert b"".join(data for _, data in heard) == b"x\r\n"
    assert child.wait(10) == 0
    os.close(wake)
    os.close(bell)


def test_what_a_reader_does_not_take_at_once_is_passed_on_whole(rig):
    """More in one read than a pipe takes in one write."""
    source, writer = os.pipe()
    said = bytes(range(256)) * 200
    os.write(writer, said)
    os.close(writer)
    rig.loop.routes[0].close()
    rig.loop.routes[0] = Route(source, rig.reader[1], rig.listeners[0])
    rig.end()
    took: list[bytes] = []

    def take() -> None:
        while len(b"".join(took)) < len(said) and (data := os.read(rig.reader[0], 3000)):
            took.append(data)

    reader = threading.Thread(target=take, daemon=True)
    reader.start()
    assert rig.loop.run(forever)
    reader.join(5)
    assert b"".join(took) == said
