"""Every entry that a reader did not see is counted once, whatever happened to the stream."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss, go_on, missing
from extdebug.streams.replies import Row, Snapshot, read_keys, read_snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, behind
from tests.faults.oracle import Item, Shown, Stated, Written, judge
from tests.fixtures.redis import RedisServer

RUN_ID = "ab" * 20
NEXT_RUN = "cd" * 20
EPOCH = "00000000001" + "ab" * 4 + "00001"
OTHER_EPOCH = "00000000002" + "ab" * 4 + "00002"
NEXT_EPOCH = "00000000003" + "cd" * 4 + "00003"


def at(ms: int) -> EntryId:
    return EntryId(ms, 0)


def place(ms: int, index: int | None, epoch: str = EPOCH) -> Cursor:
    return Cursor(at(ms), index, epoch)


@dataclass
class Model:
    """A Redis stream as its documentation describes it."""

    entries: list[EntryId] = field(default_factory=list)
    everything: list[EntryId] = field(default_factory=list)
    deleted: EntryId = ZERO_ID

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
            gone = self.entries.pop(int(place * len(self.entries)) % len(self.entries))
            self.deleted = max(self.deleted, gone)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            exists=bool(self.everything),
            length=len(self.entries),
            added=len(self.everything),
            top=self.everything[-1] if self.everything else ZERO_ID,
            first=self.entries[0] if self.entries else None,
            last=self.entries[-1] if self.entries else None,
            deleted=self.deleted,
            epochs=(EPOCH,),
        )

    def after(self, cursor: EntryId, count: int) -> list[EntryId]:
        return [id for id in self.entries if id > cursor][:count]


class Reader:
    """Follows a stream as the tail does and keeps what it was told."""

    def __init__(self, account: Continuity) -> None:
        self.account = account
        self.log: list[Item] = []

    def lose(self, losses: list[Loss]) -> None:
        for loss in losses:
            before = str(loss.before) if loss.before else None
            self.log.append(Stated(loss.reason, loss.missed, str(loss.after), before))

    def take(self, ids: list[EntryId]) -> None:
        self.log += [Shown("s", id.ms, str(id)) for id in ids]
        self.account.read(ids)

    def look(self, snapshot: Snapshot, ids: list[EntryId], *, whole: bool) -> None:
        """A snapshot and a read in one transaction."""
        stood = self.account.at.id
        self.lose(self.account.look(snapshot, ids, whole=whole))
        self.take(ids)
        if whole:
            self.account.settle(snapshot)
        assert self.account.at.id >= stood

    def look_at(self, model: Model, count: int) -> None:
        ids = model.after(self.account.at.id, count)
        self.look(model.snapshot(), ids, whole=len(ids) < count)

    def read_from(self, model: Model, count: int) -> None:
        """A read alone, as at the tip."""
        self.take(model.after(self.account.at.id, count))


Move = tuple[str, int, float]
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "burst", "trim", "empty", "delete", "look", "read"]),
        st.integers(1, 12),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=60,
)


def play(moves: list[Move], *, reads: bool) -> tuple[Model, Reader]:
    model = Model()
    model.add(5)
    model.trim(2)
    reader = Reader(Continuity(Cursor(ZERO_ID, 0, EPOCH)))
    for move, count, where in moves:
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
                model.delete(where)
            case "look":
                reader.look_at(model, count)
            case "read" if reads:
                reader.read_from(model, count)
    while reader.account.at.id < (model.snapshot().last or ZERO_ID):
        reader.look_at(model, 7)
    reader.look_at(model, 7)
    return model, reader


def check_counts(model: Model, reader: Reader) -> None:
    """Delivered once and in order; the rest is what the losses say, in sum."""
    shown = [item.n for item in reader.log if isinstance(item, Shown)]
    assert shown == sorted(set(shown))
    stated = [item for item in reader.log if isinstance(item, Stated)]
    assert all(item.reason == "retention" for item in stated)
    assert sum(item.missed or 0 for item in stated) == len(model.everything) - len(shown)
    assert all(item.missed for item in stated)
    assert reader.account.at.index == len(model.everything)
    assert reader.account.proved == reader.account.at.id


@settings(max_examples=400, deadline=None)
@given(moves=MOVES)
def test_every_lost_entry_is_counted_once_however_reads_and_looks_interleave(
    moves: list[Move],
) -> None:
    check_counts(*play(moves, reads=True))


@settings(max_examples=400, deadline=None)
@given(moves=MOVES)
def test_looks_place_every_trim(moves: list[Move]) -> None:
    """Single entries deleted by hand ahead of the reader are counted, but their place is not known
    when a trim hides them: a snapshot tells how many are gone, not which."""
    moves = [move for move in moves if move[0] != "delete"]
    model, reader = play(moves, reads=False)
    check_counts(model, reader)
    written = [Written("s", id.ms, str(id)) for id in model.everything]
    assert not judge(reader.log, written, reasons=["retention"]).wrong


@settings(max_examples=200, deadline=None)
@given(moves=MOVES)
def test_a_loss_that_is_found_late_is_placed_from_where_it_may_have_begun(
    moves: list[Move],
) -> None:
    moves = [move for move in moves if move[0] != "delete"]
    model, reader = play(moves, reads=True)
    shown = {item.id for item in reader.log if isinstance(item, Shown)}
    for item in reader.log:
        if isinstance(item, Stated):
            assert item.before is not None
            after, before = EntryId.parse(item.after or ""), EntryId.parse(item.before)
            within = [id for id in model.everything if after < id < before]
            assert (item.missed or 0) <= sum(str(id) not in shown for id in within)


# --- the same on a real server ------------------------------------------------------------------

KEY = "s"


@dataclass
class RealRun:
    """Random work on a real stream, and its reader."""

    client: Any
    link: Link
    chance: random.Random
    everything: list[EntryId] = field(default_factory=list)
    reader: Reader = field(default_factory=lambda: Reader(Continuity(Cursor(ZERO_ID, 0))))

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
                held = [id for id, _ in self.client.xrange(KEY)]
                some = self.chance.sample(held, min(len(held), draw(1, 5)))
                self.client.xdel(KEY, *some or ["0-1"])
            case "reload" if draw(0, 4) == 0:
                self.client.execute_command("DEBUG", "RELOAD")

    async def follow(self) -> None:
        count = self.chance.randint(1, 50)
        if self.chance.choice([True, False]):
            start = str(self.reader.account.at.id)
            self.reader.take(
                ids_of(await self.link.call("XREAD", "COUNT", count, "STREAMS", KEY, start))
            )
        else:
            await self.look(count)

    async def look(self, count: int) -> None:
        start = str(self.reader.account.at.id)
        info, reply = await self.link.atomic(
            ("XINFO", "STREAM", KEY), ("XREAD", "COUNT", count, "STREAMS", KEY, start)
        )
        found = ids_of(reply)
        self.reader.look(read_snapshot(info), found, whole=len(found) < count)


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
        while run.reader.account.at.id < run.everything[-1]:
            await run.look(50)
        await run.look(50)
    await link.close()
    places = {id: n for n, id in enumerate(run.everything)}
    log = run.reader.log
    shown = [places[EntryId.parse(item.id)] for item in log if isinstance(item, Shown)]
    assert shown == sorted(set(shown))
    stated = sum(item.missed or 0 for item in log if isinstance(item, Stated))
    assert stated == len(run.everything) - len(shown)
    assert run.reader.account.at.index == len(run.everything)
    return stated


async def test_on_a_real_server_every_lost_entry_is_counted_once(
    redis_server_factory: Callable[..., RedisServer],
) -> None:
    server = redis_server_factory("--stream-node-max-entries", "20")
    lost = [await real_run(server, seed) for seed in range(25)]
    assert sum(lost) > 1000, "these runs lose entries, or they prove nothing"


# --- the sum ------------------------------------------------------------------------------------


def test_what_lies_between_two_places_and_was_not_read_is_missing() -> None:
    assert missing(place(5, 10), place(9, 30), 4) == 16
    assert missing(place(5, 30), place(5, 10), 0) == -20, "the first was told more"
    assert missing(place(5, None), place(9, 30), 4) is None
    assert missing(place(5, 10), place(9, None), 4) is None
    assert missing(place(5, 10), place(9, 30, OTHER_EPOCH), 4) is None


# --- where a reader goes on ---------------------------------------------------------------------


def snapshot(
    *, added: int, first: int | None, last: int, epochs: tuple[str, ...] = (EPOCH,)
) -> Snapshot:
    return Snapshot(
        exists=True, length=0 if first is None else last - first + 1, added=added, top=at(last),
        first=None if first is None else at(first), last=None if first is None else at(last),
        epochs=epochs,
    )  # fmt: skip


def told(loss: Loss | None) -> tuple[str, int | None, EntryId, EntryId | None] | None:
    return None if loss is None else (loss.reason, loss.missed, loss.after, loss.before)


def test_in_the_same_life_a_reader_goes_on_where_it_stood_and_its_own_sum_tells() -> None:
    stood = Cursor(at(10), 10, EPOCH, stated=True)
    now = snapshot(added=100, first=61, last=100)
    assert go_on(stood, now, run_id=RUN_ID) == (stood, None)


@pytest.mark.parametrize("stood", [place(900, 10), place(10, 900)])
def test_a_forged_place_ends_at_the_top_with_a_reset(stood: Cursor) -> None:
    end, loss = go_on(stood, snapshot(added=100, first=1, last=100), run_id=RUN_ID)
    assert end == place(100, 100)
    assert told(loss) == ("reset", None, min(stood.id, at(100)), None)


def test_another_life_is_a_reset_before_its_first_entry() -> None:
    """However far it grew past the old count."""
    now = snapshot(added=80, first=40, last=79, epochs=(OTHER_EPOCH,))
    end, loss = go_on(place(50, 50), now, run_id=RUN_ID)
    assert end == Cursor(EntryId(39, 2**64 - 1), 40, OTHER_EPOCH)
    assert told(loss) == ("reset", None, at(50), at(40))
    assert loss is not None
    assert loss.through == end


def test_another_life_that_is_empty_is_a_reset_to_its_top() -> None:
    now = snapshot(added=0, first=None, last=0, epochs=(OTHER_EPOCH,))
    end, loss = go_on(place(50, 50), now, run_id=RUN_ID)
    assert (end, told(loss)) == (Cursor(ZERO_ID, 0, OTHER_EPOCH), ("reset", None, at(50), None))


@pytest.mark.parametrize(("failover", "reason"), [(False, "reset"), (True, "failover")])
def test_after_a_restart_what_is_left_up_to_our_place_was_accounted_for(
    failover: bool, reason: str
) -> None:
    older = snapshot(added=40, first=1, last=40, epochs=(EPOCH, NEXT_EPOCH))
    end, loss = go_on(place(50, 50), older, run_id=NEXT_RUN, failover=failover)
    assert end == place(40, None, NEXT_EPOCH)
    assert told(loss) == (reason, None, at(40), None)
    grown = snapshot(added=70, first=1, last=70, epochs=(EPOCH, NEXT_EPOCH))
    end, loss = go_on(place(50, 50), grown, run_id=NEXT_RUN, failover=failover)
    assert end == place(50, None, NEXT_EPOCH)
    assert told(loss) == (reason, None, at(50), None)


def test_after_a_restart_a_stream_trimmed_past_our_place_is_read_from_its_beginning() -> None:
    now = snapshot(added=100, first=61, last=100, epochs=(EPOCH, NEXT_EPOCH))
    end, loss = go_on(place(50, 50), now, run_id=NEXT_RUN)
    assert end == Cursor(EntryId(60, 2**64 - 1), 60, NEXT_EPOCH)
    assert told(loss) == ("reset", None, at(50), at(61))


def test_an_entry_that_is_still_there_proves_a_stream_without_our_epoch() -> None:
    """Somebody removed the epoch's group by hand and another was made."""
    now = snapshot(added=70, first=1, last=70, epochs=(OTHER_EPOCH,))
    end, loss = go_on(place(50, 50), now, run_id=RUN_ID, present=True)
    assert end == place(50, None, OTHER_EPOCH)
    assert told(loss) == ("reset", None, at(50), None)


def test_a_place_of_the_old_form_goes_on_where_nothing_says_otherwise() -> None:
    now = snapshot(added=100, first=5, last=100)
    assert go_on(Cursor(at(10), 10), now, run_id=RUN_ID) == (place(10, None), None)
    assert go_on(Cursor(at(100)), snapshot(added=100, first=None, last=100), run_id=RUN_ID) == (
        place(100, 100),
        None,
    )
    assert go_on(Cursor(ZERO_ID), now, run_id=RUN_ID) == (Cursor(ZERO_ID, None, EPOCH), None)


def test_a_place_of_the_old_form_that_retention_took_is_a_loss_of_unknown_size() -> None:
    end, loss = go_on(Cursor(at(10), 10), snapshot(added=99, first=61, last=99), run_id=RUN_ID)
    assert end == Cursor(EntryId(60, 2**64 - 1), 60, EPOCH)
    assert told(loss) == ("retention", None, at(10), at(61))
    end, loss = go_on(Cursor(at(10)), snapshot(added=99, first=None, last=99), run_id=RUN_ID)
    assert end == place(99, 99)
    assert told(loss) == ("retention", None, at(10), behind(at(99)))


def test_a_place_of_the_old_form_above_the_top_is_of_another_stream() -> None:
    end, loss = go_on(Cursor(at(900), 7), snapshot(added=10, first=1, last=10), run_id=RUN_ID)
    assert end == Cursor(EntryId(0, 2**64 - 1), 0, EPOCH)
    assert told(loss) == ("reset", None, at(900), at(1))


# --- one reader's account -----------------------------------------------------------------------


def test_a_cursor_with_its_index_states_what_retention_took_exactly() -> None:
    account = Continuity(place(10, 10))
    [loss] = account.look(snapshot(added=100, first=61, last=100), [at(61)], whole=False)
    assert told(loss) == ("retention", 50, at(10), at(61))
    assert account.at == loss.through == Cursor(EntryId(60, 2**64 - 1), 60, EPOCH)


def test_a_cursor_without_index_states_an_unknown_number_and_counts_from_there() -> None:
    account = Continuity(place(10, None))
    [loss] = account.look(snapshot(added=100, first=61, last=100), [], whole=False)
    assert told(loss) == ("retention", None, at(10), at(61))
    assert account.at.index == 60


def test_a_reader_that_claims_nothing_states_nothing_about_what_came_before() -> None:
    account = Continuity(place(10, None), unclaimed=True)
    assert account.look(snapshot(added=100, first=61, last=100), [], whole=False) == []
    counted = Continuity(place(10, 10), unclaimed=True)
    assert counted.look(snapshot(added=100, first=61, last=100), [], whole=False) == []
    assert counted.at.index == 60


def test_what_was_claimed_is_stated_once_something_was_read() -> None:
    account = Continuity(place(10, 10), unclaimed=True)
    account.read([at(11)])
    [loss] = account.look(snapshot(added=100, first=61, last=100), [], whole=False)
    assert loss.missed == 49


def test_what_was_explained_as_a_producers_is_named_once_in_the_streams_loss() -> None:
    account = Continuity(place(10, 10))
    account.read([at(15)])
    account.explain(3)
    assert account.explained == 3
    [loss] = account.look(snapshot(added=16, first=15, last=16), [at(16)], whole=True)
    assert (loss.missed, loss.explained, loss.after) == (4, 3, at(10))
    assert account.explained == 0


def test_a_whole_look_that_finds_fewer_entries_than_were_read_cannot_count() -> None:
    account = Continuity(place(10, 10))
    [loss] = account.look(snapshot(added=8, first=5, last=12), [at(11), at(12)], whole=True)
    assert (loss.reason, loss.missed) == (GapReason.RESET, None)
    assert account.at.index == 6


def test_only_entries_deleted_by_hand_can_be_missing_further_on() -> None:
    account = Continuity(place(10, 10))
    assert account.certain(snapshot(added=20, first=5, last=20))
    deleted = Snapshot(exists=True, length=9, added=20, top=at(20), first=at(5), deleted=at(15))
    assert not account.certain(deleted)
    account.read([at(n) for n in range(11, 17)])
    assert not account.certain(deleted), "what was read is not proved yet"
    account.prove()
    assert account.certain(deleted)


def test_what_was_read_without_a_look_is_certain_once_nothing_of_it_can_be_missing() -> None:
    """The stream still holds all since the last proof; or it counts as many as were read."""
    held, trimmed = snapshot(added=16, first=10, last=16), snapshot(added=16, first=14, last=16)
    account = Continuity(place(10, 10))
    account.read([at(n) for n in range(11, 15)], blind=True)
    for now, certain in ((trimmed, False), (held, True)):
        account.look(now, [], whole=False)
        assert account.certain(now) is certain
    account, gone = Continuity(place(10, 10), proved=at(7)), snapshot(added=16, first=13, last=16)
    account.read([at(11), at(12)], blind=True)
    assert account.look(gone, [], whole=False) == []
    account.prove()
    assert (account.certain(gone), account.proved) == (True, at(12)), "its count is the stream's"


def test_going_on_elsewhere_forgets_what_was_doubtful() -> None:
    account = Continuity(place(10, 10))
    account.read([at(11)])
    account.explain(2)
    account.move(place(5, None, OTHER_EPOCH))
    assert (account.at, account.proved, account.explained) == (
        place(5, None, OTHER_EPOCH), at(5), 0,
    )  # fmt: skip


def test_what_was_deleted_by_hand_further_on_is_not_told_as_the_front() -> None:
    """The count says how many are gone, not which: the whole account tells it."""
    account = Continuity(place(10, 10))
    now = Snapshot(
        exists=True, length=4, added=16, top=at(16), first=at(12), last=at(16), deleted=at(14),
        epochs=(EPOCH,),
    )  # fmt: skip
    assert account.look(now, [at(12), at(13)], whole=False) == []
    account.read([at(12), at(13)])
    [loss] = account.look(now, [at(15), at(16)], whole=True)
    assert told(loss) == ("retention", 2, at(10), behind(at(16)))
