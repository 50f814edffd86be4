"""Judges a watcher's log against what producers wrote. Imports nothing of the product.

The promise judged: per session each event is delivered exactly once, in order, or lies inside
exactly one gap with the right reason; an exact gap holds exactly as many as it says.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Key = tuple[int, int, int]  # (ms, seq, how many numbers after that entry): a place in a stream
LAST: Key = (2**64, 0, 0)


def place(entry_id: str, after: int = 0) -> Key:
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq), after


@dataclass(frozen=True, slots=True)
class Written:
    """One number of a producer. `id` None: it never reached the stream.

    `sure` False: the answer was lost, so that the entry may or may not be there. `wanted` False:
    the session's filter or install scope leaves it out, so it must not be delivered.
    """

    src: str
    n: int
    id: str | None
    sure: bool = True
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """One delivered event."""

    src: str
    n: int
    id: str


@dataclass(frozen=True, slots=True)
class Stated:
    """One gap as the client got it."""

    reason: str
    missed: int | None
    after: str | None
    before: str | None


Item = Shown | Stated


@dataclass(slots=True)
class Verdict:
    """What the oracle found. `wrong` empty: the promise was kept."""

    delivered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def lost_total(self) -> int:
        return sum(self.lost.values())


def judge(
    log: Sequence[Item],
    written: Iterable[Written],
    *,
    reasons: Mapping[str, Collection[str]] | Collection[str] = (),
    first: Mapping[str, int] | None = None,
) -> Verdict:
    """Hold a log against what was written.

    `first`: for each source the first number the session answers for (default: its first one).
    `reasons`: which reasons a gap may have at all, or by kind of loss: "written" for entries that
    the stream once held, "dropped" for numbers that never reached it.
    """
    verdict = Verdict()
    allowed = reasons if isinstance(reasons, Mapping) else {"written": reasons, "dropped": reasons}
    missing = _missing(log, list(written), first or {}, verdict)
    _assign(log, missing, allowed, verdict)
    return verdict


def _missing(
    log: Sequence[Item], written: list[Written], first: Mapping[str, int], verdict: Verdict
) -> list[tuple[Key, Written]]:
    """What was not delivered, by place; checks doubles, order and what never existed."""
    known = {(one.src, one.n): one for one in written}
    seen: set[tuple[str, int]] = set()
    newest: dict[str, int] = {}
    at: Key = (0, 0, 0)
    for item in log:
        if isinstance(item, Stated):
            if item.reason in ("reset", "failover"):
                at = (0, 0, 0)  # another stream: its ids may be lower
            continue
        name = (item.src, item.n)
        one = known.get(name)
        if one is None:
            verdict.wrong.append(f"{name} was delivered and never written")
            continue
        if name in seen:
            verdict.doubled += 1
            verdict.wrong.append(f"{name} was delivered twice")
        if not one.wanted:
            verdict.wrong.append(f"{name} was delivered and is not for this session")
        if item.n <= newest.get(item.src, -1) or place(item.id) <= at:
            verdict.wrong.append(f"{name} was delivered out of order")
        newest[item.src], at = item.n, place(item.id)
        seen.add(name)
    verdict.delivered = len(seen)
    missing: list[tuple[Key, Written]] = []
    behind: dict[str, tuple[str, int]] = {}
    for one in sorted(written, key=lambda one: (one.src, one.n)):
        if one.id is not None:
            behind[one.src] = (one.id, 0)
        else:
            entry, steps = behind.get(one.src, ("0-0", 0))
            behind[one.src] = (entry, steps + 1)
        if (one.src, one.n) in seen or one.n < first.get(one.src, 0):
            continue
        missing.append((place(*behind[one.src]), one))
    missing.sort(key=lambda pair: pair[0])
    return missing


@dataclass(slots=True)
class _Window:
    gap: Stated
    start: Key
    end: Key
    left: int


def _assign(
    log: Sequence[Item],
    missing: list[tuple[Key, Written]],
    allowed: Mapping[str, Collection[str]],
    verdict: Verdict,
) -> None:
    """Each missing number into one gap: exact gaps first, the one that ends soonest."""
    windows = _windows(log, verdict)
    starts = [window.start for window in windows]
    silent: list[Written] = []
    for key, one in missing:
        if not one.wanted:
            continue
        window = _choose(windows, starts, key, one)
        if window is not None:
            window.left -= 1
            reason: str | None = window.gap.reason
        else:
            reason = _uncounted(log, one)
        if reason is None:
            if one.sure:
                silent.append(one)
            continue
        verdict.lost[reason] += 1
        kind = "written" if one.id is not None else "dropped"
        if reason not in allowed.get(kind, ()):
            verdict.wrong.append(f"{(one.src, one.n)} ({kind}) was stated as {reason}")
    for key, one in missing:  # what a filter hides lies in a gap of entries, or nowhere
        window = None if one.wanted else _choose(windows, starts, key, one)
        if window is not None and window.gap.reason not in ("not_consumed", "rate_limited"):
            window.left -= 1
    if silent:
        span = ", ".join(f"{one.src}:{one.n}" for one in silent[:8])
        verdict.wrong.append(f"{len(silent)} lost without a word: {span}")
    for window in windows:
        if window.left > 0:
            verdict.wrong.append(f"{window.gap} states {window.left} more than were lost there")


def _windows(log: Sequence[Item], verdict: Verdict) -> list[_Window]:
    """The exact gaps, by where they begin."""
    windows: list[_Window] = []
    for gap in (item for item in log if isinstance(item, Stated)):
        if gap.missed is None:
            continue
        if gap.missed <= 0:
            verdict.wrong.append(f"{gap} says that nothing was lost")
        start = place(gap.after) if gap.after else (0, 0, 0)
        end = place(gap.before) if gap.before else LAST
        windows.append(_Window(gap, start, end, gap.missed))
    windows.sort(key=lambda window: window.start)
    return windows


def _choose(windows: list[_Window], starts: list[Key], key: Key, one: Written) -> _Window | None:
    """The gap that holds this number, if one does.

    A number that never reached the stream has no place in it: what a producer says it dropped is
    held to its count, and to the nearest such gap.
    """
    if one.id is None:
        theirs = [window for window in windows if window.left and window.gap.reason == "producer"]
        if theirs:
            return min(
                theirs, key=lambda window: (not window.start <= key < window.end, window.end)
            )
    known = bisect.bisect_right(starts, key)
    fitting = [
        window for window in windows[:known] if window.left > 0 and window.start < key < window.end
    ]
    return min(
        fitting, key=lambda window: (window.gap.reason == "producer", window.end), default=None
    )


def _uncounted(log: Sequence[Item], one: Written) -> str | None:
    """The reason of a gap of unknown size around this number, by what was delivered around it."""
    newest = -1
    for position, item in enumerate(log):
        if isinstance(item, Shown):
            if item.src == one.src:
                newest = max(newest, item.n)
            continue
        if item.missed is None and newest < one.n:
            after = next(
                (x.n for x in log[position:] if isinstance(x, Shown) and x.src == one.src), None
            )
            if after is None or one.n < after:
                return item.reason
    return None
