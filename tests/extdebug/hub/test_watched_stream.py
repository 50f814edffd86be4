"""One stream for all its watchers: losses before what shows them, every entry in one count."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.selection import FRAME_EVENTS, Selection
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.continuity import Loss
from extdebug.streams.replies import Row, Snapshot
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Gap, GapReason, Origin
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw

EPOCH = "e" * 24
ALL = Selection(None, EVERYTHING)
EVEN = Selection(None, Filter.parse({"q": "even"}))


def at(n: int, index: int | None = -1) -> Cursor:
    return Cursor(EntryId(n, 0), n if index == -1 else index, EPOCH)


def row(n: int, src: str = "", number: int = 0, *, lost: int = 0) -> Row:
    fields = {"message": f"{'odd' if n % 2 else 'even'} {n}"}
    if src:
        fields["src"] = src
    if number:
        fields["n"] = str(number)
    if lost:
        fields |= {"lost": str(lost), "why": "queue full"}
    return EntryId(n, 0), raw(**fields)


def unreadable(n: int) -> Row:
    return EntryId(n, 0), raw(nonsense="x")


def snapshot(first: int, last: int, added: int, *, deleted: int = 0) -> Snapshot:
    return Snapshot(
        exists=True, length=last - first + 1, added=added, top=EntryId(last, 0),
        first=EntryId(first, 0), last=EntryId(last, 0), epochs=(EPOCH,),
        deleted=EntryId(deleted, 0),
    )  # fmt: skip


def stream(stood: int = 0) -> WatchedStream:
    watched = WatchedStream(Target("acme", "a"), "ext-debug:acme:a", Redactor(key=None))
    watched.attach(at(stood), snapshot(1, stood, stood) if stood else Snapshot(exists=True))
    return watched


def watch(watched: WatchedStream, selection: Selection = ALL) -> Subscription:
    sub = Subscription(watched, selection, lambda: None, limit=1 << 20)
    sub.ring.release()
    return sub


def told(sub: Subscription) -> tuple[list[str], int]:
    """What the ring holds in order, and how many entries it accounts for."""
    items, entries = [], 0
    while (piece := sub.ring.take()) is not None:
        entries += piece.entries
        if piece.gap is not None:
            items.append(f"{piece.gap.reason}:{piece.gap.missed}")
        events = piece.chunk.events if piece.chunk else ()
        items += [one.event.message for one in events if one.event]
    return items, entries


def test_each_watcher_gets_what_it_wants_and_the_account_of_the_rest() -> None:
    watched = stream()
    everything, even = watch(watched), watch(watched, EVEN)
    assert watched.read([row(n) for n in range(1, 6)]) == 7
    assert told(everything) == (["odd 1", "even 2", "odd 3", "even 4", "odd 5"], 5)
    assert told(even) == (["even 2", "even 4"], 5)
    assert watched.cursor == at(5)
    assert (watched.counts.entries, watched.counts.delivered) == (5, 7)


def test_equal_selections_share_one_run_of_events() -> None:
    watched = stream()
    subs = [watch(watched) for _ in range(3)]
    watched.read([row(1)])
    pieces = [sub.ring.take() for sub in subs]
    assert len({id(piece.chunk) for piece in pieces if piece}) == 1


def test_a_run_of_events_is_no_longer_than_a_frame() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(n) for n in range(1, FRAME_EVENTS + 2)])
    counts = []
    while (piece := sub.ring.take()) is not None:
        counts.append(piece.chunk.count if piece.chunk else 0)
    assert counts == [FRAME_EVENTS, 1]


def test_what_went_while_we_read_without_looking_is_placed_behind_the_last_proof() -> None:
    """However often it was looked since at how much is left, without reading all of it."""
    watched = stream(10)
    sub = watch(watched)
    watched.read([row(15), row(16)])  # 11 to 14 were trimmed unseen
    watched.look(snapshot(15, 30, 30), [], whole=False)
    watched.look(snapshot(15, 30, 30), [row(17)], whole=False)
    watched.look(snapshot(15, 30, 30), [row(n) for n in range(18, 31)], whole=True)
    gaps = []
    while (piece := sub.ring.take()) is not None:
        gaps += [(piece.gap.missed, piece.gap.after)] if piece.gap else []
    assert gaps == [(4, "10-0")]
    watched.look(snapshot(15, 40, 40), [row(31)], whole=False)  # and all of that is proved
    watched.look(snapshot(35, 40, 40), [row(n) for n in range(35, 41)], whole=True)
    assert [piece.gap.after for piece in iter(sub.ring.take, None) if piece.gap] == ["31-0"]


def test_a_loss_is_told_before_the_entries_behind_it() -> None:
    watched = stream(10)
    sub = watch(watched)
    watched.look(snapshot(15, 16, 16), [row(15), row(16)], whole=True)
    assert told(sub) == (["retention:4", "odd 15", "even 16"], 2)
    assert watched.cursor == at(16)
    assert watched.counts.lost == {GapReason.RETENTION: 4}


def test_an_entry_that_shows_a_hole_waits_until_the_streams_account_is_known() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(1, "s", 1), row(2, "s", 5), row(3)])
    assert told(sub) == (["odd 1"], 1)
    assert len(watched.pending) == 2
    watched.look(snapshot(1, 3, 3), [], whole=True)
    assert told(sub) == (["producer:3", "even 2", "odd 3"], 2)
    assert not watched.pending


def test_a_hole_that_the_stream_lost_is_told_as_the_streams() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(1, "s", 1), row(5, "s", 5)])
    watched.look(snapshot(5, 5, 5), [], whole=True)
    assert told(sub) == (["odd 1", "retention:3", "odd 5"], 2)


def test_what_waits_at_a_hole_is_no_part_of_the_loss_when_the_stream_drops_it_too() -> None:
    """2 to 19 went before the reply that brought 20 to 22, and these and 23 to 30 behind it."""
    watched = stream()
    sub, even, third = watch(watched), watch(watched, EVEN), watch(watched)
    watched.read([row(1, "s", 1), *(row(n, "s", n) for n in (20, 21, 22))])
    assert len(watched.pending) == 3
    watched.look(snapshot(31, 33, 33), [row(31), row(32)], whole=False)
    watched.look(snapshot(31, 33, 33), [row(33)], whole=True)
    assert watched.counts.lost == {GapReason.RETENTION: 26}
    shown = ["even 20", "odd 21", "even 22", "odd 31", "even 32", "odd 33"]
    assert told(sub) == (["odd 1", "retention:26", *shown], 7)
    assert told(even) == (["retention:26", "even 20", "even 22", "even 32"], 7)
    loss = next(piece for piece in iter(third.ring.take, None) if piece.gap)
    place = loss.through
    assert (place.id, place.index) == (EntryId(1, 0), 27), (
        "a session that was told the loss is shown what waited"
    )
    assert (watched.cursor.id, watched.cursor.index) == (EntryId(33, 0), 33)


def test_what_waits_is_no_part_of_a_loss_in_a_stream_that_was_emptied() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(1, "s", 1), row(5, "s", 5)])
    empty = Snapshot(exists=True, added=8, top=EntryId(8, 0), epochs=(EPOCH,))
    watched.look(empty, [], whole=True)
    assert told(sub) == (["odd 1", "retention:6", "odd 5"], 2)
    assert (watched.cursor.id, watched.cursor.index) == (EntryId(8, 0), 8)


def test_a_hole_in_doubt_is_told_once_as_the_producers_and_named_in_the_streams_loss() -> None:
    """Something was deleted by hand, and the look did not reach the end."""
    watched = stream()
    sub = watch(watched)
    watched.look(snapshot(1, 9, 9, deleted=7), [row(1, "s", 1), row(2, "s", 5)], whole=False)
    assert told(sub) == (["odd 1", "producer:3", "even 2"], 2)
    rest = [row(n) for n in (3, 4, 8, 9)]
    now = Snapshot(
        exists=True, length=6, added=9, top=EntryId(9, 0), first=EntryId(1, 0),
        last=EntryId(9, 0), epochs=(EPOCH,), deleted=EntryId(7, 0),
    )  # fmt: skip
    watched.look(now, rest, whole=True)
    piece = sub.ring.take()
    assert piece is not None
    assert piece.gap is not None
    assert (piece.gap.missed, piece.explained) == (3, 3)


def test_unreadable_entries_and_markers_are_in_the_count() -> None:
    watched = stream()
    sub = watch(watched)
    watched.look(
        snapshot(1, 4, 4), [row(1, "s", 1), unreadable(2), row(3, "s", lost=2), row(4, "s", 4)],
        whole=True,
    )  # fmt: skip
    assert told(sub) == (["odd 1", "unreadable:1", "producer:2", "even 4"], 4)


def test_a_marker_whose_loss_was_told_already_only_counts() -> None:
    watched = stream()
    sub = watch(watched)
    rows = [row(1, "s", 1), row(2, "s", 4), row(3, "s", lost=2)]
    watched.look(snapshot(1, 3, 3), rows, whole=True)
    assert told(sub) == (["odd 1", "producer:2", "even 2"], 3)


def test_a_source_first_seen_in_the_middle_waits_to_be_learnt() -> None:
    watched = stream(5)
    sub = watch(watched)
    watched.read([row(6, "s", 8)])
    assert watched.unknown_source()
    assert told(sub) == ([], 0)
    earlier = SequenceGaps()
    earlier.account(Origin("s", 5))
    earlier.complete = True
    watched.sequence_gaps.learn(earlier)
    watched.look(snapshot(1, 6, 6), [], whole=True)
    assert told(sub) == (["producer:2", "even 6"], 1)


def test_what_waits_to_be_learnt_and_is_still_in_the_stream_is_part_of_the_look() -> None:
    """6 to 8 went; the holes of the producer behind them are its own, and no later loss's."""
    watched = stream(5)
    sub = watch(watched)
    now = snapshot(9, 12, 12)
    watched.look(now, [row(9, "s", 4), row(10, "s", 5), row(11, "s", 8), row(12)], whole=False)
    assert watched.unknown_source()
    watched.sequence_gaps.learn(SequenceGaps())
    watched.look(now, (), whole=False)
    assert watched.cursor == at(12)
    watched.look(snapshot(20, 20, 20), [row(20)], whole=False)
    pieces = list(iter(sub.ring.take, None))
    gaps = [(piece.gap.missed, piece.gap.after, piece.explained) for piece in pieces if piece.gap]
    assert gaps == [(3, "5-0", 0), (2, "10-0", 0), (7, "12-0", 0)]
    assert sum(piece.entries for piece in pieces) == 5
    assert watched.cursor == at(20)


def test_what_waits_is_delivered_when_the_stream_ends() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(1, "s", 1), row(2, "s", 5)])
    watched.flush(GapReason.RESET)
    ends = watched.cursor
    loss = Loss(GapReason.RESET, None, EntryId(2, 0), None, Cursor(ZERO_ID, 0, "f" * 24))
    watched.lose(loss, ends=ends)
    assert told(sub) == (["odd 1", "producer:3", "even 2", "reset:None"], 2)


@pytest.mark.parametrize("reason", [GapReason.RESET, GapReason.FAILOVER])
@pytest.mark.parametrize("last", [row(2, "s", 9), row(2, "s", lost=4)])
def test_what_only_the_stream_could_explain_is_of_unknown_size_when_it_ends(
    last: Row, reason: GapReason
) -> None:
    """The producer's earlier numbers were never learnt: its hole may have been told long ago."""
    watched = stream()
    sub = watch(watched)
    watched.look(snapshot(1, 3, 3), [row(1), last, row(3, "s", 10)], whole=True)
    assert watched.unknown_source()
    watched.flush(reason)
    pieces = list(iter(sub.ring.take, None))
    [piece] = [piece for piece in pieces if piece.gap]
    gap = piece.gap
    assert gap is not None
    assert (gap.reason, gap.missed, gap.after, gap.before) == (reason, None, "1-0", "2-0")
    assert not piece.moves, "it is not the change of life itself"
    assert sum(piece.entries for piece in pieces) == 3
    assert watched.cursor.id == EntryId(3, 0)


def test_what_waited_in_a_look_without_doubt_is_its_producers_loss_when_the_stream_ends() -> None:
    """The stream's own loss, told behind it, is not made smaller by it."""
    watched = stream()
    watch(watched).keeps_up = lambda: True
    watched.sequence_gaps.complete = True
    watched.look(snapshot(1, 9, 9), [row(1, "s", 1)], whole=False)
    for known, explained in ((True, 0), (False, 2)):
        watched.pending += [row(2 if known else 5, "s", 4 if known else 7)]
        watched.sequence_gaps.certain = known
        watched.flush(GapReason.RESET)
        assert watched.account is not None
        assert watched.account.explained == explained


def test_new_redaction_rules_hold_from_the_next_entry_on() -> None:
    watched = stream()
    sub = watch(watched)
    watched.use(Redactor((), key=None))
    watched.read([(EntryId(1, 0), raw(message="password=hunter2hunter2"))])
    assert told(sub)[0] == ["password=hunter2hunter2"]


def test_who_left_gets_nothing_more() -> None:
    watched = stream()
    stays, goes = watch(watched), watch(watched)
    watched.leave(goes)
    watched.leave(goes)
    watched.read([row(1)])
    assert watched.subscribers == 1
    assert (told(stays)[1], told(goes)[1]) == (1, 0)


def test_lines_of_runners_have_no_place_and_are_not_shown_again_from_redis() -> None:
    watched = stream()
    sub = watch(watched)
    watched.begin_fallback()
    watched.runner_row(row(7, "s", 1))
    watched.end_fallback(Gap(GapReason.FAILOVER, None))
    assert sub.runner_buffer is not None
    piece = sub.runner_buffer.take(at(3))
    assert piece is not None
    assert piece.chunk is not None
    assert (piece.chunk.count, piece.moves) == (1, False)
    watched.read([row(8, "s", 1), row(9, "s", 2)])
    assert told(sub) == (["failover:None", "odd 9"], 2)


def test_a_line_that_redis_brought_first_as_it_came_back_is_not_shown_from_its_runner() -> None:
    watched = stream()
    sub = watch(watched)
    watched.begin_fallback()
    watched.runner_row(row(1, "s", 1))
    watched.read([row(1, "s", 1), row(2, "s", 2)])
    watched.runner_row(row(2, "s", 2))
    watched.runner_row(row(3, "s", 3))
    buffer = sub.runner_buffer
    assert buffer is not None
    shown = []
    while (piece := buffer.take(at(0))) is not None:
        shown += (
            [one.event.message for one in piece.chunk.events if one.event] if piece.chunk else []
        )
    assert shown == ["odd 1", "odd 3"]
    assert told(sub) == (["even 2"], 2), "what the runner showed first is counted, and not shown"
    watched.end_fallback(Gap(GapReason.FAILOVER, None))
    watched.begin_fallback()
    watched.runner_row(row(2, "s", 2))
    assert buffer.waiting, "another outage remembers nothing of this one"


def keeping_up(watched: WatchedStream, *, limit: int) -> Subscription:
    sub = Subscription(watched, ALL, lambda: None, limit=limit)
    sub.ring.release()
    sub.keeps_up = lambda: True
    return sub


SMALL = 40_000  # bytes of a ring: between two and three parts of these events
MANY = 12 * FRAME_EVENTS


def test_of_one_reply_a_watcher_that_keeps_up_loses_nothing_to_its_ring() -> None:
    """What has no room waits beside the ring, and is delivered at the looks that follow."""
    watched = stream()
    sub, slow = keeping_up(watched, limit=SMALL), keeping_up(watched, limit=SMALL)
    slow.keeps_up = lambda: False
    watched.read([row(n) for n in range(1, MANY + 1)])
    assert watched.pending
    shown: list[str] = []
    for _ in range(MANY):
        before = len(watched.pending)
        watched.look(snapshot(1, MANY, MANY), (), whole=False)
        assert len(watched.pending) == before, "nothing while there is no room"
        items, _ = told(sub)
        shown += items
        if not watched.pending:
            break
        watched.look(snapshot(1, MANY, MANY), (), whole=False)
    shown += told(sub)[0]
    assert shown == [row(n)[1][1].decode() for n in range(1, MANY + 1)]
    assert watched.cursor.index == MANY
    assert any("not_consumed" in item for item in told(slow)[0]), "nobody waits for this one"


def test_what_waits_beside_a_ring_is_delivered_when_the_stream_holds_it_no_more() -> None:
    watched = stream()
    sub = keeping_up(watched, limit=SMALL)
    watched.read([row(n) for n in range(1, MANY + 1)])
    held = len(watched.pending)
    assert held
    watched.look(snapshot(MANY + 3, MANY + 4, MANY + 4), (), whole=False)
    assert (watched.pending, watched.cursor.index) == ([], MANY + 2)
    items, entries = told(sub)
    assert items[-1] == "retention:2", "what nobody read"
    assert entries == MANY


def test_a_stream_that_drops_what_waits_soon_is_read_for_nobody_in_particular() -> None:
    watched = stream()
    keeping_up(watched, limit=SMALL)
    watched.hurried = True
    watched.read([row(n) for n in range(1, MANY + 1)])
    assert not watched.pending


class OneByOne(SequenceGaps):
    """Accounts for each entry by itself, as the plain way is."""

    def plain(self, entries: Sequence[object]) -> int:
        return 0


def a_reply(chance: Random, first: int, numbers: dict[str, int], calm: float) -> list[Row]:
    """Rows behind `first`: a flood of few producers, with a few of everything else in it."""
    rows: list[Row] = []
    source = "a"
    for n in range(first + 1, first + chance.choice((1, 7, 40, 150)) + 1):
        source = chance.choice(("a", "b", "c", "")) if chance.random() < 0.1 else source
        number = lost = 0
        if source:
            numbers[source] += 1
            if chance.random() > calm:
                numbers[source] += chance.choice((-1, 1, 2, 40))
                lost = chance.choice((0, 0, 1, 2))
            number = max(1, numbers[source]) if not lost or chance.random() < 0.5 else 0
        one = row(n, source, number, lost=lost)
        if chance.random() > calm:
            one = unreadable(n) if chance.random() < 0.5 else (one[0], raw(message="x" * 70_000))
        rows.append(one)
    return rows


def all_of(watched: WatchedStream, subs: list[Subscription]) -> object:
    """What the rings were given since the last time, and where the stream stands."""
    pieces = []
    for sub in subs:
        while (piece := sub.ring.take()) is not None:
            pieces.append((
                piece.through, piece.filtered, piece.counted, piece.gap, piece.explained,
                piece.since, piece.own,
                piece.chunk and (piece.chunk.data, list(piece.chunk.places(piece.through))),
            ))  # fmt: skip
    account, numbers = watched.account, watched.sequence_gaps
    assert account is not None
    return (
        pieces, watched.cursor, account.proved, account.explained, watched.pending,
        watched.counts.entries, watched.counts.delivered, watched.counts.lost, list(numbers._known),
        numbers.told(watched.cursor), numbers.log.as_of(watched.cursor.id),
    )  # fmt: skip


@pytest.mark.parametrize("calm", [0.999, 0.98, 0.8])
@pytest.mark.parametrize("seed", range(8))
def test_runs_of_plain_entries_are_delivered_as_each_of_them_would_be(
    seed: int, calm: float
) -> None:
    chance = Random(f"{seed} {calm}")
    ways = [stream(10), stream(10)]
    ways[0].sequence_gaps = OneByOne()
    selections = ALL, EVEN, Selection(frozenset({"x"}), EVERYTHING)
    subs = [[watch(watched, selection) for selection in selections] for watched in ways]
    for [first, *_] in subs:
        first.keeps_up = lambda: True
        first.ring._limit = 40_000
    numbers, top = dict.fromkeys("abc", 0), 10
    for watched in ways:
        watched.sequence_gaps.complete = seed % 2 == 0
    for _ in range(30):
        rows = a_reply(chance, top, numbers, calm)
        act, whole, top = chance.random(), chance.random() < 0.5, rows[-1][0].ms
        gone = chance.randrange(1, 4) if act < 0.1 else 0
        rows = rows[gone:] or rows
        for watched in ways:
            if act < 0.2:
                oldest, _ = watched.pending[0] if watched.pending and not gone else rows[0]
                watched.look(snapshot(oldest.ms, top, top), list(rows), whole=whole)
            elif act < 0.3:
                watched.pending += rows
                watched.flush(GapReason.RESET)
            else:
                watched.read(list(rows))
        plain, runs = (all_of(watched, of) for watched, of in zip(ways, subs, strict=True))
        assert runs == plain


def test_a_hole_that_was_told_ahead_of_its_entry_is_neither_told_nor_counted_again() -> None:
    """Whoever stands there was told by another reader, which had come to the entry."""
    watched = stream()
    watched.sequence_gaps.complete = True
    watched.look(snapshot(1, 1, 1), [row(1, "a", 5)], whole=True)
    assert watched.account is not None
    watched.account.move(msgspec.structs.replace(at(1), stated=True))
    sub = watch(watched)
    watched.look(snapshot(1, 2, 2), [row(2, "a", 9)], whole=True)
    assert told(sub) == (["even 2"], 1)
    assert not watched.counts.lost
    watched.look(snapshot(1, 3, 3), [row(3, "a", 12)], whole=True)
    assert told(sub) == (["producer:2", "odd 3"], 1)
