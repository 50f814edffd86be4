"""Whether what one client was told is true, against everything that was ever written.

Between two places of one life of the stream, each entry was shown, or filtered, or lies inside the
stated losses, whose sum is the true one. Where a loss cannot be counted (another life, another run
of the server, a place without an index) the account begins anew behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from extdebug.filters.filter import EVERYTHING
from extdebug.streams import epochs
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId
from tests.extdebug.model.parties import Client, Told
from tests.extdebug.model.server import Entry, Life, Server

COUNTED = (
    GapReason.RETENTION, GapReason.NOT_CONSUMED, GapReason.RATE_LIMITED, GapReason.UNREADABLE,
)  # fmt: skip
REPLACED = GapReason.RESET, GapReason.FAILOVER
OWN = (GapReason.NOT_CONSUMED, GapReason.RATE_LIMITED)  # may be held by the stream all the same


@dataclass(slots=True)
class Segment:
    """What was told between two losses that nobody could count."""

    start: Cursor
    end: Cursor
    told: list[Told] = field(default_factory=list)
    since: int = 0  # of what was gone by then nobody can say more than that
    behind: EntryId = ZERO_ID  # what the loss before it may reach over ends here
    last: bool = False

    def missed(self, *reasons: GapReason) -> int:
        return sum(
            told.gap.missed or 0 for told in self.told if told.gap and told.gap.reason in reasons
        )


def _src(entry: Entry) -> bytes:
    return dict(zip(entry.fields[::2], entry.fields[1::2], strict=True)).get(b"src", b"")


def segments(start: Cursor, log: Sequence[Told], end: Cursor) -> list[Segment]:
    """The log in parts; the account of each begins at its start."""
    parts = [Segment(start, start)]
    for told in log:
        if told.gap is not None and told.gap.missed is None:
            part = Segment(told.cursor, told.cursor, since=told.moment, behind=told.cursor.id)
            if told.gap.before is not None:
                part.behind = max(part.behind, EntryId.parse(told.gap.before))
            parts.append(part)
            continue
        parts[-1].told.append(told)
        parts[-1].end = told.cursor
    parts[-1].end = end
    parts[-1].last = True
    return parts


class Judge:
    """The checks for one client; each raises an AssertionError that says what was wrong."""

    def __init__(self, server: Server, client: Client, *, losses: bool) -> None:
        if client.start is None:
            raise ValueError("this client was never placed")
        self.server = server
        self.client = client
        self.start = client.start
        self.losses = losses  # whether the stream ever lost anything
        self.numbers = [told.number for told in client.log if told.number]
        self.shown = set(self.numbers)

    def judge(self) -> None:
        if not all(told.cursor.epoch for told in self.client.log):
            return  # given out while the stream was replaced: such a place names no life
        self._order()
        parts = segments(self.start, self.client.log, self.client.flow.position)
        parts[0].since = self.client.moment
        for part in parts:
            self._segment(part)
        self._total(parts)
        self._end(parts[-1])
        self._held(parts)
        for part in parts:
            self._holes(part)
        self._runs()
        self._resets()
        self._places()

    def _order(self) -> None:
        """Once and in order; of a life that comes back only its own process knows what was told."""
        for life in self.server.lives:
            own = {entry.number for entry in life.entries}
            numbers = [number for number in self.numbers if number in own]
            if not (life.returned and len(self.client.visited) > 1):
                assert numbers == sorted(set(numbers)), f"not once and in order: {self.numbers}"
        if not any(life.returned for life in self.server.lives):
            assert self.numbers == sorted(self.shown), f"not once and in order: {self.numbers}"

    def _runs(self) -> None:
        """What a run of the server took comes behind the gap that its beginning made."""
        run_of = {entry.number: entry.run for life in self.server.lives for entry in life.entries}
        for told in self.client.log:
            if told.number:
                run = run_of[told.number]
                made = self.server.run_of(told.cursor.epoch)
                doubt = self._certain(run)
                assert run <= made or told.cursor.id < doubt, (
                    f"{told.number} of run {run} under a name of run {made}"
                )

    def _certain(self, run: int) -> EntryId:
        """From where on all is known to be of that run: before, numbers that go on without a hole
        prove that nothing lies between, and stand before the gap. Where nobody saw it there is no
        such place."""
        names = [name for name in self.server.life_of if self.server.run_of(name) == run]
        return max(map(epochs.run_certain, names), default=EntryId(1 << 60, 0))

    def _life(self, cursor: Cursor) -> Life:
        """The life that a place names."""
        return self.server.life_of[cursor.epoch]

    def _wanted(self, entry: Entry) -> bool:
        """Whether every filter that may have been in force wants it."""
        behind = min((n for n in self.numbers if n > entry.number), default=1 << 60)
        before = max((n for n in self.numbers if n < entry.number), default=0)
        chosen = [wanted for n, wanted in self.client.filters if before <= n < behind]
        chosen += [wanted for n, wanted in self.client.filters if n < before][-1:]
        return all(wanted == EVERYTHING or entry.even for wanted in chosen)

    def _segment(self, part: Segment) -> None:
        life = self._life(part.start)
        for one, other in zip(
            [part.start, *(told.cursor for told in part.told)],
            [*(told.cursor for told in part.told), part.end],
            strict=True,
        ):
            assert self._life(other) is life, f"from life to life without a reset: {one} {other}"
            assert other.id >= one.id, f"back from {one} to {other}"
        # The newest entries may have been deleted by hand: no place of theirs is ever reached.
        entries = [
            entry
            for entry in life.entries
            if entry.id > part.start.id
            and (entry.id <= part.end.id or not entry.held or life.ended)
        ]
        away = [entry for entry in entries if entry.number not in self.shown]
        # What went before a life ended may not have been found out before that.
        sure = [
            entry
            for entry in away
            if not (entry.vanished or (part.since and 0 < entry.gone <= part.since))
            and (part.last or (entry.held and entry.id <= part.end.id))
            and entry.id >= part.behind
        ]
        least = sum(
            entry.kind == "unreadable" or (entry.kind == "event" and self._wanted(entry))
            for entry in sure
        )
        stated, producers = part.missed(*COUNTED), part.missed(GapReason.PRODUCER)
        dropped = self._dropped(life, part)
        what = f"{part.start} to {part.end}: {stated} and {producers} of producers"
        if part.start == self.start or part.since:
            # A place may be provisional: what was lost just before is told when that is found out.
            away += [e for e in life.entries if e.id <= part.start.id and not e.held]
        assert stated <= len(away), f"{what} stated, {len(away)} lost"
        assert stated + producers >= least, f"{what} stated, {least} lost at the least"
        most = len(away) + dropped + self._elsewhere(life) + self._late(life, part)
        assert stated + producers <= most, f"{what}: {most} lost at the most"
        if not self.losses and not part.end.stated and not part.start.stated:
            assert stated == least or self.client.filters[1:], what
            assert producers == self._dropped(life, part, shown=True), f"{what}, {dropped} dropped"

    def _dropped(self, life: Life, part: Segment, *, shown: bool = False) -> int:
        """What producers dropped, told at the entry that shows it; `shown`: within the segment."""
        within = [entry for entry in life.entries if part.start.id < entry.id <= part.end.id]
        behind = [entry for entry in life.entries if entry.id > part.end.id][: 0 if shown else 1]
        before = [] if shown else self._last_words(life, part.start.id)
        return sum(entry.dropped for entry in (*before, *within, *behind))

    @staticmethod
    def _late(life: Life, part: Segment) -> int:
        """Markers that came late: they tell a loss to whoever was not told it by the numbers."""
        return sum(one.late for one in life.entries if part.start.id < one.id <= part.end.id)

    def _total(self, parts: list[Segment]) -> None:
        """Over all lives nothing is told twice."""
        told = sum(part.missed(*COUNTED, GapReason.PRODUCER) for part in parts)
        first = self._life(self.start)
        at = self.server.lives.index(first)
        lives = [life for n, life in enumerate(self.server.lives) if n >= at or life.returned]
        away = [
            entry
            for life in lives
            for entry in life.entries
            if entry.number not in self.shown and (life is not first or entry.id > self.start.id)
        ]
        provisional = sum(e.id <= self.start.id and not e.held for e in first.entries)
        elsewhere = sum(map(self._elsewhere, lives))
        most = len(away) + provisional + self.server.dropped + elsewhere
        assert told <= most, f"{told} told in all, {most} lost at the most"

    @staticmethod
    def _last_words(life: Life, place: EntryId) -> list[Entry]:
        """Markers before a place that nothing of their producer follows there: they may state what
        was told already, and the number behind the place then shows another loss."""
        last: dict[bytes, Entry] = {}
        for entry in life.entries:
            if entry.id <= place:
                last[_src(entry)] = entry
        return [entry for entry in last.values() if entry.kind == "marker"]

    def _holes(self, part: Segment) -> None:
        """Where the stream lost nothing, a hole between two numbers that were shown is stated."""
        if part.missed(*COUNTED) or part.start.ahead or part.start.stated or part.end.stated:
            return
        shown = {told.number for told in part.told if told.number}
        last: dict[bytes, Entry] = {}
        holes = 0
        # Between two lines of which either may be of the earlier run it may be the restart's loss.
        sure = max(part.behind, epochs.run_certain(part.start.epoch))
        for entry in self._life(part.start).entries:
            src = _src(entry)
            before = last.get(src)
            if entry.number in shown and before is not None:
                holes += entry.dropped
            if entry.kind != "marker":
                last.pop(src, None)
            if entry.number in shown and entry.id >= sure:
                last[src] = entry
        told = part.missed(GapReason.PRODUCER)
        assert told >= holes, f"{part.start} to {part.end}: {holes} in holes, {told} stated"

    def _elsewhere(self, life: Life) -> int:
        """What another stream took while this one was away: holes in its producers' numbers."""
        if not life.returned or not life.entries:
            return 0
        first, last = life.entries[0].number, life.entries[-1].number
        return sum(
            (entry.kind == "event") + entry.dropped
            for other in self.server.lives
            if other is not life
            for entry in other.entries
            if first < entry.number < last
        )

    def _end(self, part: Segment) -> None:
        """Everything was read: the place is the end of the stream as it is now."""
        life = self.server.life
        if life is None:
            return
        assert self._life(part.end) is life, f"{part.end} is of another life"
        last = life.held[-1].id if life.held else part.end.id
        assert part.end.id >= last, f"ends at {part.end}, the stream at {last}"

    def _held(self, parts: list[Segment]) -> None:
        """What the stream still holds can only be missing for this client's own slowness."""
        first = self._life(self.start)
        visited = [self._life(part.start) for part in parts]
        away = [
            entry
            for life in self.server.lives
            if any(life is one for one in visited)
            for entry in life.held
            if entry.number not in self.shown and entry.kind == "event" and self._wanted(entry)
            if not (life.ended or life.returned) and (life is not first or entry.id > self.start.id)
        ]
        own = sum(part.missed(*OWN) for part in parts)
        assert len(away) <= own, f"{[e.number for e in away]} are held and not shown; {own} stated"

    def _resets(self) -> None:
        gaps = [told.gap for told in self.client.log if told.gap and told.gap.missed is None]
        places = [self.start, *(told.cursor for told in self.client.log)]
        # What waits when a stream ends, or has no count, is told before the reset that moves on.
        resets = [
            told.gap
            for stood, told in zip(places, self.client.log, strict=False)
            if told.gap and told.gap.reason in REPLACED and told.cursor.epoch != stood.epoch
        ]
        happened = self.server.disruptions - self.client.began
        assert len(resets) <= happened, f"{len(resets)} resets told, {happened} happened"
        # After a restart a process counts again from its next whole look on.
        reason = self.server.disruptions or self.client.uncounted
        assert reason or not gaps, f"uncounted without a reason: {gaps}"
        assert {gap.reason for gap in gaps} <= {
            GapReason.RESET, GapReason.FAILOVER, GapReason.RETENTION,
        }, gaps  # fmt: skip

    def _places(self) -> None:
        """The bounds of a counted loss of the stream hold as many entries that were not shown."""
        for told in self.client.log:
            gap = told.gap
            if gap is None or gap.missed is None or None in (gap.after, gap.before):
                continue
            after, before = EntryId.parse(gap.after or ""), EntryId.parse(gap.before or "")
            assert after < before, f"bounds the wrong way round: {gap}"
            if gap.reason not in COUNTED:
                continue
            within = [
                entry
                for entry in self._life(told.cursor).entries
                if after < entry.id < before and entry.number not in self.shown
            ]
            assert len(within) >= gap.missed, f"{gap}: {len(within)} were not shown there"
