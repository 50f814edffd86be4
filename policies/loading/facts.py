"""Loads the facts of decisions: in one query, however many are asked.

The facts of one batch are of one moment, and so is the policy version beside them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.conf import settings

from policies import limits
from policies.database import clock
from policies.decisions.facts import (
    DEFAULT_RULES,
    ConsentFact,
    EnvironmentRules,
    Facts,
    LockFact,
    SessionLimits,
    TokenFact,
)
from policies.loading import grants, snapshot
from policies.loading.snapshot import moment
from policies.models import EnvironmentPolicy
from policies.models.directory import RESERVED_TENANTS

_RULES: Final = tuple(EnvironmentRules.__dataclass_fields__)

# Two row ids; None where the row does not exist or the rule is for any.
Pair = tuple[int | None, int | None]


class Question(NamedTuple):
    """Who asks for what: the key of a Facts. Keys of targets are lower case."""

    user_id: int
    tenant: str
    extension: str
    token_id: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedFacts:
    """Facts in the order of the questions, as of `reading`."""

    facts: list[Facts]
    reading: clock.Reading


def load(questions: Sequence[Question]) -> LoadedFacts:
    """The facts of all questions, of one moment."""
    environment = settings.EXT_DEBUG_ENVIRONMENT
    asked = snapshot.Asked(
        users={q.user_id for q in questions},
        tenants={q.tenant for q in questions},
        owners={_owner(q) for q in questions},
        whole={_owner(q) for q in questions if q.tenant in RESERVED_TENANTS},
        extensions={q.extension for q in questions},
        tokens={q.token_id for q in questions if q.token_id is not None},
    )
    taken = snapshot.take(asked, environment=environment)
    batch = _Batch(taken.rows, environment)
    return LoadedFacts(facts=[batch.facts(q) for q in questions], reading=taken.reading)


def environment_rules() -> EnvironmentRules | None:
    """What this environment asks for; None when nobody knows the environment."""
    name = settings.EXT_DEBUG_ENVIRONMENT
    rows = EnvironmentPolicy.objects.filter(environment=name).values_list(*_RULES)
    return _rules(name, rows[:1])


def _rules(name: str, rows: Iterable[Sequence[Any]]) -> EnvironmentRules | None:
    row = next(iter(rows), None)
    if row is None or name not in DEFAULT_RULES:
        return DEFAULT_RULES.get(name)
    plain = DEFAULT_RULES[name]  # whose values say which columns are truths: SQLite has 0 and 1
    values = dict(zip(_RULES, row, strict=True))
    return EnvironmentRules(**{f: type(getattr(plain, f))(values[f]) for f in _RULES})


class _Batch:
    """The rows of one moment, kept by key, then put together per question."""

    def __init__(self, rows: dict[str, list[list[Any]]], environment: str) -> None:
        self.environment = environment
        self.policy = _rules(environment, rows["environment"])
        self.users = {pk: (bool(active), bool(op)) for pk, active, op in rows["users"]}
        self.tenants = {key: (pk, bool(gone), bool(consent))
                        for key, pk, gone, consent in rows["tenants"]}  # fmt: skip
        self.extensions = {key: (pk, bool(capable)) for key, pk, capable in rows["extensions"]}
        self.installs: dict[Pair, dict[str, bool]] = {}
        for tenant, extension, key, capable in rows["installs"]:
            self.installs.setdefault((tenant, extension), {})[key] = bool(capable)
        self.members = {(user, tenant) for user, tenant in rows["members"]}
        self.developers: dict[Pair, list[tuple[bool, str | None]]] = {}
        for user, extension, everywhere, key in rows["developers"]:
            self.developers.setdefault((user, extension), []).append((bool(everywhere), key))
        self.locks = sorted(rows["locks"], key=lambda row: row[0])
        self.consents: dict[int, list[tuple[int | None, ConsentFact]]] = {}
        for _, tenant, extension, given, expires_at in sorted(rows["consents"], key=lambda r: r[0]):
            fact = ConsentFact(given=bool(given), expires_at=moment(expires_at))
            self.consents.setdefault(tenant, []).append((extension, fact))
        self.off = {(tenant, extension) for tenant, extension in rows["off"]}
        self.off_at = {tenant for tenant, _ in self.off}
        self.limits = {(row[0], row[1]): dict(zip(limits.FIELDS, row[2:], strict=True))
                       for row in rows["limits"]}  # fmt: skip
        self._effective: dict[tuple[Pair, ...], SessionLimits] = {}  # by the rows that have a say
        self.grants = grants.of_rows(rows)
        self.tokens = {row[0]: row for row in rows["tokens"]}

    def facts(self, q: Question) -> Facts:
        active, operator = self.users.get(q.user_id, (False, False))
        tenant_id, suspended, consent_required = self.tenants.get(_owner(q), (None, False, False))
        extension_id, extension_capable = self.extensions.get(q.extension, (None, False))
        tenantless = q.tenant in RESERVED_TENANTS
        installs = {} if tenantless else self.installs.get((tenant_id, extension_id), {})
        developer = self.developers.get((q.user_id, extension_id), ())
        # Its rules bind as for the tenant's other streams; a grant for it names no tenant.
        granted_to = None if tenantless else tenant_id
        scopes = _scopes(tenant_id, extension_id)
        return Facts(
            user_id=q.user_id,
            tenant=q.tenant,
            extension=q.extension,
            environment=self.environment,
            ui_enabled=settings.EXT_DEBUG_UI_ENABLED,
            policy=self.policy,
            active=active,
            operator=operator,
            token=self._token(q),
            member=(q.user_id, tenant_id) in self.members,
            develops=frozenset(key for _, key in developer if key is not None),
            develops_all=any(everywhere for everywhere, _ in developer),
            tenantless=tenantless,
            tenant_exists=tenant_id is not None,
            tenant_suspended=suspended,
            extension_exists=extension_id is not None,
            extension_capable=extension_capable,
            installs=frozenset(installs),
            capable_installs=frozenset(key for key, capable in installs.items() if capable),
            consent_required=consent_required,
            consents=tuple(self._consents(tenant_id, extension_id, tenantless=tenantless)),
            mode_off=not self.off.isdisjoint(scopes)
            or (tenantless and tenant_id is not None and tenant_id in self.off_at),
            locks=tuple(self._locks(q.user_id, tenant_id, extension_id)),
            grants=tuple(self.grants.get((q.user_id, q.tenant, q.extension, granted_to), ())),
            limits=self._limits(scopes),
        )

    def _limits(self, scopes: Sequence[Pair]) -> SessionLimits:
        """Worked out once for all targets about which the same rows speak, which are nearly all."""
        speaking = tuple([scope for scope in scopes if scope in self.limits])
        known = self._effective.get(speaking)
        if known is None:
            known = limits.effective([self.limits.get(scope) for scope in scopes])
            self._effective[speaking] = known
        return known

    def _consents(
        self, tenant_id: int | None, extension_id: int | None, *, tenantless: bool
    ) -> Iterable[ConsentFact]:
        """Of a stream that holds all of a tenant's extensions each withdrawal counts."""
        for of, fact in self.consents.get(tenant_id or NOBODY, ()):
            if of in (None, extension_id) or (tenantless and not fact.given):
                yield fact

    def _locks(
        self, user_id: int, tenant_id: int | None, extension_id: int | None
    ) -> Iterable[LockFact]:
        for _, user, tenant, extension, reason, expires_at in self.locks:
            for about, mine, on in (
                (user, user_id, "Your account"),
                (tenant, tenant_id, "The tenant"),
                (extension, extension_id, "The extension"),
            ):
                if mine is not None and about == mine:
                    yield LockFact(on=on, reason=reason, expires_at=moment(expires_at))

    def _token(self, q: Question) -> TokenFact | None:
        if q.token_id is None:
            return None
        row = self.tokens.get(q.token_id)
        if row is None or row[1] != q.user_id:
            return GONE
        _, _, revoked, expires_at, tenant, extension = row
        return TokenFact(
            revoked=bool(revoked),
            expires_at=moment(expires_at) or GONE.expires_at,
            tenant=tenant,
            extension=extension,
        )


NOBODY: Final = 0  # no row has this id

# A token whose row is gone, or that is another person's: as good as revoked.
GONE: Final = TokenFact(
    revoked=True, expires_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC), tenant=None, extension=None
)


def _owner(q: Question) -> str:
    """The key of the tenant whose rules bind: a one-part stream may be named after a tenant."""
    return q.extension if q.tenant in RESERVED_TENANTS else q.tenant


def _scopes(tenant_id: int | None, extension_id: int | None) -> list[Pair]:
    """The rows that can speak about a target, the closest first: pair, tenant, extension, all."""
    return [(tenant_id, extension_id), (tenant_id, None), (None, extension_id), (None, None)]
