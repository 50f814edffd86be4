"""Every entry that a reader did not see is counted once, whatever happened to the stream."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss, Run, Step
from extdebug.streams.replies import Row, Snapshot, read_keys, read_snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, EntryId
from tests.faults.oracle import Item, Shown, Stated, Written, judge
from tests.fixtures.redis import RedisServer


@dataclass
class Model:
    """A Redis stream as its documentation describes it."""

    entries: list[EntryId] = field(default_factory=list)
    everything: list[EntryId] = field(default_factory=list)

    def add(self, count: int, *, maxlen: int | None = None) -> None:
        for _ in range(count):
            id = EntryId(1000 + len(self.everything), 0)
            self.everything.append(id)
            self.entries.append(id)
            if maxlen is not None:
                del self.entries[: max(0, len(self.entries) - maxlen)]

    def trim(self, count: int) -> None:
        del self.entries[:count]

    def delete(self, place: float) -> None:
        if self.entries:
            del self.entries[int(place * len(self.entries)) % len(self.entries)]

    def snapshot(self) -> Snapshot:
        return Snapshot(
            exists=bool(self.everything),
            length=len(self.entries),
            added=len(self.everything),
            top=self.everything[-1] if self.everything else ZERO_ID,
            first=self.entries[0] if self.entries else None,
            last=self.entries[-1] if self.entries else None,
        )

    def after(self, cursor: EntryId, count: int) -> list[EntryId]:
        return [id for id in self.entries if id > cursor][:count]


class Reader:
    """Follows a stream as the tail does and keeps what it was told."""

    def __init__(self, account: Continuity) -> None:
        self.account = account
        self.log: list[Item] = []

    def take(self, steps: list[Step], ids: list[EntryId]) -> None:
        for step in steps:
            match step:
                case Run(start, stop, index):
                    for offset, id in enumerate(ids[start:stop]):
                        assert index is None or index + offset >= 1
                        self.log.append(Shown("s", id.ms, str(id)))
                case Loss():
                    before = str(step.before) if step.before else None
                    self.log.append(Stated(step.reason, step.missed, str(step.after), before))

    def look(self, model: Model, count: int) -> None:
        """A snapshot and a read in one transaction."""
        start = self.account.cursor
        ids = model.after(start, count)
        self.take(self.account.probe(model.snapshot()), [])
        assert self.account.cursor >= start, "nothing was replaced here"
        if ids:
            self.take(self.account.got(ids), ids)

    def probe(self, model: Model) -> None:
        self.take(self.account.probe(model.snapshot()), [])

    def read(self, model: Model, count: int) -> None:
        """A read alone, as at the tip."""
        if ids := model.after(self.account.cursor, count):
            self.take(self.account.got(ids), ids)


Move = tuple[str, int, float]
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "add", "burst", "trim", "empty", "delete", "look", "read", "probe"]
        ),
        st.integers(1, 12),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=60,
)


def play(moves: list[Move], *, reads: bool) -> tuple[Model, Reader]:
    model = Model()
    model.add(5)
    model.trim(2)
    reader = Reader(Continuity(cursor=ZERO_ID, index=0))
    for move, count, place in moves:
        match move:
            case "add":
                model.add(count)
            case "burst":  # more than the cap: what no reader could have seen is gone at once
                model.add(count * 2, maxlen=count)
            case "trim":
                model.trim(count)
            case "empty":
                model.trim(len(model.entries))
            case "delete":
                model.delete(place)
            case "look":
                reader.look(model, count)
            case "read" if reads:
                reader.read(model, count)
            case "probe" if reads:
                reader.probe(model)
    while reader.account.cursor < (model.snapshot().last or ZERO_ID):
        reader.look(model, 7)
    reader.probe(model)
    return model, reader


def check_counts(model: Model, reader: Reader) -> None:
    """Delivered once and in order; the rest is what the losses say, in sum."""
    shown = [item.n for item in reader.log if isinstance(item, Shown)]
    assert shown == sorted(set(shown))
    stated = [item for item in reader.log if isinstance(item, Stated)]
    assert all(item.reason == "retention" for item in stated)
    assert sum(item.missed or 0 for item in stated) == len(model.everything) - len(shown)
    assert all(item.missed for item in stated)
    assert reader.account.index == len(model.everything)
    assert reader.account.settled


@settings(max_examples=400, deadline=None)
@given(moves=MOVES)
def test_every_lost_entry_is_counted_once_however_reads_and_probes_interleave(
    moves: list[Move],
) -> None:
    check_counts(*play(moves, reads=True))


@settings(max_examples=400, deadline=None)
@given(moves=MOVES)
def test_reads_that_carry_their_snapshot_place_every_trim(moves: list[Move]) -> None:
    """Single entries deleted by hand ahead of the reader are counted, but their place is not known
    when a trim hides them: a snapshot tells how many are gone, not which."""
    moves = [move for move in moves if move[0] != "delete"]
    model, reader = play(moves, reads=False)
    check_counts(model, reader)
    written = [Written("s", id.ms, str(id)) for id in model.everything]
    assert not judge(reader.log, written, reasons=["retention"]).wrong


# --- the same on a real server ------------------------------------------------------------------

KEY = "s"


@dataclass
class RealRun:
    """Random work on a real stream, and its reader."""

    client: Any
    link: Link
    chance: random.Random
    everything: list[EntryId] = field(default_factory=list)
    reader: Reader = field(default_factory=lambda: Reader(Continuity(cursor=ZERO_ID, index=0)))

    def add(self, count: int, *cap: str | int) -> None:
        for _ in range(count):
            id = self.client.execute_command("XADD", KEY, *cap, "*", "n", len(self.everything))
            self.everything.append(EntryId.parse(id))

    def change(self) -> None:
        draw = self.chance.randint
        match self.chance.choice(["add"] * 3 + ["cap", "about", "trim", "empty", "xdel", "reload"]):
            case "add":
                self.add(draw(1, 40))
            case "cap":
                self.add(draw(2, 30), "MAXLEN", draw(0, 20))
            case "about":
                self.add(draw(100, 250), "MAXLEN", "~", 100)
            case "trim":
                self.client.xtrim(KEY, maxlen=draw(0, 50), approximate=False)
            case "empty" if draw(0, 2) == 0:
                self.client.xtrim(KEY, maxlen=0, approximate=False)
            case "xdel":
                lease = [id for id, _ in self.client.xrange(KEY)]
                some = self.chance.sample(lease, min(len(lease), draw(1, 5)))
                self.client.xdel(KEY, *some or ["0-1"])
            case "reload" if draw(0, 4) == 0:
                self.client.execute_command("DEBUG", "RELOAD")

    async def follow(self) -> None:
        account, reader = self.reader.account, self.reader
        count = self.chance.randint(1, 50)
        match self.chance.choice(["read", "look", "probe"]):
            case "read":
                start = str(account.cursor)
                found = ids_of(await self.link.call("XREAD", "COUNT", count, "STREAMS", KEY, start))
                if found:
                    reader.take(account.got(found), found)
            case "look":
                await self.look(count)
            case "probe":
                reply = await self.link.call("XINFO", "STREAM", KEY)
                reader.take(account.probe(read_snapshot(reply)), [])

    async def look(self, count: int) -> None:
        account, start = self.reader.account, str(self.reader.account.cursor)
        info, reply = await self.link.atomic(
            ("XINFO", "STREAM", KEY), ("XREAD", "COUNT", count, "STREAMS", KEY, start)
        )
        self.reader.take(account.probe(read_snapshot(info)), [])
        if found := ids_of(reply):
            self.reader.take(account.got(found), found)


def ids_of(reply: object) -> list[EntryId]:
    found: list[tuple[bytes, list[Row]]] = read_keys(reply)
    return [row[0] for row in found[0][1]] if found else []


async def real_run(server: RedisServer, seed: int) -> int:
    """How many entries were lost in one random run, after all checks."""
    link = Link(server.url)
    with server.client() as client:
        client.flushall()
        run = RealRun(client, link, random.Random(seed))
        run.add(3)
        for _ in range(60):
            run.change()
            await run.follow()
        run.add(1)
        while run.reader.account.cursor < run.everything[-1]:
            await run.look(50)
        await run.look(50)
    await link.close()
    places = {id: n for n, id in enumerate(run.everything)}
    log = run.reader.log
    shown = [places[EntryId.parse(item.id)] for item in log if isinstance(item, Shown)]
    assert shown == sorted(set(shown))
    stated = sum(item.missed or 0 for item in log if isinstance(item, Stated))
    assert stated == len(run.everything) - len(shown)
    assert run.reader.account.index == len(run.everything)
    return stated


async def test_on_a_real_server_every_lost_entry_is_counted_once(
    redis_server_factory: Callable[..., RedisServer],
) -> None:
    server = redis_server_factory("--stream-node-max-entries", "20")
    lost = [await real_run(server, seed) for seed in range(25)]
    assert sum(lost) > 1000, "these runs lose entries, or they prove nothing"


# --- replaced streams ---------------------------------------------------------------------------


def at(ms: int) -> EntryId:
    return EntryId(ms, 0)


def snapshot(*, added: int, first: int, last: int, length: int | None = None) -> Snapshot:
    return Snapshot(
        exists=True, length=last - first + 1 if length is None else length, added=added,
        top=at(last), first=at(first), last=at(last),
    )  # fmt: skip


def settled_at(last: int, *, run_id: str = "a") -> Continuity:
    account = Continuity(cursor=ZERO_ID, index=0, run_id=run_id)
    account.probe(snapshot(added=last, first=1, last=last), run_id=run_id)
    account.got([at(n) for n in range(1, last + 1)])
    assert account.settled
    return account


def losses(steps: list[Step]) -> list[Loss]:
    return [step for step in steps if isinstance(step, Loss)]


def test_a_lower_top_is_a_reset_and_reading_begins_anew() -> None:
    account = settled_at(50)
    steps = account.probe(snapshot(added=2, first=1, last=2), run_id="a")
    assert [(loss.reason, loss.missed) for loss in losses(steps)] == [(GapReason.RESET, None)]
    assert account.cursor == ZERO_ID


def test_an_absent_stream_that_was_there_is_a_reset_once() -> None:
    account = settled_at(50)
    gone = Snapshot(exists=False)
    assert [loss.reason for loss in losses(account.probe(gone))] == [GapReason.RESET]
    assert losses(account.probe(gone)) == []
    steps = account.probe(snapshot(added=3, first=90, last=92))
    assert losses(steps) == []
    assert account.got([at(90), at(91), at(92)])[0] == Run(0, 3, 1)


def test_a_stream_that_grew_past_the_old_count_is_told_by_the_mark() -> None:
    account = settled_at(50)
    refilled = snapshot(added=80, first=40, last=119)
    assert not account.suspicious(refilled)
    assert account.suspicious(refilled, epoch_lost=True)
    steps = account.probe(refilled, epoch_lost=True, present=frozenset())
    assert [loss.reason for loss in losses(steps)] == [GapReason.RESET]


def test_a_restart_goes_on_at_the_last_place_that_survived_and_shows_nothing_twice() -> None:
    account = settled_at(30)
    account.probe(snapshot(added=50, first=1, last=50), run_id="a")
    account.got([at(n) for n in range(31, 51)])
    back = snapshot(added=40, first=1, last=60, length=40)  # 41-50 were never written to disk
    steps = account.probe(back, run_id="b", present=frozenset({at(30)}))
    assert [(loss.reason, loss.missed) for loss in losses(steps)] == [(GapReason.RESET, None)]
    ids = [*range(31, 41), *range(51, 61)]
    runs = [step for step in account.got([at(n) for n in ids]) if isinstance(step, Run)]
    shown = [ids[i] for run in runs for i in range(run.start, run.stop)]
    assert shown == list(range(51, 61))


def test_another_server_is_a_failover() -> None:
    account = settled_at(30)
    steps = account.probe(
        snapshot(added=25, first=1, last=25), run_id="b", failover=True, present=frozenset()
    )
    assert [loss.reason for loss in losses(steps)] == [GapReason.FAILOVER]


@pytest.mark.parametrize("index", [None, 7])
def test_a_cursor_above_the_top_is_of_another_stream(index: int | None) -> None:
    account = Continuity(cursor=at(900), index=index)
    steps = account.probe(snapshot(added=10, first=1, last=10))
    assert [loss.reason for loss in losses(steps)] == [GapReason.RESET]
    assert account.cursor == ZERO_ID


def test_a_cursor_with_its_index_states_what_retention_took_exactly() -> None:
    account = Continuity(cursor=at(10), index=10)
    steps = account.probe(snapshot(added=100, first=61, last=100))
    assert [(loss.reason, loss.missed) for loss in losses(steps)] == [(GapReason.RETENTION, 50)]


def test_a_cursor_without_index_states_an_unknown_number() -> None:
    account = Continuity(cursor=at(10), index=None)
    steps = account.probe(snapshot(added=100, first=61, last=100))
    assert [(loss.reason, loss.missed) for loss in losses(steps)] == [(GapReason.RETENTION, None)]


def test_a_reader_that_claims_nothing_states_nothing_about_what_came_before() -> None:
    account = Continuity(cursor=at(10), index=None, unclaimed=True)
    assert losses(account.probe(snapshot(added=100, first=61, last=100))) == []


def test_an_idle_stream_at_the_tip_holds_no_memory_of_its_replies() -> None:
    account = settled_at(10)
    for n in range(11, 5011):
        account.got([at(n)])
    assert len(account._suspects) == 1
    assert len(account._delivered) <= 20_000


def test_another_servers_copy_shows_nothing_twice_though_no_settled_place_survived() -> None:
    account = Continuity(cursor=at(5), index=5, run_id="a")
    account.got([at(n) for n in range(6, 31)])
    steps = account.probe(snapshot(added=20, first=1, last=20), run_id="b", failover=True)
    assert [loss.reason for loss in losses(steps)] == [GapReason.FAILOVER]
    ids = [*range(1, 21), 40, 41]
    runs = [step for step in account.got([at(n) for n in ids]) if isinstance(step, Run)]
    shown = [ids[i] for run in runs for i in range(run.start, run.stop)]
    assert shown == [1, 2, 3, 4, 5, 40, 41], "what was before our beginning cannot be known"


def test_the_place_where_a_reader_began_is_a_way_back() -> None:
    account = Continuity(cursor=at(5), index=5, run_id="a")
    account.got([at(n) for n in range(6, 31)])
    copy = snapshot(added=20, first=1, last=20)
    account.probe(copy, run_id="b", failover=True, present=frozenset({at(5)}))
    ids = [*range(6, 21), 40, 41]
    runs = [step for step in account.got([at(n) for n in ids]) if isinstance(step, Run)]
    assert [ids[i] for run in runs for i in range(run.start, run.stop)] == [40, 41]
