"""Whether a tail goes on in the stream that is there, and what it tells where it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extdebug.filters.filter import EVERYTHING
from extdebug.hub.selection import Selection
from extdebug.hub.stream_life import GONE
from extdebug.hub.subscription import Subscription
from extdebug.streams import epochs
from extdebug.wire.events import Gap
from extdebug.wire.keys import EPOCH_PREFIX, NAMING_PREFIX
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.model.parties import Process
from tests.extdebug.model.server import Server, Wire


class Stage:
    """A stream in memory, a process that reads it, and what its watcher is told."""

    def __init__(self, server: Server | None = None, name: str = "h1") -> None:
        self.server = server or Server()
        self.process = Process(self.server, name)
        self.sub = Subscription(
            self.process.watched, Selection(None, EVERYTHING), lambda: None, limit=1 << 20
        )
        self.sub.ring.release()
        self.ends: list[Cursor | None] = []
        self.gaps: list[Gap] = []

    def write(self, *messages: str) -> None:
        for message in messages:
            self.server.now += 1
            self.server.add({"message": message}, kind="event", even=False, dropped=0)

    async def look(self, times: int = 3) -> None:
        for _ in range(times):
            await self.process.look(500)

    @property
    def epoch(self) -> str:
        return self.process.watched.cursor.epoch

    def told(self) -> list[str]:
        items: list[str] = []
        while (piece := self.sub.ring.take()) is not None:
            if piece.gap is not None:
                items.append(f"{piece.gap.reason}:{piece.gap.missed}")
                self.ends.append(piece.ends)
                self.gaps.append(piece.gap)
            events = piece.chunk.events if piece.chunk else ()
            items += [one.event.message for one in events if one.event]
        return items


@pytest.fixture
async def stage() -> Stage:
    one = Stage()
    one.write("before")
    await one.look()
    one.write("a", "b")
    await one.look()
    assert one.told() == ["a", "b"]
    return one


async def test_the_first_look_names_the_life_and_begins_at_its_end(stage: Stage) -> None:
    life = stage.server.life
    assert life is not None
    assert f"{EPOCH_PREFIX}{stage.epoch}".encode() in life.groups
    assert epochs.of_run(stage.epoch, stage.server.run_id)
    assert stage.process.watched.cursor.index == 3


async def test_another_stream_under_the_key_is_a_reset_and_all_of_it(stage: Stage) -> None:
    before = stage.process.watched.cursor
    stage.server.replace()
    stage.write("c", "d", "e", "f", "g")
    await stage.look()
    assert stage.told() == ["reset:None", "c", "d", "e", "f", "g"]
    assert stage.ends == [before]
    assert stage.epoch != before.epoch


async def test_a_key_that_is_away_for_a_moment_is_the_same_stream(stage: Stage) -> None:
    epoch, life = stage.epoch, stage.server.life
    stage.server.life = None
    await stage.look()
    stage.server.now += int(GONE * 1000) - 100
    await stage.look()
    stage.server.life = life
    stage.write("c")
    await stage.look()
    assert (stage.told(), stage.epoch) == (["c"], epoch)
    stage.server.life = None  # and each time anew
    stage.server.now += 200
    await stage.look()
    assert stage.told() == []


async def test_a_key_that_stays_away_is_the_end_of_its_life(stage: Stage) -> None:
    epoch = stage.epoch
    stage.server.replace()
    await stage.look()
    stage.server.now += int(GONE * 1000) + 1
    await stage.look()
    assert stage.told() == ["reset:None"]
    assert stage.server.life is not None, "made, so that its first entry wakes the tail"
    assert stage.epoch != epoch


async def test_a_life_that_comes_back_goes_on_where_it_was_left(stage: Stage) -> None:
    first, place = stage.server.life, stage.process.watched.cursor
    stage.server.life = None
    stage.write("of another")
    await stage.look()
    stage.server.life = first
    stage.write("c")
    await stage.look()
    assert stage.told() == ["reset:None", "of another", "reset:None", "c"]
    assert stage.epoch == place.epoch


@pytest.mark.parametrize("name_too", [False, True])
async def test_groups_removed_by_hand_cost_nothing_while_the_place_is_there(
    stage: Stage, name_too: bool
) -> None:
    epoch, life = stage.epoch, stage.server.life
    assert life is not None
    del life.groups[f"{EPOCH_PREFIX}{epoch}".encode()]
    if name_too:
        life.groups.clear()
    stage.write("c")
    await stage.look(4)
    assert (stage.told(), stage.epoch) == (["c"], epoch)
    assert f"{EPOCH_PREFIX}{epoch}".encode() in life.groups


async def test_what_a_restart_left_comes_before_its_gap_and_the_new_behind_it(
    stage: Stage,
) -> None:
    stage.process.cut_off()
    stage.write("old c", "old d")  # not read any more before the server goes
    stage.server.now += 2000
    stage.server.restart(0, nameless=False)
    stage.write("new e", "new f")
    await stage.look()
    assert stage.told() == ["old c", "old d", "reset:None", "new e", "new f"]
    assert epochs.of_run(stage.epoch, stage.server.run_id)
    assert stage.process.watched.cursor.index == 7


async def test_what_may_be_of_either_run_comes_behind_a_gap_that_reaches_over_it(
    stage: Stage,
) -> None:
    """Written between the last answer of the server and the moment at which we found it gone."""
    place = stage.process.watched.cursor
    stage.write("old c", "old d")
    stage.process.cut_off()
    broke = stage.server.now
    stage.server.restart(0, nameless=False)
    stage.write("new e")
    await stage.look()
    assert stage.told() == ["reset:None", "old c", "old d", "new e"]
    [gap] = stage.gaps
    assert EntryId.parse(gap.after or "") == place.id
    assert EntryId.parse(gap.before or "") >= EntryId(broke, 0)


async def test_a_server_that_misses_our_last_read_has_nothing_more_of_the_time_before(
    stage: Stage,
) -> None:
    """As after a failover: what it holds behind our place was written by it, however late we
    noticed that the other one was gone."""
    place = stage.process.watched.cursor
    stage.server.restart(1, nameless=False)  # without "b", which we were given
    stage.write("new c", "new d")
    stage.server.now += 300
    stage.process.cut_off()
    await stage.look()
    assert stage.told() == ["reset:None", "new c", "new d"]
    [gap] = stage.gaps
    first = stage.server.lives[0].held[-2]
    assert (gap.before, first.fields[1]) == (str(first.id), b"new c")
    assert epochs.moment(stage.epoch) == first.id.ms
    assert EntryId.parse(gap.after or "") <= place.id


async def test_what_was_read_and_not_told_yet_is_of_the_time_before(stage: Stage) -> None:
    """We had read "c" and "d", and told neither: a watcher had no room. The server still knows of
    the read that brought "c", so that was written before, and the loss lies behind it."""
    stage.write("c", "d")
    life = stage.server.life
    assert life is not None
    life.groups[stage.process.group] = life.top
    stage.process.tail._group.given(life.top)
    stage.server.restart(1, nameless=False)  # without "d"
    stage.write("new e", "new f")
    stage.process.cut_off()
    await stage.look()
    assert stage.told() == ["c", "reset:None", "new e", "new f"]
    [gap] = stage.gaps
    assert gap.before == str(life.held[-2].id)


async def test_what_stands_before_a_read_that_the_server_misses_may_be_of_either_run(
    stage: Stage,
) -> None:
    stood = stage.process.watched.cursor.id
    stage.write("c", "d")
    life = stage.server.life
    assert life is not None
    stage.process.tail._group.given(life.top)  # and of this read it knows nothing
    stage.server.restart(1, nameless=False)
    stage.write("new e")
    stage.process.cut_off()
    await stage.look()
    assert stage.told() == ["reset:None", "c", "new e"]
    [gap] = stage.gaps
    assert (gap.after, gap.before) == (str(stood), str(life.held[-1].id))


async def test_an_older_copy_shows_nothing_twice(stage: Stage) -> None:
    stage.process.cut_off()
    stage.server.restart(1, nameless=False)
    stage.write("new")
    await stage.look()
    assert stage.told() == ["reset:None", "new"]


@pytest.mark.parametrize("plainly", [False, True])
async def test_another_stream_after_a_restart_is_not_taken_for_the_rest_of_ours(
    stage: Stage, plainly: bool
) -> None:
    """Its first entries are gone already: no loss of our life, and nothing before the reset."""
    if plainly:  # no group says how far we had read
        stage.process.tail._group._given = None
    stage.server.restart(0, nameless=False)
    stage.server.replace()
    stage.write(*(f"gone {n}" for n in range(5)), "c")
    stage.server.trim(5)
    await stage.look()
    assert stage.told() == ["reset:None", "c"]


async def test_after_a_lost_reply_the_group_is_put_where_the_account_is(stage: Stage) -> None:
    stage.write("c", "d")
    life = stage.server.life
    assert life is not None
    life.groups[stage.process.group] = life.top  # read by the group, and lost on its way
    stage.process.tail.reconnected()
    await stage.look()
    assert stage.told() == ["c", "d"]


async def test_far_behind_what_was_deleted_ahead_is_the_streams_loss_and_no_producers(
    stage: Stage,
) -> None:
    """A process that hung: one look's COUNT does not reach what tells where the hole is from."""
    for n in range(1, 13):
        stage.server.now += 1
        fields = {"message": f"m{n}", "src": "s", "n": str(n)}
        stage.server.add(fields, kind="event", even=False, dropped=0)
    for _ in range(2):
        stage.server.delete(7)  # the fifth of them, and then the sixth
    for _ in range(4):
        await stage.process.look(3)
    shown = [f"m{n}" for n in range(1, 13) if n not in (5, 6)]
    assert stage.told() == ["retention:2", *shown]


async def test_a_look_that_reads_part_of_it_claims_no_more(stage: Stage) -> None:
    stage.write(*"cdefg")
    await stage.process.look(2)
    assert stage.told() == ["c", "d"]
    assert stage.process.watched.cursor.index == 5
    assert stage.process.tail.behind
    await stage.look()
    assert stage.told() == ["e", "f", "g"]
    assert not stage.process.tail.behind


@pytest.mark.parametrize("trimmed", [False, True])
async def test_only_a_stream_that_is_trimmed_is_read_faster_than_its_watchers_take_it(
    stage: Stage, trimmed: bool
) -> None:
    """A new stream lies ahead as a whole, and nothing of it goes while it is not trimmed."""
    stage.sub = Subscription(
        stage.process.watched, Selection(None, EVERYTHING), lambda: None, limit=60_000
    )
    stage.sub.ring.release()
    stage.sub.keeps_up = lambda: True
    stage.server.replace()
    lines = [f"m{n}" for n in range(2000)]
    stage.write(*lines)
    if trimmed:
        stage.server.trim(1)
    told: list[str] = []
    for _ in range(2000):
        await stage.look()  # several times before the watcher takes anything
        told += stage.told()
        if told[-1:] == lines[-1:]:
            break
        stage.server.now += 100
    dropped = [item for item in told if item.startswith("not_consumed")]
    assert bool(dropped) is trimmed
    if not trimmed:
        assert told == ["reset:None", *lines]


async def test_a_life_that_we_left_is_not_taken_for_ours_by_the_group_that_stayed_in_it(
    stage: Stage,
) -> None:
    """Nor is the name of one life ever given to the other."""
    first = stage.server.life
    assert first is not None
    names = set(first.groups)
    stage.server.life = None
    stage.write("of another")
    await stage.look()
    stage.server.life = first
    await stage.look()
    assert set(first.groups) == names


@pytest.mark.parametrize("failover", [False, True])
async def test_two_processes_tell_the_loss_between_two_runs_at_one_place(failover: bool) -> None:
    """Of one stream, however much of the earlier run each of them had read when it ended."""
    server = Server()
    stages = [Stage(server, name) for name in ("h1", "h2")]
    first, second = stages
    for stage in stages:
        await stage.look()
    first.write("a", "b")
    for stage in stages:
        await stage.look()
    first.write("c", "d")
    server.now += 5
    await first.look()  # the second is behind
    server.restart(0, nameless=False, replica=failover)
    first.write("e", "f")
    await first.look()
    first.write("g")
    for stage in stages:
        await stage.look()
    assert first.epoch == second.epoch
    told = [stage.told() for stage in stages]
    assert told[0] == told[1]
    assert told[0][:4] == ["a", "b", "c", "d"]
    assert [stage.gaps[0].before for stage in stages] == [first.gaps[0].before] * 2


async def test_what_several_runs_left_lies_behind_the_first_of_their_losses(stage: Stage) -> None:
    """A process that slept through a run does not show what that one took before its own loss."""
    other = Stage(stage.server, "h2")
    await other.look()
    stage.process.cut_off()
    stage.server.restart(0, nameless=False)
    stage.server.now += 2000
    stage.write("of the second run")
    await other.look()
    stage.server.now += 2000
    stage.server.restart(0, nameless=False)
    stage.server.now += 2000
    stage.write("of the third")
    await other.look()
    await stage.look()
    assert stage.told() == ["reset:None", "of the second run", "of the third"]


async def test_a_name_says_that_its_run_began_after_the_earlier_ones(stage: Stage) -> None:
    """A replica was there long before: whoever meets it first knows only how long."""
    earlier = stage.epoch
    stage.server.restart(0, nameless=False, replica=True)
    late = Stage(stage.server, "h2")
    await late.look()
    assert epochs.moment(late.epoch) > epochs.moment(earlier)


async def test_a_rest_that_is_longer_than_a_page_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However full the rings of those who watch are."""
    monkeypatch.setattr("extdebug.hub.stream_life.REST_PAGE", 3)
    stage.sub.ring.release()
    stage.sub.keeps_up = lambda: True
    monkeypatch.setattr(type(stage.sub), "crowded", property(lambda _: True))
    stage.process.cut_off()
    stage.write(*"cdefgh")
    stage.server.now += 2000
    stage.server.restart(0, nameless=False)
    async with asyncio.timeout(5):
        await stage.look()
    assert stage.told() == [*"cdefgh", "reset:None"]


async def test_of_two_processes_that_notice_at_once_one_names_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever does; and nobody waits for one that went before it could."""
    other = Stage(stage.server, "h2")
    await other.look()
    plainly = Wire.together

    async def slowly(wire: Wire, *commands: Any) -> list[Any]:
        replies = await plainly(wire, *commands)
        await asyncio.sleep(0)
        return replies

    monkeypatch.setattr(Wire, "together", slowly)
    stage.server.restart(0, nameless=False)
    await asyncio.gather(stage.look(), other.look())
    assert stage.epoch == other.epoch
    life, run_id = stage.server.life, stage.server.run_id
    assert life is not None
    names = [name.decode() for name in life.groups]
    given = [name.removeprefix(EPOCH_PREFIX) for name in names if name.startswith(EPOCH_PREFIX)]
    assert [name for name in given if epochs.of_run(name, run_id)] == [stage.epoch]
    assert [name for name in names if name.startswith(NAMING_PREFIX)] == []

    stage.server.restart(0, nameless=False)
    claim = f"{NAMING_PREFIX}{epochs.run_mark(stage.server.run_id)}"
    life.groups[claim.encode()] = EntryId(0, 0)
    await stage.look()
    assert epochs.of_run(stage.epoch, stage.server.run_id)
    assert run_id != stage.server.run_id
    assert claim.encode() not in life.groups


async def test_a_stream_that_is_replaced_while_it_is_named_has_a_name_all_the_same(
    stage: Stage,
) -> None:
    """Another process named the life that we saw; the one that takes its place has no name yet."""
    late = Stage(stage.server, "h2")

    def replaced() -> None:
        stage.server.replace()
        stage.write("of the next")

    stage.server.soon = 2, replaced
    await late.process.look(500)
    life = stage.server.life
    assert life is not None
    assert f"{EPOCH_PREFIX}{late.epoch}".encode() in life.groups


async def test_what_a_restart_cost_another_stream_is_no_producers_hole(stage: Stage) -> None:
    """The last line that we read came within the moment in which the server went."""

    def numbered(*numbers: int) -> None:
        for n in numbers:
            stage.write()
            fields = {"message": f"m{n}", "src": "s", "n": str(n)}
            stage.server.add(fields, kind="event", even=False, dropped=0)

    numbered(1)
    await stage.look()
    numbered(2, 3)
    stage.server.replace()
    stage.write("of the next")
    stage.server.restart(1, nameless=False)
    await stage.look()
    numbered(4)
    await stage.look()
    assert stage.told() == ["m1", "reset:None", "m4"]
