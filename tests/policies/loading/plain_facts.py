"""The facts of decisions as the ORM reads them: what the one statement is compared with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, F, OuterRef, Q

from policies import limits
from policies.database import clock
from policies.decisions.facts import ConsentFact, Facts, GrantFact, LockFact, TokenFact
from policies.identity import operators
from policies.identity.operators import has_permission
from policies.loading.facts import GONE, Pair, Question, environment_rules
from policies.loading.grants import About
from policies.models import (
    AccessToken,
    Approval,
    Capability,
    Consent,
    Extension,
    ExtensionDeveloper,
    Grant,
    Install,
    Limits,
    Lock,
    Membership,
    ProductionMode,
    Tenant,
)
from policies.models.directory import RESERVED_TENANTS

NOBODY: Final = 0  # no row has this id


def load(questions: Sequence[Question]) -> list[Facts]:
    """The facts of all questions, in their order."""
    return _Batch(questions).facts()


class _Batch:
    """One reading of every table, kept by key, then put together per question."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.policy = environment_rules()
        self.users = self._users({q.user_id for q in questions})
        self.tenants = {
            row["key"]: row
            for row in Tenant.objects.filter(key__in={_owner(q) for q in questions}).values(
                "pk", "key", "suspended_at", "consent_required"
            )
        }
        self.extensions = {
            row["key"]: row
            for row in Extension.objects.filter(key__in={q.extension for q in questions})
            .annotate(capable=_capability(extension=OuterRef("pk"), install=None))
            .values("pk", "key", "capable")
        }
        # Django asks nothing for an empty IN: with nobody's id a target that does not exist costs
        # the same queries as one that does, and so the same time.
        tenant_ids = [row["pk"] for row in self.tenants.values()] or [NOBODY]
        extension_ids = [row["pk"] for row in self.extensions.values()] or [NOBODY]
        user_ids = list(self.users)
        self.installs: dict[Pair, dict[str, bool]] = {}
        for tenant, extension, key, capable in (
            Install.objects.filter(tenant__in=tenant_ids, extension__in=extension_ids)
            .annotate(capable=_capability(install=OuterRef("pk")))
            .order_by()
            .values_list("tenant_id", "extension_id", "key", "capable")
        ):
            self.installs.setdefault((tenant, extension), {})[key] = capable
        self.members = set(
            Membership.objects.filter(
                user__in=user_ids, tenant__in=tenant_ids, role=Membership.Role.ADMIN
            ).values_list("user_id", "tenant_id")
        )
        self.developers: dict[Pair, list[tuple[bool, str | None]]] = {}
        for user, extension, everywhere, key in ExtensionDeveloper.objects.filter(
            user__in=user_ids, extension__in=extension_ids
        ).values_list("user_id", "extension_id", "all_installs", "installs__key"):
            self.developers.setdefault((user, extension), []).append((everywhere, key))
        self.locks: list[Mapping[str, Any]] = list(
            Lock.objects.filter(
                Q(user__in=user_ids) | Q(tenant__in=tenant_ids) | Q(extension__in=extension_ids)
            )
            .order_by("pk")
            .values("user_id", "tenant_id", "extension_id", "reason", "expires_at")
        )
        any_extension = Q(extension__isnull=True) | Q(extension__in=extension_ids)
        any_tenant = Q(tenant__isnull=True) | Q(tenant__in=tenant_ids)
        # Of a stream that holds all of a tenant's extensions each extension's word counts.
        whole = [
            self.tenants[_owner(q)]["pk"]
            for q in questions
            if q.tenant in RESERVED_TENANTS and _owner(q) in self.tenants
        ]
        self.consents = list(
            Consent.objects.filter(
                any_extension | Q(tenant__in=whole or [NOBODY]), tenant__in=tenant_ids
            )
            .order_by("pk")
            .values("tenant_id", "extension_id", "state", "expires_at")
        )
        self.off = set(
            ProductionMode.objects.filter(
                any_tenant, any_extension | Q(tenant__in=whole or [NOBODY])
            )
            .exclude(mode=ProductionMode.Mode.GRANT)
            .values_list("tenant_id", "extension_id")
        )
        self.limits: dict[Pair, Mapping[str, Any]] = {
            (row["tenant_id"], row["extension_id"]): row
            for row in Limits.objects.filter(any_tenant, any_extension).values()
        }
        self.grants = _grants(
            user_ids,
            tenants={q.tenant for q in questions},
            extensions={q.extension for q in questions},
        )
        wanted_tokens = {q.token_id for q in questions if q.token_id is not None}
        self.tokens = {
            row["pk"]: row
            for row in (
                AccessToken.objects.filter(pk__in=wanted_tokens).values(
                    "pk", "owner_id", "revoked_at", "expires_at", "tenant__key", "extension__key"
                )
                if wanted_tokens
                else ()
            )
        }

    def facts(self) -> list[Facts]:
        return [self._facts(question) for question in self.questions]

    def _facts(self, q: Question) -> Facts:
        active, operator = self.users.get(q.user_id, (False, False))
        tenant, extension = self.tenants.get(_owner(q)), self.extensions.get(q.extension)
        tenant_id, extension_id = tenant and tenant["pk"], extension and extension["pk"]
        tenantless = q.tenant in RESERVED_TENANTS
        installs = {} if tenantless else self.installs.get((tenant_id, extension_id), {})
        developer = self.developers.get((q.user_id, extension_id), ())
        # Its rules bind as for the tenant's other streams; a grant for it names no tenant.
        granted_to = None if tenantless else tenant_id
        return Facts(
            user_id=q.user_id,
            tenant=q.tenant,
            extension=q.extension,
            environment=settings.EXT_DEBUG_ENVIRONMENT,
            ui_enabled=settings.EXT_DEBUG_UI_ENABLED,
            policy=self.policy,
            active=active,
            operator=operator,
            token=self._token(q),
            member=(q.user_id, tenant_id) in self.members,
            develops=frozenset(key for _, key in developer if key is not None),
            develops_all=any(everywhere for everywhere, _ in developer),
            tenantless=tenantless,
            tenant_exists=tenant is not None,
            tenant_suspended=tenant is not None and tenant["suspended_at"] is not None,
            extension_exists=extension is not None,
            extension_capable=extension is not None and extension["capable"],
            installs=frozenset(installs),
            capable_installs=frozenset(key for key, capable in installs.items() if capable),
            consent_required=tenant is not None and tenant["consent_required"],
            consents=tuple(
                ConsentFact(given=row["state"] == Consent.State.GIVEN, expires_at=row["expires_at"])
                for row in self.consents
                if row["tenant_id"] == tenant_id
                and (
                    row["extension_id"] in (None, extension_id)
                    or (tenantless and row["state"] == Consent.State.WITHDRAWN)
                )
            ),
            mode_off=any(scope in self.off for scope in _scopes(tenant_id, extension_id))
            or (tenantless and tenant_id is not None and tenant_id in {t for t, _ in self.off}),
            locks=tuple(self._locks(q.user_id, tenant_id, extension_id)),
            grants=tuple(self.grants.get((q.user_id, q.tenant, q.extension, granted_to), ())),
            limits=limits.effective(
                [self.limits.get(scope) for scope in _scopes(tenant_id, extension_id)]
            ),
        )

    def _users(self, ids: Iterable[int]) -> dict[int, tuple[bool, bool]]:
        rows = get_user_model().objects.filter(pk__in=ids).annotate(operates=has_permission())
        return {
            pk: (active, active and staff and (superuser or operates))
            for pk, active, staff, superuser, operates in rows.values_list(
                "pk", "is_active", "is_staff", "is_superuser", "operates"
            )
        }

    def _locks(
        self, user_id: int, tenant_id: int | None, extension_id: int | None
    ) -> Iterable[LockFact]:
        for row in self.locks:
            for column, mine, on in (
                ("user_id", user_id, "Your account"),
                ("tenant_id", tenant_id, "The tenant"),
                ("extension_id", extension_id, "The extension"),
            ):
                if mine is not None and row[column] == mine:
                    yield LockFact(on=on, reason=row["reason"], expires_at=row["expires_at"])

    def _token(self, q: Question) -> TokenFact | None:
        if q.token_id is None:
            return None
        row = self.tokens.get(q.token_id)
        if row is None or row["owner_id"] != q.user_id:
            return GONE
        return TokenFact(
            revoked=row["revoked_at"] is not None,
            expires_at=row["expires_at"],
            tenant=row["tenant__key"],
            extension=row["extension__key"],
        )


def _owner(q: Question) -> str:
    """The key of the tenant whose rules bind: a one-part stream may be named after a tenant."""
    return q.extension if q.tenant in RESERVED_TENANTS else q.tenant


def _capability(**owner: Any) -> Exists:
    name = Capability.Name.DEBUG_LOGS
    if owner.get("install", ...) is None:
        del owner["install"]
        owner["install__isnull"] = True
    return Exists(Capability.objects.filter(name=name, **owner))


def _scopes(tenant_id: int | None, extension_id: int | None) -> list[Pair]:
    """The rows that can speak about a target, the closest first: pair, tenant, extension, all."""
    return [(tenant_id, extension_id), (tenant_id, None), (None, extension_id), (None, None)]


def _grants(
    user_ids: Collection[int], *, tenants: Collection[str], extensions: Collection[str]
) -> dict[About, list[GrantFact]]:
    """Grants that were ever activated and are open or were closed within the hour."""
    rows = list(
        Grant.objects.filter(
            Q(closed_at__isnull=True) | Q(closed_at__gt=clock.ClockNow() - dt.timedelta(hours=1)),
            beneficiary__in=user_ids,
            tenant_key__in=tenants,
            extension_key__in=extensions,
            starts_at__isnull=False,
        )
        .annotate(given=_approvals(), standing=_approvals(**_standing()))
        .order_by("pk")
    )
    installs = _installs([grant.pk for grant in rows if not grant.all_installs])
    found: dict[About, list[GrantFact]] = {}
    for row in rows:
        about = (row.beneficiary_id, row.tenant_key, row.extension_key, row.tenant_id)
        found.setdefault(about, []).append(
            GrantFact(
                id=row.pk,
                beneficiary=row.beneficiary_id,
                tenant=row.tenant_key,
                extension=row.extension_key,
                environment=row.environment,
                all_installs=row.all_installs,
                installs=frozenset(installs.get(row.pk, ())),
                capabilities=frozenset(row.capabilities),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                closed_at=row.closed_at,
                closed_as=row.state if row.closed_at else "",
                closed_reason=row.closed_reason,
                # Until it is activated, only approvals of people who may approve now count.
                approvals=row.standing if row.state in ("requested", "scheduled") else row.given,
                approvals_required=row.approvals_required,
                break_glass=row.break_glass,
                reason=row.reason,
            )
        )
    return found


def _installs(grant_ids: list[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    if grant_ids:
        rows = Install.objects.filter(grants__in=grant_ids)
        for grant_id, key in rows.values_list("grants__pk", "key"):
            found.setdefault(grant_id, set()).add(key)
    return found


def _standing() -> dict[str, Any]:
    """A filter of grants' approvals: those whose approver is an operator now, and not locked."""
    return {"approvals__approver__in": operators.judges().values("pk")}


def _approvals(**more: Any) -> Count:
    """Approvals by people other than requester and beneficiary; the database allows no other."""
    return Count(
        "approvals",
        filter=Q(approvals__verdict=Approval.Verdict.APPROVE, **more)
        & ~Q(approvals__approver=F("requester"))
        & ~Q(approvals__approver=F("beneficiary")),
        distinct=True,
    )
