"""How people sign in here, as configured: which provider, what its groups give, passwords or not.

Pure. `config/sign_in.py` makes it of the environment as `settings.SIGN_IN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policies.sign_in.role_map import RoleMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Without an `issuer` there is no provider, and all that is about one means nothing."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    scopes: tuple[str, ...]
    name_claim: str
    groups_claim: str
    roles: RoleMap
    session_seconds: int
    roles_seconds: int
    passwords: bool
    second_factor: bool
    second_factor_seconds: int

    @property
    def for_allauth(self) -> dict[str, Any]:
        """The provider as django-allauth's SocialApp takes it."""
        return {
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {
                "server_url": self.issuer,
                "oauth_pkce_enabled": True,
                "scope": [*dict.fromkeys(("openid", *self.scopes))],
            },
        }
