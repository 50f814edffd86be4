"""Decides who may watch what, from facts alone: no database, no clock.

Every rule is asked and answered, the first failure decides, and the page, the admin's "why?" and
the audit row show the same list. Times are facts too: `now` is passed in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from policies.decisions import coverage
from policies.decisions.check import Check
from policies.decisions.check import answered as _check
from policies.decisions.facts import PRODUCTION, Facts, OpeningFact, OpenSessions, SessionLimits
from policies.decisions.wording import FAILURES, NAME, Sentence

__all__ = ["Check", "Decision", "DecisionRule", "Facts", "OpenSessions", "SessionLimits", "decide"]

BUSY_RETRY: Final = 30  # seconds; when a session elsewhere must end first, nobody knows better


class DecisionRule(StrEnum):
    """The rules in the order in which they are asked; the first that fails decides."""

    RATE = "rate"
    SIGNED_IN = "signed_in"
    TOKEN = "token"
    RELATION = "relation"
    FEATURE = "feature"
    ENVIRONMENT = "environment"
    TENANT = "tenant"
    LOCK = "lock"
    CAPABILITY = "capability"
    CONSENT = "consent"
    MODE = "mode"
    GRANT = "grant"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to "may this person watch this target now?".

    `installs` is the scope (None: all installs, and events that name none). Until `until` the
    answer cannot get worse by time alone: decide again then. `code` is "" | "not_found" | "denied"
    | "busy"; unless `related`, nothing of `checks` may reach the person (`shown` is empty then).
    """

    allowed: bool
    checks: tuple[Check, ...]
    installs: frozenset[str] | None
    limits: SessionLimits
    until: dt.datetime | None
    grant_id: int | None
    grant_label: str
    environment: str
    related: bool
    code: str
    reason: str
    hint: str
    can_request: bool
    privileged: bool
    retry_after: int
    now: dt.datetime = field(compare=False)  # the database's clock when this was decided
    version: int = field(default=0, compare=False)  # the policy version that it was decided under
    grant_reason: str = field(default="", compare=False)
    break_glass: bool = field(default=False, compare=False)
    tenant_admin: bool = field(default=False, compare=False)  # of the target's tenant

    @property
    def shown(self) -> tuple[Check, ...]:
        """The checks that the person themselves may read."""
        return self.checks if self.related else ()

    @property
    def failed(self) -> Check | None:
        return next((check for check in self.checks if not check.ok), None)

    def about(self, name: str) -> Decision:
        """In words about the person of this name: for operators and for the trail."""
        said = replace(self, checks=tuple(check.about(name) for check in self.checks))
        failed = said.failed
        return said if failed is None else replace(said, reason=failed.reason, hint=failed.hint)

    def obstacle(self) -> Check | None:
        """What a grant would not remove: the first failure besides grant, rate and caps."""
        removable = (DecisionRule.GRANT, DecisionRule.RATE, DecisionRule.SESSIONS)
        return next((c for c in self.checks if not c.ok and c.rule not in removable), None)


def decide(facts: Facts, *, now: dt.datetime, version: int = 0) -> Decision:
    """Ask every rule about these facts at this moment."""
    scope = _scope_by_relation(facts)
    related = _related(facts, scope)
    capable = coverage.narrow(scope, _capable(facts))
    consent_ok, consent_until = _consent(facts, now)
    granted = coverage.of_grants(facts, capable, now) if facts.needs_grant else coverage.UNBOUNDED
    failure = FAILURES
    checks = [
        _check(DecisionRule.SIGNED_IN, ok=facts.active, failure=failure[DecisionRule.SIGNED_IN]),
        *_token(facts, now),
        _check(DecisionRule.RELATION, ok=related, failure=failure[DecisionRule.RELATION]),
        _check(DecisionRule.FEATURE, ok=_feature_on(facts), failure=failure[DecisionRule.FEATURE]),
        _environment(facts),
        _check(
            DecisionRule.TENANT, ok=not facts.tenant_suspended, failure=failure[DecisionRule.TENANT]
        ),
        _lock(facts, now),
        _check(
            DecisionRule.CAPABILITY,
            ok=capable != frozenset(),
            failure=failure[DecisionRule.CAPABILITY],
        ),
        _check(DecisionRule.CONSENT, ok=consent_ok, failure=failure[DecisionRule.CONSENT]),
        _check(
            DecisionRule.MODE,
            ok=not (facts.needs_grant and facts.mode_off),
            failure=failure[DecisionRule.MODE],
        ),
        _grant(granted),
    ]
    retry_after = 0
    if facts.opening is not None:
        rate, retry_after = _rate(facts.opening, facts.limits)
        sessions = _sessions(facts.opening.sessions, facts.limits)
        checks = [rate, *checks, sessions]
        if rate.ok and not sessions.ok:
            retry_after = BUSY_RETRY
    failed = next((check for check in checks if not check.ok), None)
    code = _code(failed)
    token_until = facts.token.expires_at if facts.token else None
    grant_id = granted.grant_id if failed is None else None
    grant = next((grant for grant in facts.grants if grant.id == grant_id), None)
    return Decision(
        allowed=failed is None,
        checks=tuple(checks),
        installs=_scope(facts, capable, granted) if failed is None else frozenset(),
        limits=facts.limits,
        until=_earliest((granted.until, consent_until, token_until)) if failed is None else None,
        grant_id=grant_id,
        grant_label=f"G-{grant_id}" if grant_id else "",
        environment=facts.environment,
        related=related and facts.active,
        code=code,
        reason=failed.reason if failed else "",
        hint=failed.hint if failed else "",
        can_request=failed is not None
        and failed.rule == DecisionRule.GRANT
        and all(c.ok or c.rule in (DecisionRule.GRANT, DecisionRule.SESSIONS) for c in checks),
        privileged=facts.operator,
        retry_after=retry_after if code == "busy" else 0,
        now=now,
        version=version,
        grant_reason=grant.reason if grant else "",
        break_glass=grant is not None and grant.break_glass,
        tenant_admin=facts.member,
    )


def _scope(
    facts: Facts, capable: frozenset[str] | None, granted: coverage.Coverage
) -> frozenset[str] | None:
    return granted.installs if facts.needs_grant else capable


def _code(failed: Check | None) -> str:
    if failed is None:
        return ""
    if failed.rule in (DecisionRule.RATE, DecisionRule.SESSIONS):
        return "busy"
    return "not_found" if failed.rule == DecisionRule.RELATION else "denied"


def _scope_by_relation(facts: Facts) -> frozenset[str] | None:
    """The installs that the person's relation covers; empty without a relation."""
    if facts.operator:
        return None
    if facts.tenantless or not facts.installs:
        return frozenset()
    if facts.member or facts.develops_all:
        return None
    return facts.develops & facts.installs


def _related(facts: Facts, scope: frozenset[str] | None) -> bool:
    if not facts.token_covers:
        return False
    exists = facts.tenantless or (facts.tenant_exists and facts.extension_exists)
    return exists and scope != frozenset()


def _capable(facts: Facts) -> frozenset[str] | None:
    """The installs with the capability; None when it does not bind this person or has them all."""
    if facts.operator:
        return None
    if not facts.extension_capable:
        return frozenset()
    capable = facts.capable_installs & facts.installs
    return None if capable == facts.installs else capable


def _feature_on(facts: Facts) -> bool:
    if facts.ui_enabled is not None:
        return facts.ui_enabled
    return facts.policy is not None and facts.environment != PRODUCTION


def _token(facts: Facts, now: dt.datetime) -> list[Check]:
    if facts.token is None:
        return []
    ok = not facts.token.revoked and facts.token.expires_at > now
    return [_check(DecisionRule.TOKEN, ok=ok, failure=FAILURES[DecisionRule.TOKEN])]


def _environment(facts: Facts) -> Check:
    words = FAILURES[DecisionRule.ENVIRONMENT]
    ok = facts.policy is not None and facts.policy.enabled
    if not ok:
        words = words.about(facts.environment)
    return _check(DecisionRule.ENVIRONMENT, ok=ok, failure=words)


def _lock(facts: Facts, now: dt.datetime) -> Check:
    live = [lock for lock in facts.locks if lock.expires_at is None or lock.expires_at > now]
    words = FAILURES[DecisionRule.LOCK]
    if not live:
        return _check(DecisionRule.LOCK, ok=True, failure=words)
    lock = live[0]
    return _check(
        DecisionRule.LOCK, ok=False, failure=words.about(f"{lock.on} is locked: {lock.reason}")
    )


def _consent(facts: Facts, now: dt.datetime) -> tuple[bool, dt.datetime | None]:
    """Whether the tenant's word allows it, and until when that holds."""
    if facts.member or (facts.tenantless and not facts.tenant_exists):
        return True, None  # a stream without a tenant that anybody knows: nobody's word to ask for
    if any(not consent.given for consent in facts.consents):
        return False, None
    required = facts.consent_required or (
        facts.policy is not None and facts.policy.consent_required
    )
    if not required:
        return True, None
    ends = [consent.expires_at for consent in facts.consents]
    live = [end for end in ends if end is None or end > now]
    if not live:
        return False, None
    return True, None if None in live else max(end for end in live if end is not None)


_NO_GRANT_ASKED: Final = Check(
    DecisionRule.GRANT.value, ok=True, reason="This environment asks for no grant."
)


def _grant(granted: coverage.Coverage) -> Check:
    if granted is coverage.UNBOUNDED:
        return _NO_GRANT_ASKED
    words = FAILURES[DecisionRule.GRANT]
    if granted.installs == frozenset():
        return _check(DecisionRule.GRANT, ok=False, failure=words.about(granted.why))
    until = f"{granted.until:%H:%M}" if granted.until else "?"
    return Check(
        DecisionRule.GRANT.value, ok=True, reason=f"Grant G-{granted.grant_id} until {until} UTC."
    )


def _rate(opening: OpeningFact, limits: SessionLimits) -> tuple[Check, int]:
    """Whether the person opened less than the minute allows, and when the next place is free."""
    ok = opening.last_minute < limits.openings_per_minute
    words = FAILURES[DecisionRule.RATE].about(f"{limits.openings_per_minute} per minute")
    return _check(DecisionRule.RATE, ok=ok, failure=words), 0 if ok else max(opening.retry_after, 1)


def _sessions(open_now: OpenSessions, limits: SessionLimits) -> Check:
    words = FAILURES[DecisionRule.SESSIONS]
    for count, limit, whose in (
        (open_now.user, limits.sessions_per_user, Sentence("you have", f"{NAME} has")),
        (open_now.tenant, limits.sessions_per_tenant, Sentence(*["the tenant has"] * 2)),
        (open_now.extension, limits.sessions_per_extension, Sentence(*["the extension has"] * 2)),
    ):
        if count >= limit:
            many = f"{count} of {limit} sessions open"
            said = words.about(Sentence(f"{whose.you} {many}", f"{whose.other} {many}"))
            return _check(DecisionRule.SESSIONS, ok=False, failure=said)
    return _check(DecisionRule.SESSIONS, ok=True, failure=words)


def _earliest(moments: Iterable[dt.datetime | None]) -> dt.datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
