"""Judges one session's view, over all its connections, against what was written under a fault.

The promise: each line is shown once, in the stream's order, or lies inside exactly one gap with
the true count at the true place. Imports nothing of the product. Redis gives ids by the clock, so
ids order the entries of all streams that a key held during a play.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.oracle import Item, Shown, Stated

Place = tuple[int, int]
START: Final[Place] = (0, 0)
END: Final[Place] = (2**64, 0)
MATCHING: Final = ("not_consumed", "rate_limited")  # count what the filter selects
MISPLACED_BY: Final = 3_000  # ms; a loss that is told farther off was not told
WITHOUT_COUNT: Final = ("reset", "failover")  # may state null (docs/no-silent-loss.md)
COLUMNS: Final = ("doubled", "silent", "counts", "places", "order", "session")


def place(id: str) -> Place:
    ms, _, seq = id.partition("-")
    return int(ms), int(seq)


@dataclass(frozen=True, slots=True)
class Line:
    """What a producer did with one number, or with one marker.

    `id` None: it never reached the stream (`sure`) or nobody knows (not `sure`). `numbered` False:
    the entry carries neither `src` nor `n`, so that its loss before Redis cannot be known.
    `lost`: a marker for that many numbers; it has no number of its own.
    """

    src: str
    n: int
    id: str | None
    sure: bool = True
    numbered: bool = True
    level: str = "info"
    lost: int = 0
    at: float = 0.0


@dataclass(slots=True)
class SessionVerdict:
    """Entries at fault by column. `wrong` says each in words; empty: the promise was kept.

    doubled: shown twice. silent: neither shown nor in a gap, or skipped although the stream holds
    them. counts: stated and not lost, or null where a number is due. places: lost and counted, but
    not between the gap's `after` and `before`. order: shown out of order, or never written.
    session: the session itself (ended, not told, never caught up); the client says so.
    """

    delivered: int = 0
    stated: int = 0
    doubled: int = 0
    silent: int = 0
    counts: int = 0
    places: int = 0
    order: int = 0
    session: int = 0
    wide: int = 0  # shown entries inside the place of an exact gap; noted, not judged
    unfair: int = 0  # `not_consumed` told to one who acknowledged; noted, not judged
    wrong: list[str] = field(default_factory=list)

    def blame(self, column: str, count: int, text: str) -> None:
        setattr(self, column, getattr(self, column) + count)
        self.wrong.append(f"{column}: {text}")


@dataclass(slots=True)
class _Gap:
    stated: Stated
    start: Place
    end: Place
    left: int | None  # None: of unknown size

    @property
    def by_filter(self) -> bool:
        return self.stated.reason in MATCHING

    def holds(self, at: Place) -> bool:
        return self.start < at < self.end


@dataclass(slots=True)
class _Hole:
    """Numbers of one source that never reached the stream, between two of its entries."""

    src: str
    left: int
    start: Place
    end: Place
    due: bool  # whether a reader can know
    first: int

    def __str__(self) -> str:
        return f"the hole from {self.src}:{self.first} between {self.start} and {self.end}"


def judge_session(
    log: Sequence[Item],
    lines: Iterable[Line],
    *,
    since: str,
    held: Collection[str],
    must: Callable[[Line], bool] = lambda _: True,
    may: Callable[[Line], bool] = lambda _: True,
    resets: Collection[str] = (),
) -> SessionVerdict:
    """Hold what a session was told against what was written after the entry `since`.

    `held`: the ids that the stream holds at the end; these were never lost by Redis. `must`: the
    lines that the session's filter selected all the time; `may`: those it selected at some time.
    `resets`: the reasons without a count that are true in this play; none if the stream lived on.
    """
    verdict = SessionVerdict()
    answered = [line for line in lines if line.id is None or place(line.id) > place(since)]
    known = {(line.src, line.n): line for line in answered if not line.lost}
    seen = _shown(log, known, may, verdict)
    gaps = _gaps(log, since, resets=resets, verdict=verdict)
    entries = [gap for gap in gaps if gap.stated.reason != "producer"]
    own = [gap for gap in gaps if gap.stated.reason == "producer"]
    missing = sorted(
        (line for line in answered if line.id and (line.lost or (line.src, line.n) not in seen)),
        key=lambda line: place(line.id or ""),
    )
    beyond = _assign(missing, entries, log, held=held, must=must, may=may, verdict=verdict)
    holes = list(_holes(answered, gaps, since, beyond))
    unsure = [where for line, where in _unanswered(answered, since) if line not in seen]
    _blame_rest(entries, unsure, verdict)
    _assign_holes(holes, own, unsure, verdict)
    _wide(log, gaps, verdict)
    verdict.delivered = len(seen)
    verdict.stated = sum(gap.stated.missed or 0 for gap in gaps)
    return verdict


def _shown(
    log: Sequence[Item],
    known: dict[tuple[str, int], Line],
    may: Callable[[Line], bool],
    verdict: SessionVerdict,
) -> set[tuple[str, int]]:
    seen: set[tuple[str, int]] = set()
    newest = START
    doubled: list[str] = []
    disorder: list[str] = []
    for item in log:
        if isinstance(item, Stated):
            continue
        name, line = (item.src, item.n), known.get((item.src, item.n))
        if line is None or (line.id not in (None, item.id)) or (line.sure and line.id is None):
            disorder.append(f"{item} was never written since the session began")
            continue
        if not may(line):
            disorder.append(f"{item} is not for this filter")
        if name in seen:
            doubled.append(f"{item.src}:{item.n}@{item.id}")
        elif place(item.id) <= newest:
            disorder.append(f"{item} after {newest[0]}-{newest[1]}")
        newest = max(newest, place(item.id))
        seen.add(name)
    if doubled:
        verdict.blame("doubled", len(doubled), f"{len(doubled)} shown twice: {_some(doubled)}")
    if disorder:
        verdict.blame("order", len(disorder), f"{len(disorder)}: {_some(disorder)}")
    return seen


def _some(names: Sequence[str]) -> str:
    ends = [*names[:3], "...", *names[-1:]] if len(names) > 4 else list(names)
    return ", ".join(ends)


def _gaps(
    log: Sequence[Item], since: str, *, resets: Collection[str], verdict: SessionVerdict
) -> list[_Gap]:  # fmt: skip
    """The gaps by where they end; what is wrong with one by itself is noted."""
    gaps: list[_Gap] = []
    newest = place(since)
    for at, item in enumerate(log):
        if isinstance(item, Shown):
            newest = max(newest, place(item.id))
            continue
        start = place(item.after) if item.after else newest
        if item.before:
            end = place(item.before)
        else:
            later = (place(one.id) for one in log[at + 1 :] if isinstance(one, Shown))
            end = next((id for id in later if id > start), END)
        if end <= start:
            verdict.blame("places", item.missed or 1, f"{item} ends before it begins")
        if item.reason in WITHOUT_COUNT and item.reason not in resets:
            verdict.blame("counts", item.missed or 1, f"{item}: nothing of the kind happened")
        elif item.missed is None and item.reason not in WITHOUT_COUNT:
            verdict.blame("counts", 1, f"{item}: a number is due")
        elif item.missed is not None and item.missed <= 0:
            verdict.blame("counts", 1, f"{item} says that nothing was lost")
        gaps.append(_Gap(item, start, end, item.missed))
    gaps.sort(key=lambda gap: gap.end)
    return gaps


def _assign(
    missing: list[Line],
    gaps: list[_Gap],
    log: Sequence[Item],
    *,
    held: Collection[str],
    must: Callable[[Line], bool],
    may: Callable[[Line], bool],
    verdict: SessionVerdict,
) -> set[tuple[str, int]]:
    """Each missing entry into one gap. Returns the lines that only a gap of entries explains."""
    beyond: set[tuple[str, int]] = set()
    alone: list[Line] = []
    # Lines that are gone, in gaps that count what a filter selects.
    lent: list[tuple[Line, _Gap]] = []
    taken: list[tuple[Line, _Gap]] = []  # lines in the stream's own gaps
    due = [line for line in missing if not line.lost and must(line)]
    for present in (True, False):  # those that only a gap of the session's own can hold come first
        for line in due:
            if (line.id in held) is not present:
                continue
            gap = _choose(gaps, line, by_filter_only=present)
            if gap is None:
                alone.append(line)
                continue
            if gap.left is not None:
                gap.left -= 1
            if not gap.by_filter:
                beyond.add((line.src, line.n))
                taken.append((line, gap))
            elif not present:
                lent.append((line, gap))
    alone = [line for line in alone if line.id in held or not _make_room(line, gaps, taken)]
    hidden = [line for line in missing if line.lost or not must(line)]
    spare = _assign_hidden(hidden, gaps, taken, lent, held=held, may=may)
    beyond |= {(line.src, line.n) for line in _exchange(lent, spare, gaps) if must(line)}
    _blame(alone, gaps, log, held, verdict)
    return beyond


def _assign_hidden(
    hidden: list[Line], gaps: list[_Gap], taken: list[tuple[Line, _Gap]],
    lent: list[tuple[Line, _Gap]], *, held: Collection[str], may: Callable[[Line], bool],
) -> list[Line]:  # fmt: skip
    """Markers and what the filter hid at times: counted by some gaps, not by all. What is left of
    these that the stream still holds."""
    spare: list[Line] = []
    for line in hidden:
        gap = _choose(gaps, line, by_filter_only=line.id in held, exact=True, entries=not may(line))
        if gap is not None and gap.left is not None and not (line.lost and gap.by_filter):
            gap.left -= 1
            if gap.by_filter and line.id not in held:
                lent.append((line, gap))
        elif gap is None and may(line) and not line.lost and line.id in held:
            spare.append(line)
        elif line.id not in held:
            _make_room(line, gaps, taken)
    return spare


def _make_room(line: Line, gaps: list[_Gap], taken: list[tuple[Line, _Gap]]) -> bool:
    """Put it into a full gap of the stream's, one of whose lines fits into a gap with room that
    counts what a filter selects; whether that could be done."""
    at = place(line.id or "")
    roomy = [gap for gap in gaps if gap.by_filter and gap.left]
    for n, (other, gap) in enumerate(taken if roomy else ()):
        if gap.left != 0 or not gap.holds(at):
            continue
        found = next((one for one in roomy if one.holds(place(other.id or ""))), None)
        if found is not None and found.left:
            found.left -= 1
            taken[n] = line, gap
            return True
    return False


def _exchange(
    lent: list[tuple[Line, _Gap]], spare: list[Line], gaps: list[_Gap]
) -> list[Line]:  # fmt: skip
    """A gap that counts what a filter selects may hold lines that it selected only then. For each
    of these a line that is gone can be in the stream's own gap, if that has room for it: those."""
    moved: list[Line] = []
    for line, gap in lent:
        at = place(line.id or "")
        other = next(
            (one for one in gaps if one.left and not one.by_filter and one.holds(at)), None
        )
        found = next((one for one in spare if gap.holds(place(one.id or ""))), None)
        if other is not None and other.left and found is not None:
            other.left -= 1
            spare.remove(found)
            moved.append(line)
    return moved


def _choose(
    gaps: list[_Gap],
    line: Line,
    *,
    by_filter_only: bool,
    exact: bool = False,
    entries: bool = False,
) -> _Gap | None:
    """The gap that ends soonest of those with room, exact ones before those of unknown size."""
    at, unknown = place(line.id or ""), None
    for gap in gaps:
        if not gap.holds(at) or (by_filter_only and not gap.by_filter):
            continue
        if entries and gap.by_filter:
            continue
        if gap.left is None:
            unknown = unknown or gap
        elif gap.left > 0:
            return gap
    return None if exact else unknown


def _blame(
    alone: list[Line],
    gaps: list[_Gap],
    log: Sequence[Item],
    held: Collection[str],
    verdict: SessionVerdict,
) -> None:
    """Entries without a gap: silent, miscounted, or misplaced."""
    silent: list[Line] = []
    outside: list[Line] = []
    short: list[Line] = []
    for line in alone:
        at = place(line.id or "")
        inside = any(gap.holds(at) for gap in gaps)
        near = _near(gaps, at, at, by_filter_only=line.id in held)
        if near is not None and near.left:
            near.left -= 1
            outside.append(line)
        elif line.id not in held and _beside_unknown(log, line):
            outside.append(line)
        elif inside and line.id not in held:
            short.append(line)
        else:  # skipped under a gap, though the stream still holds it, or under none
            silent.append(line)
    kept = sum(line.id in held for line in silent)
    for column, lines, text in (
        ("places", outside, "lie outside the gap that counts them"),
        ("counts", short, "lie in a gap that states fewer than were lost"),
        ("silent", silent, f"lost without a word, {kept} of them still in the stream"),
    ):
        if lines:
            names = _some([f"{line.src}:{line.n}@{line.id}" for line in lines])
            verdict.blame(column, len(lines), f"{len(lines)} {text}: {names}")


def _unanswered(
    answered: Sequence[Line], since: str
) -> Iterable[tuple[tuple[str, int], tuple[Place, Place]]]:
    """The lines whose writer got no answer, and between which places each would lie: they may have
    been in the stream all the same, and be lost with it."""
    sources: dict[str, list[Line]] = {}
    for line in answered:
        sources.setdefault(line.src, []).append(line)
    for own in sources.values():
        for at, line in enumerate(own):
            if line.id is None and not line.sure:
                before = (one.id for one in reversed(own[:at]) if one.id)
                later = (one.id for one in own[at + 1 :] if one.id)
                start, end = next(before, since), next(later, None)
                yield (line.src, line.n), (place(start), END if end is None else place(end))


def _blame_rest(
    gaps: list[_Gap], unsure: list[tuple[Place, Place]], verdict: SessionVerdict
) -> None:
    """Gaps that count more than was lost. `unsure` may have been lost too, each once."""
    for gap in gaps:
        for start, end in list(unsure):
            if gap.left and gap.start < end and start < gap.end:
                gap.left -= 1
                unsure.remove((start, end))
        if gap.left:
            verdict.blame("counts", gap.left, f"{gap.stated} states {gap.left} too many")


def _near(
    gaps: list[_Gap], start: Place, end: Place, *, by_filter_only: bool = False
) -> _Gap | None:
    """An exact gap with room that is told for another place, a few seconds off at most."""
    fitting = [
        (max(gap.start[0] - end[0], start[0] - gap.end[0]), at)
        for at, gap in enumerate(gaps)
        if gap.left and (gap.by_filter or not by_filter_only)
    ]
    distance, at = min(fitting, default=(MISPLACED_BY + 1, 0))
    return gaps[at] if distance <= MISPLACED_BY else None


def _beside_unknown(log: Sequence[Item], line: Line) -> bool:
    """Whether a gap of unknown size was told between this line's shown neighbours."""
    at = place(line.id or "")
    shown = [(place(item.id), i) for i, item in enumerate(log) if isinstance(item, Shown)]
    shown.sort()
    right = bisect.bisect(shown, (at, len(log)))
    first = shown[right - 1][1] if right else -1
    last = shown[right][1] if right < len(shown) else len(log)
    return any(
        isinstance(item, Stated) and item.missed is None for item in log[first + 1 : last]
    )  # fmt: skip


def _holes(
    answered: Sequence[Line], gaps: list[_Gap], since: str, beyond: set[tuple[str, int]]
) -> Iterable[_Hole]:
    """What each numbered source gave a number and never wrote, by the entries around it.

    A reader can tell a hole only if it was given both neighbours, and if no gap of entries lies
    between them: what that gap lost may have been these numbers.
    """
    sources: dict[str, list[Line]] = {}
    for line in answered:
        if line.numbered:
            sources.setdefault(line.src, []).append(line)
    for src, own in sources.items():
        start, after, count, first, sure = place(since), None, 0, 0, True
        markers: list[Place] = []
        for line in own:  # in the order of writing: markers stand among the numbers
            if line.lost:
                if line.id:
                    markers.append(place(line.id))
                continue
            if line.id is None:
                if line.sure:
                    first = first or line.n
                    count += 1
                sure = sure and line.sure
                continue
            if count:
                yield _hole(src, count, first, start, place(line.id), markers, gaps, due=sure
                            and (src, line.n) not in beyond
                            and (after is None or (src, after.n) not in beyond))  # fmt: skip
            start, after, count, first, sure, markers = place(line.id), line, 0, 0, True, []
        if count:
            yield _hole(src, count, first, start, END, markers, gaps, due=bool(markers))


def _hole(
    src: str, count: int, first: int, start: Place, end: Place, markers: list[Place],
    gaps: list[_Gap], *, due: bool,
) -> _Hole:  # fmt: skip
    hidden = any(
        gap.start < end and start < gap.end
        for gap in gaps
        if not gap.by_filter and gap.stated.reason != "producer"
    )
    if not due or hidden:  # may be stated by a marker, which may come late
        return _Hole(src, count, start, END, due=False, first=first)
    return _Hole(src, count, start, max([end, *markers]), due=True, first=first)


def _assign_holes(
    holes: list[_Hole], gaps: list[_Gap], unsure: list[tuple[Place, Place]],
    verdict: SessionVerdict,
) -> None:  # fmt: skip
    """Each number that was never written into a gap of its producer's."""
    for due in (True, False):
        for hole in sorted((one for one in holes if one.due is due), key=lambda one: one.end):
            for gap in gaps:
                if not gap.left or gap.start >= hole.end or hole.start >= gap.end:
                    continue
                taken = min(gap.left, hole.left)
                gap.left -= taken
                hole.left -= taken
    for hole in holes:
        moved = 0
        while hole.due and hole.left and (near := _near(gaps, hole.start, hole.end)):
            taken = min(near.left or 0, hole.left)
            near.left = (near.left or 0) - taken
            hole.left -= taken
            moved += taken
        if moved:
            verdict.blame("places", moved, f"{moved} of {hole} are stated elsewhere")
        if hole.due and hole.left:
            verdict.blame("silent", hole.left, f"{hole.left} of {hole} were never stated")
    _blame_rest(gaps, unsure, verdict)


def _wide(log: Sequence[Item], gaps: list[_Gap], verdict: SessionVerdict) -> None:
    ids = sorted(place(item.id) for item in log if isinstance(item, Shown))
    for gap in gaps:
        if gap.stated.missed is not None and gap.stated.reason != "producer":
            inside = bisect.bisect_left(ids, gap.end) - bisect.bisect_right(ids, gap.start)
            verdict.wide += max(0, inside)
