"""Names for the life of a stream, so that another one under the same key is noticed. Pure.

A key says nothing of the stream behind it: after DEL, FLUSHALL, SWAPDB or RENAME another one may
stand there. A consumer group dies with its stream, so one whose *name* carries a random epoch tells
every process, and every cursor handed out, whether it is still the same. The name also carries a
mark of the server's run: after a restart or a failover the stream may be the same but shorter,
which no count can prove. Whoever attaches first makes the group; of several all take the greatest.

A cluster moves a stream to another server whole, its groups with it: the life goes on. Whoever saw
the earlier server give it away says so by one more group, whose name is a *move*: the marks of both
runs.
"""

from __future__ import annotations

import bisect
import secrets
import time
from collections.abc import Sequence
from typing import Final

from extdebug.wire.positions import EPOCH_DIGITS, ZERO_ID, EntryId

_TIME: Final = 11  # hexadecimal digits of milliseconds, first, so that names sort by age
_RUN: Final = 8  # of the server's run_id
_KIND: Final = 2
_RANDOM: Final = EPOCH_DIGITS - _TIME - _RUN - _KIND
# The digits behind the run's mark say how the run began: 0x80 for a failover, and how long after
# the named moment entries of the earlier run may follow, by an index into _DOUBTS_MS.
_FAILOVER: Final = 0x80
_DOUBTS_MS: Final = (0, *(round(2 ** (step / 7)) for step in range(1, _FAILOVER)))  # by 10 %
KEPT: Final = 4  # epochs of earlier runs that stay, so that old cursors still prove what they can


def run_mark(run_id: str) -> str:
    """What an epoch carries of a `run_id`; zeros for a server that does not tell (embedded)."""
    digits = "".join(digit for digit in run_id.lower() if digit in "0123456789abcdef")
    return digits[:_RUN].ljust(_RUN, "0")


def new_epoch(
    run_id: str, *, began_ms: int | None = None, doubt_ms: int = 0, failover: bool = False,
    earlier: Sequence[str] = (),
) -> str:  # fmt: skip
    """A name for a life that begins now; or one that goes on under this run of the server, which
    took its first entry not before `began_ms`, and every entry from `doubt_ms` later on. With
    `failover` it took another server's place. It began after the `earlier` ones of this life."""
    ms = int(time.time() * 1000) if began_ms is None else began_ms
    least = max((moment(epoch) + 1 for epoch in earlier), default=0)
    ms, doubt_ms = max(ms, least), min(doubt_ms, max(0, ms + doubt_ms - least))
    random = secrets.token_hex(_RANDOM)[:_RANDOM]
    kind = min(bisect.bisect_left(_DOUBTS_MS, doubt_ms), _FAILOVER - 1)
    kind += _FAILOVER if failover else 0
    return f"{ms & 0xFFFFFFFFFFF:011x}{run_mark(run_id)}{kind:02x}{random}"


def moment(epoch: str) -> int:
    """The moment before which this epoch's run of the server had written nothing."""
    return int(epoch[:_TIME], 16)


def run_began(epoch: str) -> EntryId:
    """`moment` as a place: entries at and behind it are of this epoch's run of the server."""
    return EntryId(moment(epoch), 0) if epoch else ZERO_ID


def run_certain(epoch: str) -> EntryId:
    """Entries at and behind this place are of this epoch's run; before it some may be older."""
    return EntryId(moment(epoch) + _DOUBTS_MS[_kind(epoch) % _FAILOVER], 0)


def gap_until(epochs: Sequence[str], life: str) -> EntryId:
    """How far the gap reaches between `life`'s run and the one before, where there was one."""
    return run_certain(life) if any(not one_run(one, life) for one in epochs) else ZERO_ID


def by_failover(epoch: str) -> bool:
    """Whether this epoch's server took another's place, as far as its maker saw."""
    return bool(epoch) and _kind(epoch) >= _FAILOVER


def _kind(epoch: str) -> int:
    return int(epoch[_TIME + _RUN : _TIME + _RUN + _KIND], 16)


def of_run(epoch: str, run_id: str) -> bool:
    """Whether this epoch was made under this run of the server."""
    return epoch[_TIME : _TIME + _RUN] == run_mark(run_id)


def current(epochs: Sequence[str], run_id: str) -> str:
    """The epoch that all processes use now; empty when nobody made one under this run yet.

    Of several the latest: whoever saw the server go knows best when its run began. A run that was
    named before another one is over, even where its server answers again: it was replaced."""
    newest = max(epochs, default="")
    return newest if newest and of_run(newest, run_id) else ""


def move(now: str, earlier: str) -> str:
    """The name that says that the life under the run `earlier` was moved whole to the run `now`."""
    return run_mark(now) + run_mark(earlier)


def run_before(epochs: Sequence[str], moves: Sequence[str], run_id: str) -> str:
    """The run under which the present life was named, if it was moved from there to `run_id`, in as
    many steps as it took; else `run_id` itself."""
    marks, known = [run_mark(run_id)], {run_mark(run_id)}
    for mark in marks:  # grows meanwhile
        if current(epochs, mark):
            return run_id if mark == marks[0] else mark
        for one in moves:
            earlier = one[_RUN:]
            if one[:_RUN] == mark and earlier not in known:
                known.add(earlier)
                marks.append(earlier)
    return run_id


def next_began(epochs: Sequence[str], stood: str, life: str) -> EntryId:
    """Where the run that followed `stood`'s began, for who comes from there into `life`: there may
    have been others between, and what each beginning cost lies behind the first."""
    later = [epoch for epoch in epochs if epoch > stood and not one_run(epoch, stood)]
    return min(map(run_began, [*later, life]))


def one_run(one: str, other: str) -> bool:
    """Whether both were made under one run of the server."""
    return one[_TIME : _TIME + _RUN] == other[_TIME : _TIME + _RUN]


def outdated(epochs: Sequence[str], run_id: str) -> list[str]:
    """Epochs of earlier runs that may go, the oldest ones beyond KEPT."""
    earlier = sorted(epoch for epoch in epochs if not of_run(epoch, run_id))
    return earlier[: max(0, len(earlier) - KEPT)]
