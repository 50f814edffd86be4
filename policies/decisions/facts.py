"""The facts that a decision is made from: frozen values, loaded by `policies.loading`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

PRODUCTION: Final = "production"
DEVELOPMENT: Final = "development"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Caps and rates that hold for one target. Window and ring are DESIGN 3.3's flow control."""

    sessions_per_user: int = 5
    openings_per_minute: int = 20
    sessions_per_tenant: int = 200
    sessions_per_extension: int = 200
    events_per_second: int = 5_000
    bytes_per_second: int = 2 * 1024 * 1024
    ttl_seconds: int = 600
    max_ttl_seconds: int = 3_600
    window_bytes: int = 256 * 1024
    ring_bytes: int = 512 * 1024


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """What the environment asks for; minutes bound grants that were given under a laxer policy."""

    enabled: bool = True
    grant_required: bool = True
    consent_required: bool = False
    approvals_required: int = 1
    max_grant_minutes: int = 480
    pending_minutes: int = 24 * 60
    break_glass: bool = True
    break_glass_minutes: int = 30


# What holds without a row in the database. A name that is not here is no environment: refused.
DEFAULT_RULES: Final[dict[str, EnvironmentRules]] = {
    DEVELOPMENT: EnvironmentRules(grant_required=False),
    "staging": EnvironmentRules(grant_required=False),
    PRODUCTION: EnvironmentRules(),
}


def grant_needed(rules: EnvironmentRules | None, environment: str, *, tenantless: bool) -> bool:
    """Whether a grant is needed: always in production and in an unknown environment.

    A stream without a tenant may hold lines of any tenant, and nobody's consent can be asked for:
    there a second person's word is needed everywhere but in development.
    """
    if rules is None or environment == PRODUCTION:
        return True
    return rules.grant_required or (tenantless and environment != DEVELOPMENT)


@dataclass(frozen=True, slots=True)
class TokenFact:
    """A bearer token's scope (None: any) and life."""

    revoked: bool
    expires_at: dt.datetime
    tenant: str | None
    extension: str | None


@dataclass(frozen=True, slots=True)
class LockFact:
    """A lock on the person or the target; `on` says which, as the start of a sentence."""

    on: str
    reason: str
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """The tenant's answer for the extension or for all; not `given` means withdrawn."""

    given: bool
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class GrantFact:
    """A grant as it stands in the database; whether it has authority is for the decision."""

    id: int
    beneficiary: int
    tenant: str
    extension: str
    environment: str
    all_installs: bool
    installs: frozenset[str]
    capabilities: frozenset[str]
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    closed_at: dt.datetime | None
    closed_as: str  # "" while open, else the state it was closed with
    closed_reason: str
    approvals: int  # by distinct people who are neither requester nor beneficiary
    approvals_required: int
    break_glass: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpenSessions:
    """How many sessions are open now for the person, the tenant and the extension."""

    user: int = 0
    tenant: int = 0
    extension: int = 0


@dataclass(frozen=True, slots=True)
class OpeningFact:
    """What counts only when a session opens; `retry_after` seconds until the rate has a place."""

    sessions: OpenSessions
    last_minute: int
    retry_after: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that bears on one person and one target. The defaults refuse."""

    user_id: int
    tenant: str
    extension: str
    environment: str
    ui_enabled: bool | None = None
    policy: EnvironmentRules | None = None
    active: bool = False
    operator: bool = False
    token: TokenFact | None = None
    member: bool = False
    develops: frozenset[str] = frozenset()
    develops_all: bool = False
    tenantless: bool = False
    tenant_exists: bool = False
    tenant_suspended: bool = False
    extension_exists: bool = False
    extension_capable: bool = False
    installs: frozenset[str] = frozenset()
    capable_installs: frozenset[str] = frozenset()
    consent_required: bool = False
    consents: tuple[ConsentFact, ...] = ()
    mode_off: bool = False
    locks: tuple[LockFact, ...] = ()
    grants: tuple[GrantFact, ...] = ()
    limits: SessionLimits = field(default_factory=SessionLimits)
    opening: OpeningFact | None = None

    @property
    def needs_grant(self) -> bool:
        """Whether a grant is needed for this target."""
        return grant_needed(self.policy, self.environment, tenantless=self.tenantless)

    @property
    def token_covers(self) -> bool:
        """Whether the token's scope includes the target; true without a token."""
        if self.token is None:
            return True
        return self.token.tenant in (None, self.tenant) and (
            self.token.extension in (None, self.extension)
        )
