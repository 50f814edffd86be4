"""What a session has got so far, as its row and its close record say it. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extdebug.sessions import used_filters
from extdebug.sessions.reach import Reach


@dataclass(frozen=True, slots=True)
class Account:
    """Of all its filters and connections together."""

    shown: int
    filtered: int
    lost: Mapping[str, int]
    unknown: Sequence[str]  # reasons of losses that could not be counted
    cursor: str
    filters: Sequence[Mapping[str, Any]]
    # The stretches sent events of, each its first and last id; None: an earlier version's row.
    reach: Sequence[Sequence[str]] | None = ()


def rest_of(account: Account, written: Account) -> Account | None:
    """What an account says beyond the one that was written last; None when that was all."""
    lost = {reason: n - written.lost.get(reason, 0) for reason, n in account.lost.items()}
    rest = dataclasses.replace(
        account, shown=account.shown - written.shown, filtered=account.filtered - written.filtered,
        lost={reason: n for reason, n in lost.items() if n}, cursor="",
    )  # fmt: skip
    same = dataclasses.replace(account, cursor="") == dataclasses.replace(written, cursor="")
    return None if same else rest


def joined(account: Account, handed_in: Mapping[str, Any] | None) -> Account:
    """An account with what was handed in beside it."""
    if not handed_in:
        return account
    lost = dict(account.lost)
    for reason, count in handed_in["lost"].items():
        lost[reason] = lost.get(reason, 0) + count
    filters = list(account.filters)
    for used in handed_in["filters"]:
        filters = used_filters.noted(filters, used)
    reach = None
    if account.reach is not None:
        known = Reach.of(account.reach)
        known.join(Reach.of(handed_in["reach"]))
        reach = known.bounds
    return dataclasses.replace(
        account, shown=account.shown + handed_in["shown"],
        filtered=account.filtered + handed_in["filtered"], lost=lost,
        unknown=sorted({*account.unknown, *handed_in["uncounted"]}), filters=filters, reach=reach,
    )  # fmt: skip
