"""What a person is told of their own requests: who can answer, what was answered, by whom and why.

Read-only. It names grants of which the person is the beneficiary, and nobody else's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from policies.database import clock
from policies.grants import claims
from policies.mail import sends_mail
from policies.models import Approval, Grant
from policies.models.grants import OPEN

State = Grant.State
TargetKey = tuple[str, str]  # tenant, extension

# An answer is told this long: whoever asked in the evening reads it in the morning.
TOLD_FOR: Final = dt.timedelta(hours=24)
# Names of those who can answer; the others are counted.
NAMED: Final = 5
# What a person did themselves, or what time did to a grant they had, is no answer to a request.
_ANSWERS: Final = (State.DENIED, State.REVOKED, State.LAPSED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRequest:
    """A request or grant of one person for one target, as it is at `now`.

    `state` goes by the clock, not by the row's label. `answered_by` is empty when time answered.
    """

    grant: Grant
    state: State
    now: dt.datetime
    can_answer: tuple[str, ...] = ()
    approvals: int = 0
    by_mail: bool = False

    @property
    def waits(self) -> bool:
        """Whether something will still happen to it: an answer, or its start."""
        return self.state in (State.REQUESTED, State.SCHEDULED)

    @property
    def changes_at(self) -> dt.datetime | None:
        """When time alone changes the state next; None when it does not."""
        moments = {State.REQUESTED: self.grant.lapses_at, State.SCHEDULED: self.grant.starts_at}
        return moments.get(self.state)

    @property
    def answered_by(self) -> str:
        answered = self.grant.closed_by if self.state in _ANSWERS else None
        return answered.get_username() if answered is not None else ""

    def as_json(self) -> dict[str, Any]:
        """For the page. `changesIn` in seconds, because the reader's clock may be wrong."""
        row, at = self.grant, self.changes_at
        return {
            "grant": row.pk,
            "label": row.label,
            "version": row.version,
            "state": self.state.value,
            "changesIn": None if at is None else max(0.0, (at - self.now).total_seconds()),
            "startsAt": row.starts_at.isoformat() if row.starts_at else None,
            "minutes": row.minutes,
            "requestedBy": row.requester.get_username(),
            "canAnswer": list(self.can_answer[:NAMED]),
            "canAnswerMore": max(0, len(self.can_answer) - NAMED),
            "approvals": self.approvals,
            "approvalsRequired": row.approvals_required,
            "answeredBy": self.answered_by,
            "answer": row.closed_reason if self.state in _ANSWERS else "",
            "byMail": self.by_mail,
        }


def latest(user: User, targets: Collection[TargetKey]) -> dict[TargetKey, OwnRequest]:
    """For each of these targets what the person waits for or was answered last, if anything.

    What waits comes before what was answered, the newer before the older. Three queries at most,
    however many targets there are.
    """
    if not targets:
        return {}
    now = clock.now()
    rows = Grant.objects.filter(
        Q(state__in=OPEN) | Q(state__in=_ANSWERS, closed_at__gte=now - TOLD_FOR),
        beneficiary=user,
        environment=settings.EXT_DEBUG_ENVIRONMENT,
        tenant_key__in={tenant for tenant, _ in targets},
        extension_key__in={extension for _, extension in targets},
    ).select_related("requester", "closed_by")
    chosen: dict[TargetKey, OwnRequest] = {}
    for row in rows.order_by("pk"):
        target = (row.tenant_key, row.extension_key)
        if target in targets:
            found = OwnRequest(grant=row, state=row.state_at(now), now=now)
            before = chosen.get(target)
            if before is None or found.waits or not before.waits:
                chosen[target] = found
    return dict(_complete(user, chosen))


def _complete(
    user: User, chosen: dict[TargetKey, OwnRequest]
) -> Iterable[tuple[TargetKey, OwnRequest]]:
    """Who can answer what is pending: the operators who are no party and have not answered yet."""
    pending = [each.grant.pk for each in chosen.values() if each.state == State.REQUESTED]
    judges, given = [], []
    if pending:
        judges = list(claims.judges().order_by("username").values_list("pk", "username"))
        approvals = Approval.objects.filter(grant__in=pending, verdict=Approval.Verdict.APPROVE)
        given = list(approvals.values_list("grant_id", "approver_id"))
    mails = sends_mail() and bool(user.email)
    for target, each in chosen.items():
        row = each.grant
        if each.state != State.REQUESTED:
            yield target, each
            continue
        approved = {approver for grant, approver in given if grant == row.pk}
        barred = {row.requester_id, row.beneficiary_id, *approved}
        yield (
            target,
            OwnRequest(
                grant=row,
                state=each.state,
                now=each.now,
                can_answer=tuple(name for pk, name in judges if pk not in barred),
                approvals=len(approved & {pk for pk, _ in judges}),
                by_mail=mails,
            ),
        )
