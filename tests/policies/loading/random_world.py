"""Worlds made by chance: a few rows of every table that decisions read, in any state it allows."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from policies.loading.facts import Question
from policies.models import (
    AccessToken,
    Approval,
    Capability,
    Consent,
    EnvironmentPolicy,
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

HOUR = dt.timedelta(hours=1)
STARTED = ("scheduled",) * 4 + ("active", "active", "ended", "released", "revoked", "cancelled")
KEYS = ("north", "south", "both")  # of tenants; an extension is called `both` too


class World:
    """The rows, made with `random` where the triggers that guard grants are away."""

    def __init__(self, random: Random) -> None:
        self.random, self.now = random, timezone.now()
        self.tenants = [
            Tenant.objects.create(
                key=key,
                name=key,
                suspended_at=self.maybe(self.now),
                consent_required=self.odds(0.4),
            )
            for key in KEYS
        ]
        self.extensions = [Extension.objects.create(key=key) for key in ("alpha", "beta", "both")]
        self.installs = [
            Install.objects.create(
                key=f"i{n}", tenant=self.one(self.tenants), extension=self.one(self.extensions)
            )
            for n in range(6)
        ]
        self.people = self._people()
        self._relations()
        self._rules()
        for _ in range(10):
            self._grant()
        self.tokens = [self._token(n) for n in range(3)]

    def questions(self) -> list[Question]:
        """Everybody's about everything, and about what is not there."""
        people = [*(user.pk for user in self.people), 0]
        asked = [
            Question(user, tenant, extension)
            for user in people
            for tenant in (*KEYS, "nowhere", "-", "unknown")
            for extension in ("alpha", "beta", "both", "north", "nothing")
        ]
        named = [
            asked[0]._replace(user_id=user, token_id=token)
            for user in people
            for token in (*(token.pk for token in self.tokens), 10**6)
        ]
        return asked + named

    def odds(self, share: float) -> bool:
        return self.random.random() < share

    def one(self, rows: Any) -> Any:
        return self.random.choice(rows)

    def some(self, rows: Any) -> list[Any]:
        return [row for row in rows if self.odds(0.5)]

    def maybe(self, value: Any, share: float = 0.5) -> Any:
        return value if self.odds(share) else None

    def time(self) -> dt.datetime:
        """Past or to come, never so near that the clock decides while we look."""
        hours: float = self.one((-3, -2, -0.5, 0.5, 2))
        return self.now + hours * HOUR

    def _people(self) -> list[User]:
        operate = Permission.objects.get(codename="operate_debug")
        other = Permission.objects.exclude(pk=operate.pk)[0]
        operators, others = Group.objects.create(name="ops"), Group.objects.create(name="others")
        operators.permissions.add(operate, other)
        others.permissions.add(other)
        people = []
        for n in range(5):
            user = User.objects.create(
                username=f"u{n}", is_active=self.odds(0.9), is_staff=self.odds(0.8),
                is_superuser=self.odds(0.2),
            )  # fmt: skip
            user.user_permissions.set(self.some([operate, other]))
            user.groups.set(self.some([operators, others]))
            people.append(user)
        return people

    def _relations(self) -> None:
        for user in self.people:
            for tenant in self.some(self.tenants):
                Membership.objects.create(user=user, tenant=tenant)
            for extension in self.some(self.extensions):
                developer = ExtensionDeveloper.objects.create(
                    user=user, extension=extension, all_installs=self.odds(0.3)
                )
                developer.installs.set(self.some(self.installs))
        for extension in self.some(self.extensions):
            Capability.objects.create(extension=extension)
        for install in self.some(self.installs):
            Capability.objects.create(extension=install.extension, install=install)

    def _rules(self) -> None:
        if self.odds(0.5):
            EnvironmentPolicy.objects.create(
                environment="production", enabled=self.odds(0.8), consent_required=self.odds(0.3),
                break_glass=self.odds(0.5), approvals_required=self.random.randint(1, 3),
            )  # fmt: skip
        for tenant in [*self.tenants, None]:
            for extension in [*self.extensions, None]:
                scope = {"tenant": tenant, "extension": extension}
                if self.odds(0.3):
                    numbers = {"sessions_per_user": self.maybe(7), "ttl_seconds": self.maybe(900),
                               "max_ttl_seconds": self.maybe(600)}  # fmt: skip
                    Limits.objects.create(**scope, **numbers)
                if (tenant or extension) and self.odds(0.15):
                    ProductionMode.objects.create(**scope, mode=self.one(("grant", "off")))
                if tenant and self.odds(0.4):
                    Consent.objects.create(
                        **scope, state=self.one(("given", "withdrawn")), decided_at=self.now,
                        expires_at=self.maybe(self.time()),
                    )  # fmt: skip
        for rows, column in (
            (self.people, "user"), (self.tenants, "tenant"), (self.extensions, "extension"),
        ):  # fmt: skip
            for n in range(3):
                if self.odds(0.5):
                    Lock.objects.create(
                        **{column: self.one(rows)}, reason=f'"{column}" {n}\n\u00e9',
                        expires_at=self.maybe(self.time()),
                    )  # fmt: skip

    def _grant(self) -> None:
        tenant, extension = self.maybe(self.one(self.tenants), 0.8), self.one(self.extensions)
        state = self.one((*STARTED, "requested", "denied"))
        starts = self.time() if state in STARTED else None
        open_now = state in ("requested", "scheduled", "active")
        grant = Grant.objects.create(
            state=state, environment="production", tenant=tenant, extension=extension,
            tenant_key=tenant.key if tenant else self.one(("-", "unknown")),
            extension_key=extension.key, all_installs=self.odds(0.5),
            requester=self.one(self.people), beneficiary=self.one(self.people),
            capabilities=self.one((["cap:debug.logs"], [], ["other", "cap:debug.logs"])),
            reason="a customer's \u00fcbel", minutes=60, approvals_required=self.one((1, 2)),
            requested_at=self.now, lapses_at=self.now + HOUR, starts_at=starts,
            ends_at=starts and starts + HOUR, closed_at=None if open_now else self.time(),
            closed_reason=self.one(("", "over")),
        )  # fmt: skip
        grant.installs.set(self.some(self.installs))
        others = [u for u in self.people if u not in (grant.requester, grant.beneficiary)]
        for approver in self.some(others):
            Approval.objects.create(
                grant=grant, approver=approver, requester=grant.requester,
                beneficiary=grant.beneficiary, verdict=self.one(("approve", "deny")),
                created_at=self.now,
            )  # fmt: skip

    def _token(self, number: int) -> AccessToken:
        return AccessToken.objects.create(
            owner=self.one(self.people), name="ci", digest=str(number), hint="x",
            tenant=self.one(self.tenants), extension=self.maybe(self.one(self.extensions)),
            created_at=self.now - 9 * HOUR, expires_at=self.time(),
            revoked_at=self.maybe(self.now, 0.3),
        )  # fmt: skip
