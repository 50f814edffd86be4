"""Live sessions for the admin, and which of them a change would end.

The console's table is reached through the grant's reverse relation: policies import nothing of
the console. A session counts as cut when policy allows it before a change and not after.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Count, OuterRef, QuerySet

from policies import access
from policies.access import Viewer
from policies.decisions.decide import decide
from policies.loading import facts as loading
from policies.loading.facts import Question
from policies.models import Grant

MOST: Final = 2000  # sessions looked at for one answer; beyond it the number is "at least"


@dataclass(frozen=True, slots=True)
class Cut:
    """The sessions that a change ends. `more` says that not all were looked at."""

    sessions: tuple[Any, ...] = ()
    more: bool = False

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def people(self) -> list[str]:
        """Who is cut, each once, in order of name."""
        return sorted({row.username for row in self.sessions})


def open_sessions() -> QuerySet[Any]:
    """Every session that is open now, the newest first."""
    rows: QuerySet[Any] = _model()._default_manager.filter(  # noqa: SLF001 - documented API
        closed_at=None, end_requested_at=None
    )
    return rows.order_by("-opened_at")


def ended_sessions() -> QuerySet[Any]:
    """Every session that has ended, the latest first."""
    rows: QuerySet[Any] = _model()._default_manager.filter(closed_at__isnull=False)  # noqa: SLF001
    return rows.order_by("-closed_at")


def live_of(grant: OuterRef) -> QuerySet[Any, Any]:
    """How many sessions of this grant are open, for a subquery; no row for none."""
    rows = _model()._default_manager.filter(grant=grant, closed_at=None)  # noqa: SLF001 - as above
    counted: QuerySet[Any, Any] = (
        rows.order_by().values("grant").annotate(many=Count("pk")).values("many")
    )
    return counted


def allowed_now() -> list[Any]:
    """The open sessions that policy allows at this moment: what a change could cut."""
    rows = list(open_sessions().exclude(user=None)[: MOST + 1])
    return [row for row, fine in zip(rows, _decide(rows), strict=True) if fine]


def cut_of(before: Sequence[Any]) -> Cut:
    """Which of these sessions policy no longer allows."""
    fine = _decide(before)
    lost = [row for row, still in zip(before, fine, strict=True) if not still]
    return Cut(tuple(lost), more=len(before) > MOST)


def cut_without(grants: Collection[Grant]) -> Cut:
    """The sessions that end with these grants: what no other grant covers. Writes nothing."""
    if not grants:
        return Cut()
    ending = {grant.pk for grant in grants}
    rows = list(
        open_sessions().filter(
            user__in={grant.beneficiary_id for grant in grants},
            tenant__in={grant.tenant_key for grant in grants},
            extension__in={grant.extension_key for grant in grants},
        )[:MOST]
    )
    if not rows:
        return Cut()
    loaded = loading.load([_question(row) for row in rows])
    now = loaded.reading.now
    lost = [
        row
        for row, facts in zip(rows, loaded.facts, strict=True)
        if decide(facts, now=now).allowed
        and not decide(
            replace(facts, grants=tuple(g for g in facts.grants if g.id not in ending)), now=now
        ).allowed
    ]
    return Cut(tuple(lost))


def with_extensions(grant: Grant) -> list[Grant]:
    """A grant and every open grant that extends it: what one revocation ends."""
    found, fresh = [grant], [grant]
    while fresh:
        parents = [parent.pk for parent in fresh]
        fresh = list(Grant.objects.filter(extends__in=parents, closed_at=None))
        found += fresh
    return found


def _decide(rows: Sequence[Any]) -> list[bool]:
    asked = [
        (
            Viewer(
                user_id=row.user_id or 0,
                username=row.username,
                transport=row.transport,
                token_id=row.token_id,
            ),
            row.tenant,
            row.extension,
        )
        for row in rows
    ]
    return [decision.allowed for decision in access.decide_many(asked)]


def _question(row: Any) -> Question:
    return Question(row.user_id, row.tenant, row.extension, row.token_id)


def _model() -> Any:
    return Grant._meta.get_field("sessions").related_model  # noqa: SLF001 - documented API
