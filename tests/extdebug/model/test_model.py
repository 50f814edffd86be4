"""Promise 2 as a machine: whatever happens to the stream, to consoles and to clients, in any order,
each client has each entry exactly once and in order, or inside a stated loss with the true count.

The code under test is the hub's and the sessions' own (`StreamReader`, `WatchedStream`, `History`,
`CatchUp`, `deliver`); only the Redis below is a model. A failure prints the steps that lead to it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.streams import epochs
from extdebug.wire.events import GapReason
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import Cursor, Span, Start
from tests.extdebug.model.oracle import Judge
from tests.extdebug.model.parties import Client, Process
from tests.extdebug.model.server import Life, Server

EVEN = Filter.parse({"q": "even"})
SMALL = 2_000  # bytes of a ring: about ten events

few = st.integers(0, 2)
counts = st.integers(1, 6)


class Hurried(asyncio.SelectorEventLoop):
    """Nothing sleeps: what is waited for happens at the machine's own steps."""

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return super().call_later(0, callback, *args, context=context)


def _named(life: Life) -> bool:
    return any(name.startswith(EPOCH_PREFIX.encode()) for name in life.groups)


class Losses(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.processes = [Process(self.server, "h1"), Process(self.server, "h2")]
        self.clients: list[Client] = []
        self.numbers: dict[str, int] = {}
        self.seen: set[str] = set()  # producers that this life of the stream has heard of
        self.unmarked: dict[str, int] = {}
        self.late: dict[str, int] = {}  # a hole that was seen, whose marker may still come
        self.losses = False
        self.swapped = False
        self.runner = asyncio.Runner(loop_factory=Hurried)
        # Names of lives are random; here each example has the same each time.
        names = map("{:03x}".format, itertools.count())
        self.names = mock.patch.object(
            epochs, "secrets", mock.Mock(token_hex=lambda _: next(names))
        )
        self.names.start()

    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self.names.stop()
            self.runner.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    # --- the stream ---------------------------------------------------------------------------

    @initialize(lines=st.integers(0, 5), attached=st.booleans())
    def begin(self, lines: int, attached: bool) -> None:
        self.unnumbered(lines)
        if attached:
            self.run(self.processes[0].look(500))

    def _add(
        self, src: str | None, *, kind: str = "event", lost: int = 0, late: bool = False
    ) -> None:
        fields = {"message": f"{'odd' if self.server.written % 2 == 0 else 'even'} "}
        even = self.server.written % 2 == 1
        fields["message"] += str(self.server.written + 1)
        dropped = 0 if late else lost
        if kind == "unreadable":
            fields = {"nonsense": "x"}
        if src is not None:
            fields["src"] = src
            if kind == "event":
                self.numbers[src] = self.numbers.get(src, 0) + 1
                fields["n"] = str(self.numbers[src])
                unmarked = self.unmarked.pop(src, 0)
                if src in self.seen:
                    dropped = self.late[src] = unmarked
                self.seen.add(src)  # only from a number on can a hole be told
        if lost:
            fields |= {"lost": str(lost), "why": "queue full"}
        shown = lost if late else 0
        self.server.add(fields, kind=kind, even=even, dropped=dropped, late=shown)

    @rule(count=counts)
    def unnumbered(self, count: int) -> None:
        for _ in range(count):
            self._add(None)

    @rule(count=counts, src=st.sampled_from("ab"))
    def numbered(self, count: int, src: str) -> None:
        for _ in range(count):
            self._add(src)

    @rule(count=counts, src=st.sampled_from("ab"))
    def dropped_by_its_producer(self, count: int, src: str) -> None:
        self.numbers[src] = self.numbers.get(src, 0) + count
        self.server.dropped += count
        self.unmarked[src] = self.unmarked.get(src, 0) + count

    @rule(count=counts, src=st.sampled_from("ab"))
    def dropped_with_a_marker(self, count: int, src: str) -> None:
        self.numbers[src] = self.numbers.get(src, 0) + count
        self.server.dropped += count
        self._add(src, kind="marker", lost=count)

    @precondition(lambda self: any(self.late.values()))
    @rule(src=st.sampled_from("ab"))
    def late_marker(self, src: str) -> None:
        """The marker of a hole that the numbers have shown already."""
        if lost := self.late.pop(src, 0):
            self._add(src, kind="marker", lost=lost, late=True)

    @rule()
    def unreadable(self) -> None:
        self._add(None, kind="unreadable")

    @rule(ms=st.sampled_from([1, 2, 5, 400, 1500]))
    def time_passes(self, ms: int) -> None:
        self.server.now += ms

    @rule(count=st.integers(1, 12))
    def trim(self, count: int) -> None:
        self.losses = True
        self.server.trim(count)

    @rule(place=st.integers(0, 20))
    def delete_one(self, place: int) -> None:
        self.losses = True
        self.server.delete(place)

    @rule(lines=st.integers(0, 8))
    def replace(self, lines: int) -> None:
        self.losses = True
        self.server.replace()
        self.seen.clear()
        self.server.now += 1
        self.unnumbered(lines)

    @rule(answers=st.integers(1, 6), lines=few, what=st.sampled_from(["replace", "trim", "add"]))
    def soon(self, answers: int, lines: int, what: str) -> None:
        """While somebody reads, between two answers."""

        def happens() -> None:
            life = self.server.life
            if what == "add":
                self.unnumbered(lines)
            elif what == "trim":
                self.trim(lines)
            elif life is not None and _named(life):  # else nothing proves that it is another
                self.replace(lines)

        self.server.soon = answers, happens

    @rule(
        forgotten=st.integers(0, 4), nameless=st.booleans(), noticed=st.sampled_from([0, 1, 3]),
        replica=st.booleans(),
    )  # fmt: skip
    def restart(self, forgotten: int, nameless: bool, noticed: int, replica: bool) -> None:
        """`noticed`: bits of the processes whose connections break; others hang for a while."""
        self.losses = True
        for bit, process in enumerate(self.processes):
            if noticed & 1 << bit:
                process.cut_off()
        self.server.restart(forgotten, nameless=nameless, replica=replica)
        self.server.now += 1

    @precondition(lambda self: all(len(client.filters) == 1 for client in self.clients))
    @rule(lines=st.integers(0, 5))
    def swap(self, lines: int) -> None:
        """The first time another stream, then the earlier one again."""
        self.losses = self.swapped = True
        self.server.swap()
        self.server.now += 1
        self.unnumbered(lines)

    # --- consoles -----------------------------------------------------------------------------

    @rule(which=few, count=st.sampled_from([2, 5, 500]))
    def look(self, which: int, count: int) -> None:
        self.run(self.processes[which % 2].look(count))

    @rule(which=few, count=st.sampled_from([2, 500]))
    def read(self, which: int, count: int) -> None:
        self.run(self.processes[which % 2].read(count))

    @rule(which=few)
    def group_removed(self, which: int) -> None:
        """By hand: the epoch still proves the stream, where there is one."""
        life = self.server.life
        if life is not None:
            self.server.disruptions += not _named(life)
            life.groups.pop(self.processes[which % 2].group, None)

    @rule()
    def epoch_removed(self) -> None:
        """By hand: a reader's own group still proves the stream to it, and to nobody else."""
        life = self.server.life
        if life is not None and all(one.group in life.groups for one in self.processes):
            for name in [name for name in life.groups if name.startswith(EPOCH_PREFIX.encode())]:
                del life.groups[name]
            self.losses = True
            self.server.disruptions += 1

    # --- clients ------------------------------------------------------------------------------

    @rule(
        which=few,
        tail=st.sampled_from([0, 0, 3]),
        slow=st.booleans(),
        per_second=st.sampled_from([0, 0, 3]),
    )
    def new_client(self, which: int, tail: int, slow: bool, per_second: int) -> None:
        if len(self.clients) < 4:
            client = Client(ring_bytes=SMALL if slow else 1 << 20, per_second=per_second)
            self.clients.append(client)
            client.come(self.processes[which % 2], Start(tail=tail))

    def _client(self, which: int) -> Client:
        return self.clients[which % len(self.clients)]

    @precondition(lambda self: self.clients)
    @rule(which=few)
    def history(self, which: int) -> None:
        self.run(self._client(which).read())

    @precondition(lambda self: self.clients)
    @rule(which=few, most=counts, seconds=st.sampled_from([0.0, 0.5, 3.0]))
    def deliver(self, which: int, most: int, seconds: float) -> None:
        self.now = getattr(self, "now", 0.0) + seconds
        for _ in range(most):
            if not self._client(which).take(self.now):
                return

    @precondition(lambda self: self.clients)
    @rule(which=few, unreceived=st.sampled_from([0, 0, 1, 3]))
    def leave(self, which: int, unreceived: int) -> None:
        client = self._client(which)
        if client.process is not None and client.start is not None:
            client.leave(max(0, len(client.log) - unreceived))

    @precondition(lambda self: self.clients)
    @rule(which=few, where=few)
    def come_back(self, which: int, where: int) -> None:
        client = self._client(which)
        if client.process is None:
            self._back(client, where)

    def _back(self, client: Client, where: int) -> None:
        place = client.place
        if place is None:
            raise AssertionError("it left without a place")
        client.come(self.processes[where % 2], Start(cursor=Cursor.parse(str(place))))

    @precondition(lambda self: self.clients and not self.swapped)
    @rule(which=few, even=st.booleans())
    def filter(self, which: int, even: bool) -> None:
        client = self._client(which)
        if client.process is not None and client.start is not None:
            client.use(EVEN if even else EVERYTHING)

    @precondition(lambda self: self.clients)
    @rule(which=few, ms=st.sampled_from([-400, -2, 0, 1, 3, 900]), after=st.booleans())
    def range(self, which: int, ms: int, after: bool) -> None:
        """Up to a moment around now, or around its own place; where it ends it stands."""
        client = self._client(which)
        if client.process is not None and client.start is not None:
            base = client.flow.position.id.ms if after else self.server.now
            client.reads(Span(until_ms=max(0, base + ms)))

    @precondition(lambda self: self.clients)
    @rule(which=few, speed=st.sampled_from([None, 1.0, 0.001, 16.0]))
    def play(self, which: int, speed: float | None) -> None:
        client = self._client(which)
        if client.process is not None and client.start is not None:
            client.reads(Span(speed=speed))

    # --- the end ------------------------------------------------------------------------------

    def drain(self) -> None:
        """Everything comes to rest: all that is written was read, all that waits was told."""
        self.server.soon = None
        for where, client in enumerate(self.clients):
            if client.process is None:
                self._back(client, where)
            client.reads(Span())
        for src in list(self.numbers):  # only a number tells a new loss from a marker that was late
            self._add(src)
        now = getattr(self, "now", 0.0)
        for _ in range(12):
            self.server.now += 300
            for process in self.processes:
                self.run(process.look(500))
            for client in self.clients:
                for _ in range(40):
                    if not self.run(client.read()):
                        break
                for _ in range(200):
                    now += 3
                    if not client.take(now):
                        break
        for client in self.clients:
            Judge(self.server, client, losses=self.losses).judge()
        self.one_stream()

    def one_stream(self) -> None:
        """Where nothing happened to the stream's life, nobody believes that something did."""
        if not self.server.disruptions:
            for process in self.processes:
                told = process.watched.counts.lost
                assert not told.get(GapReason.RESET), "it is one stream, and no count is negative"


TestLosses = Losses.TestCase
TestLosses.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    derandomize="EXT_DEBUG_MODEL_SEEDS" not in os.environ,  # set: other examples each time
)


def test_a_line_that_another_stream_took_while_this_one_was_away_is_a_hole_of_its_producer():
    state = Losses()
    state.begin(lines=0, attached=True)
    state.new_client(per_second=0, slow=False, tail=0, which=0)
    state.numbered(count=1, src="a")
    state.swap(lines=0)
    state.numbered(count=1, src="a")
    state.swap(lines=0)
    state.teardown()


def test_all_that_went_behind_a_place_without_a_count_is_a_loss():
    state = Losses()
    state.begin(lines=1, attached=False)
    state.look(count=2, which=0)
    state.new_client(per_second=0, slow=False, tail=3, which=0)
    state.history(which=0)
    state.trim(count=1)
    state.teardown()


@pytest.mark.parametrize("noticed", [False, True])
def test_a_line_deleted_ahead_of_a_place_without_a_count_is_a_loss(noticed: bool) -> None:
    state = Losses()
    state.begin(lines=1, attached=False)
    state.look(count=2, which=0)
    state.new_client(per_second=0, slow=False, tail=3, which=0)
    state.unreadable()
    state.history(which=0)
    state.delete_one(place=1)
    if noticed:
        state.look(count=500, which=0)
    state.teardown()


def test_what_a_second_restart_took_that_the_process_missed_is_counted_once():
    state = Losses()
    state.begin(lines=5, attached=True)
    state.restart(forgotten=4, nameless=False, noticed=0, replica=False)
    state.new_client(per_second=0, slow=False, tail=0, which=0)
    state.numbered(count=1, src="a")
    state.history(which=0)
    state.restart(forgotten=0, nameless=True, noticed=0, replica=False)
    state.look(count=2, which=0)
    state.look(count=2, which=0)
    state.restart(forgotten=2, nameless=False, noticed=0, replica=False)
    state.numbered(count=1, src="a")
    state.teardown()


def test_a_process_that_missed_a_nameless_restart_is_waited_for():
    state = Losses()
    state.begin(lines=0, attached=True)
    state.new_client(per_second=0, slow=False, tail=0, which=0)
    state.history(which=0)
    state.numbered(count=2, src="b")
    state.leave(unreceived=0, which=0)
    state.restart(forgotten=0, nameless=True, noticed=1, replica=False)
    state.look(count=500, which=0)
    state.look(count=500, which=0)
    state.restart(forgotten=0, nameless=True, noticed=0, replica=False)
    state.come_back(where=0, which=0)
    state.history(which=0)
    state.teardown()
