"""What live grants cover together, and until when. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policies.decisions.facts import Facts, GrantFact
from policies.decisions.wording import NAME, NOTHING, Sentence

DEBUG_LOGS: Final = "cap:debug.logs"
LONGEST: Final = dt.timedelta(hours=8)

Scope = frozenset[str] | None  # None: all installs


@dataclass(frozen=True, slots=True)
class Coverage:
    """The installs covered, the end of that, and the grant to name for it."""

    installs: Scope
    until: dt.datetime | None = None
    grant_id: int | None = None
    why: Sentence = NOTHING


UNBOUNDED: Final = Coverage(installs=None)

_NOTHING_HERE: Final = Sentence(*["There is nothing here that a grant could cover."] * 2)
_OTHER_INSTALLS: Final = Sentence(
    "Your grant covers other installs.", f"The grant of {NAME} covers other installs."
)
_NONE: Final = Sentence(
    "You have no grant for this target.", f"{NAME} has no grant for this target."
)


def narrow(scope: Scope, other: Scope) -> Scope:
    """What both cover. None covers all, events without an install included."""
    if scope is None:
        return other
    return scope if other is None else scope & other


def of_grants(facts: Facts, scope: Scope, now: dt.datetime) -> Coverage:
    """Live grants of the person for the target, together, within `scope`.

    Overlapping grants add up: an install is covered until the last grant that covers it ends,
    and the coverage is `until` the first moment at which it would shrink.
    """
    if scope == frozenset():
        return Coverage(installs=scope, why=_NOTHING_HERE)
    ends = [(end, grant) for grant in facts.grants if (end := _live_until(grant, facts, now))]
    if not ends:
        return Coverage(installs=frozenset(), why=_why_not(facts.grants, now))
    ends.sort(key=lambda pair: (pair[0], pair[1].id), reverse=True)
    unlimited = [(end, grant) for end, grant in ends if grant.all_installs]
    if unlimited:
        return _named(scope, until=unlimited[0][0], grant=unlimited[0][1])
    last: dict[str, dt.datetime] = {}
    for end, grant in ends:
        for install in grant.installs & facts.installs:
            last.setdefault(install, end)
    covered = narrow(scope, frozenset(last))
    if not covered:  # None is impossible here: named installs never add up to "all"
        return Coverage(installs=frozenset(), why=_OTHER_INSTALLS)
    until = min(last[install] for install in covered)
    return _named(covered, until=until, grant=next(g for _, g in ends if g.installs & covered))


def _named(scope: Scope, *, until: dt.datetime, grant: GrantFact) -> Coverage:
    return Coverage(installs=scope, until=until, grant_id=grant.id)


def _live_until(grant: GrantFact, facts: Facts, now: dt.datetime) -> dt.datetime | None:
    """When this grant's authority over the target ends; None when it has none now."""
    policy = facts.policy
    if policy is None or grant.starts_at is None or grant.ends_at is None or grant.closed_at:
        return None
    meant = (grant.beneficiary, grant.tenant, grant.extension, grant.environment)
    if meant != (facts.user_id, facts.tenant, facts.extension, facts.environment):
        return None
    if DEBUG_LOGS not in grant.capabilities:
        return None
    if grant.break_glass:
        # Skips approval and nothing else; only an operator has a glass to break.
        if not (facts.operator and policy.break_glass):
            return None
        cap = dt.timedelta(minutes=policy.break_glass_minutes)
    else:
        if grant.approvals < max(grant.approvals_required, 1):
            return None
        cap = dt.timedelta(minutes=policy.max_grant_minutes)
    # A policy tightened since counts too: the stricter of both.
    end = min(grant.ends_at, grant.starts_at + min(cap, LONGEST))
    return end if grant.starts_at <= now < end else None


def _why_not(grants: Sequence[GrantFact], now: dt.datetime) -> Sentence:
    """Why the person has no authority, told by their newest grant."""
    if not grants:
        return _NONE
    newest = max(grants, key=lambda grant: grant.id)
    if newest.closed_at is None and newest.starts_at is not None and newest.starts_at > now:
        said = f"G-{newest.id} starts at {newest.starts_at:%Y-%m-%d %H:%M} UTC."
    elif newest.closed_as in ("", "ended"):
        said = f"G-{newest.id} has ended."
    else:
        because = f": {newest.closed_reason}" if newest.closed_reason else "."
        said = f"G-{newest.id} was {newest.closed_as}{because}"
    return Sentence(f"Your grant {said}", f"The grant {said}")
