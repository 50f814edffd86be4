"""The settings of sign-in and second factors, read together: all that one needs, or nothing."""

from __future__ import annotations

from typing import Any, Final

from config import declared
from extdebug.wire.environment.setting import Environment, Setting
from policies.sign_in.configuration import Configuration

NEEDED: Final[tuple[Setting[str], ...]] = (
    declared.OIDC_ISSUER, declared.OIDC_CLIENT_ID, declared.OIDC_CLIENT_SECRET,
)  # fmt: skip
OPTIONAL: Final[tuple[Setting[Any], ...]] = (
    declared.OIDC_NAME, declared.OIDC_SCOPES, declared.OIDC_NAME_CLAIM, declared.OIDC_GROUPS_CLAIM,
    declared.OIDC_ROLES, declared.OIDC_SESSION_SECONDS, declared.OIDC_ROLES_SECONDS,
)  # fmt: skip
# django-allauth: its apps, and what it looks up in Django's settings. Its addresses are not used.
APPS: Final = (
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
)
ALLAUTH: Final[dict[str, Any]] = {
    "SOCIALACCOUNT_ADAPTER": "policies.sign_in.provider.SettingsAdapter",
    "SOCIALACCOUNT_STORE_TOKENS": False,
    "SOCIALACCOUNT_REQUESTS_TIMEOUT": 5,  # seconds, for each of connecting and reading
    "ACCOUNT_EMAIL_VERIFICATION": "none",
    # Attempts are spaced by `policies.identity.attempts`, which needs no address of a client.
    "ACCOUNT_RATE_LIMITS": False,
    "MFA_ADAPTER": "policies.second_factor.adapter.FactorAdapter",
    "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
    "MFA_TOTP_ISSUER": "Debug Console",
    "MFA_TOTP_TOLERANCE": 1,  # half minutes before and after: telephones' clocks differ
}


def sign_in(environment: Environment, *, production: bool) -> Configuration:
    """What the environment says; what is half configured becomes a problem of it."""
    issuer, passwords = (
        environment.read(declared.OIDC_ISSUER),
        environment.read(declared.PASSWORD_SIGN_IN),
    )
    second_factor = environment.read(declared.REQUIRE_SECOND_FACTOR)
    read = Configuration(
        issuer=issuer,
        client_id=environment.read(declared.OIDC_CLIENT_ID),
        client_secret=environment.read(declared.OIDC_CLIENT_SECRET),
        name=environment.read(declared.OIDC_NAME),
        scopes=environment.read(declared.OIDC_SCOPES),
        name_claim=environment.read(declared.OIDC_NAME_CLAIM),
        groups_claim=environment.read(declared.OIDC_GROUPS_CLAIM),
        roles=environment.read(declared.OIDC_ROLES),
        session_seconds=environment.read(declared.OIDC_SESSION_SECONDS),
        roles_seconds=environment.read(declared.OIDC_ROLES_SECONDS),
        passwords=passwords,
        second_factor=second_factor,
        second_factor_seconds=environment.read(declared.SECOND_FACTOR_SECONDS),
    )
    _require_whole(environment)
    if production and issuer.startswith("http:"):
        _problem(environment, declared.OIDC_ISSUER, f"https in production, got {issuer[:60]!r}")
    if not passwords and not issuer:
        _problem(environment, declared.PASSWORD_SIGN_IN, "on without OIDC_ISSUER, got off")
    if not second_factor and _is_set(environment, declared.SECOND_FACTOR_SECONDS):
        text = "on, because SECOND_FACTOR_SECONDS is set, got off"
        _problem(environment, declared.REQUIRE_SECOND_FACTOR, text)
    return read


def _require_whole(environment: Environment) -> None:
    said = [each.name for each in (*NEEDED, *OPTIONAL) if _is_set(environment, each)]
    if not said:
        return
    for needed in NEEDED:
        if not _is_set(environment, needed):
            others = (
                f"{said[0]} is" if len(said) == 1 else f"{said[0]} and {len(said) - 1} more are"
            )
            _problem(environment, needed, f"a value, because {others} set, got none")


def _is_set(environment: Environment, setting: Setting[Any]) -> bool:
    names = setting.name, f"{setting.name}_FILE"
    return any(environment.variables.get(name) for name in names)


def _problem(environment: Environment, setting: Setting[Any], text: str) -> None:
    """Unless something is wrong with it already."""
    if not any(each.startswith(setting.name) for each in environment.problems):
        environment.problems.append(f"{setting.name}: expected {text}")
