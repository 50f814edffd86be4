"""What the console asks of policies: who a viewer is, and what they may watch.

Everything here is synchronous ORM: async callers bridge. Errors of the database come through as
they are; whoever cannot read policy must not go on (DESIGN 3.3: fail closed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet

from audit.requesters import ip_of, user_of
from policies.database import clock
from policies.decisions.decide import Check, Decision, DecisionRule
from policies.decisions.decide import decide as decide_facts
from policies.decisions.facts import OpenSessions, SessionLimits
from policies.identity import operators
from policies.identity.operators import is_operator
from policies.identity.tickets import issue_ticket, redeem_ticket
from policies.identity.tokens import viewer_from_token
from policies.identity.viewers import (
    SignIn,
    Viewer,
    live_principals,
    viewer_of,
    viewers_from_sessions,
)
from policies.loading import facts as loading
from policies.loading.facts import Question
from policies.loading.openings import Openings
from policies.models import ExtensionDeveloper, Install, Membership
from policies.models.directory import RESERVED_TENANTS

# What a stream of no tenant is called: the runner knew no tenant, or wrote a key of one part.
NO_TENANT: Final = {"unknown": "no known tenant", "-": "key of one part"}
# Where a runner writes that knows neither tenant nor extension: the platform's deployed runners
# write what guests print on stderr there.
NOBODYS: Final = ("-", "unknown")

__all__ = [
    "NOBODYS",
    "Check",
    "Decision",
    "DecisionRule",
    "OpenSessions",
    "Openings",
    "SessionLimits",
    "SignIn",
    "TargetRow",
    "Viewer",
    "choices",
    "decide",
    "decide_many",
    "ip_of",
    "is_operator",
    "issue_ticket",
    "live_principals",
    "openings",
    "overview",
    "policy_version",
    "redeem_ticket",
    "tenantless",
    "tenants_administered",
    "user_of",
    "viewer_from_token",
    "viewer_of",
    "viewers_from_sessions",
]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target that a person has a relation to, and what would be decided now."""

    tenant: str
    tenant_name: str
    extension: str
    extension_name: str
    installs: tuple[tuple[str, str], ...]  # (id, name) within the person's relation
    decision: Decision


def policy_version() -> int:
    """Grows with every committed change of anything that decisions read, however it was made."""
    return clock.read().version


def decide(viewer: Viewer, *, tenant: str, extension: str) -> Decision:
    """Decide whether this viewer may watch this target now; an opening is for `openings`."""
    return decide_many([(viewer, tenant, extension)])[0]


def decide_many(asked: Sequence[tuple[Viewer, str, str]]) -> list[Decision]:
    """Decisions (not openings) for many (viewer, tenant, extension), in as many queries as one."""
    if not asked:
        return []
    loaded = loading.load(_questions(asked))
    now, version = loaded.reading.now, loaded.reading.version
    return [decide_facts(facts, now=now, version=version) for facts in loaded.facts]


def openings(asked: Sequence[tuple[Viewer, str, str]]) -> Openings:
    """To open sessions for many (viewer, tenant, extension) in the caller's transaction."""
    return Openings(_questions(asked))


def choices(viewer: Viewer, *, extension: str) -> list[str]:
    """The tenants where this viewer has a relation to this extension, by key."""
    rows = _related(viewer.user_id).filter(extension__key=extension.lower())
    keys = sorted(set(rows.values_list("tenant__key", flat=True)))
    if extension.lower() == NOBODYS[1] and operators.operators().filter(pk=viewer.user_id).exists():
        keys.insert(0, NOBODYS[0])
    if viewer.token_id is None:
        return keys
    decisions = decide_many([(viewer, key, extension) for key in keys])
    return [key for key, decision in zip(keys, decisions, strict=True) if decision.related]


def overview(user: User, *, search: str = "", limit: int = 500) -> list[TargetRow]:
    """What this person may ask to watch, by tenant and extension, each with its decision."""
    rows = _related(user.pk)
    if search:
        columns = ("tenant__key", "tenant__name", "extension__key", "extension__name", "key")
        matches = (Q(**{f"{column}__icontains": search}) for column in columns)
        rows = rows.filter(reduce(or_, matches))
    targets: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.order_by("tenant__key", "extension__key", "key").values(
        "key", "name", "tenant__key", "tenant__name", "extension__key", "extension__name"
    ):
        about = (row["tenant__key"], row["extension__key"])
        if about not in targets and len(targets) >= limit:
            break
        entry = targets.setdefault(about, {**row, "installs": {}})
        entry["installs"][row["key"]] = row["name"] or row["key"]
    viewer = Viewer(user_id=user.pk, username=user.get_username(), transport="page")
    decisions = decide_many([(viewer, tenant, extension) for tenant, extension in targets])
    return [
        TargetRow(
            tenant=tenant,
            tenant_name=row["tenant__name"],
            extension=extension,
            extension_name=row["extension__name"],
            installs=tuple(row["installs"].items()),
            decision=decision,
        )
        for ((tenant, extension), row), decision in zip(targets.items(), decisions, strict=True)
    ]


def tenantless(user: User, targets: Sequence[tuple[str, str]]) -> list[TargetRow]:
    """The given streams of no tenant (`unknown` or `-`, extension) with their decisions, those of
    others left out. Nothing for people who are no operators."""
    if not is_operator(user):
        return []
    wanted = [each for each in targets if each[0] in RESERVED_TENANTS]
    viewer = Viewer(user_id=user.pk, username=user.get_username(), transport="page")
    decisions = decide_many([(viewer, tenant, extension) for tenant, extension in wanted])
    return [
        TargetRow(
            tenant=tenant,
            tenant_name=NO_TENANT[tenant],
            extension=extension,
            extension_name=extension,
            installs=(),
            decision=decision,
        )
        for (tenant, extension), decision in zip(wanted, decisions, strict=True)
    ]


def tenants_administered(user: User) -> list[str]:
    """The keys of the tenants whose admin this person is: their slice of the audit."""
    mine = Membership.objects.filter(user_id=user.pk, role=Membership.Role.ADMIN)
    return sorted(mine.values_list("tenant__key", flat=True))


def _questions(asked: Sequence[tuple[Viewer, str, str]]) -> list[Question]:
    return [
        Question(viewer.user_id, tenant.lower(), extension.lower(), viewer.token_id)
        for viewer, tenant, extension in asked
    ]


def _related(user_id: int) -> QuerySet[Install]:
    """The installs to which a person has a relation; all of them for an operator."""
    if operators.operators().filter(pk=user_id).exists():
        return Install.objects.all()
    tenants = Membership.objects.filter(user_id=user_id, role=Membership.Role.ADMIN)
    everywhere = ExtensionDeveloper.objects.filter(user_id=user_id, all_installs=True)
    # A named install counts only under its own extension.
    named = Install.objects.filter(
        developers__user_id=user_id, developers__extension=F("extension")
    )
    return Install.objects.filter(
        Q(tenant__in=tenants.values("tenant"))
        | Q(extension__in=everywhere.values("extension"))
        | Q(pk__in=named.values("pk"))
    )
