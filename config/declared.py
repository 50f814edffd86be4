"""The console's settings as declared: name, kind, range, default, meaning. `settings` reads them.

Where a default follows from another setting, `default_words` says how; `settings` does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from config import traces
from extdebug.wire.environment.kinds import (
    Choice,
    Flag,
    Folder,
    Listing,
    Network,
    Secret,
    Text,
    Url,
    Whole,
)
from extdebug.wire.environment.setting import Setting
from extdebug.wire.environment.shared import (
    PREFIX_PATTERN,
    REDACTION_KEY,
    REDIS,
    RUNNER_AUTH_TOKEN,
    STREAM_PREFIX,
    STREAM_SECRET,
    tls_settings,
)
from policies.sign_in.role_map import RoleMap, RoleMapText

DAY: Final = 86_400
_ORIGIN: Final = Text(
    "origins such as https://console.example", r"https?://[^\s/?#@,]+(:[0-9]{1,5})?"
)
_HEX: Final = r"[0-9a-fA-F]{64}"
_HTTP: Final = ("http", "https")
MAIL_SCHEMES: Final = (
    "smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail", "dummymail",
)  # fmt: skip

ENVIRONMENT: Final = Setting(
    name="EXT_DEBUG_ENVIRONMENT", kind=Choice(("development", "staging", "production")),
    default="production", meaning="which policy holds",
)  # fmt: skip
UI_ENABLED: Final = Setting[bool | None](
    name="EXT_DEBUG_UI_ENABLED", kind=Flag(), default=None,
    default_words="off in production, else on",
    meaning="the feature flag, asked before every other rule",
)  # fmt: skip
ONE_PERSON: Final = Setting(
    name="EXT_DEBUG_ONE_PERSON", kind=Flag(), default=False,
    meaning="lets one operator widen access alone where "
    "[two are needed](policies.md#nobody-alone); recorded, mailed and shown at the desk",
)  # fmt: skip
SECRET_KEY: Final = Setting(
    name="SECRET_KEY", kind=Secret(), default="", secret=True, default_words="none in production",
    meaning="signs sessions; 50 random characters, the same on every process",
)  # fmt: skip
SECRET_KEY_FALLBACKS: Final = Setting[tuple[str, ...]](
    name="SECRET_KEY_FALLBACKS", kind=Listing(Secret()), default=(), secret=True,
    meaning="earlier keys, while they are being replaced",
)  # fmt: skip
DATABASE_URL: Final = Setting(
    name="DATABASE_URL",
    kind=Url(
        ("postgres", "postgresql", "psql", "pgsql", "sqlite"),
        "postgres://user:password@host/name, with special characters as %XX",
        hostless=("sqlite",),
        path=r"/.+",
    ),
    default="", secret=True, default_words="SQLite in `var/`", meaning="PostgreSQL in production",
)  # fmt: skip
REDIS_URL: Final = Setting(
    name="REDIS_URL", kind=REDIS, default="", secret=True,
    default_words="none; may be unset in mode `runner`",
    meaning="Redis, with the console's role",
)  # fmt: skip
PURGE_REDIS_URL: Final = Setting(
    name="EXT_DEBUG_PURGE_REDIS_URL", kind=REDIS, default="", secret=True,
    default_words="`REDIS_URL`",
    meaning="the same Redis, with the role that may purge a stream's lines at the desk",
)  # fmt: skip
REDIS_TLS: Final = tls_settings("")
LAYER_PREFIX: Final = Setting(
    name="CHANNEL_LAYER_PREFIX", default="ext-debug-layer",
    kind=Text("1 to 64 characters of letters, digits and . _ : -", PREFIX_PATTERN),
    meaning="channels over which processes tell each other to decide again",
)  # fmt: skip
ALLOWED_HOSTS: Final = Setting[tuple[str, ...]](
    name="ALLOWED_HOSTS", default=(), default_words="the loopback",
    kind=Listing(Text("host names", r"\*|\.?[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]")),
    meaning="host names of the console",
)  # fmt: skip
ORIGINS: Final = Setting[tuple[str, ...]](
    name="EXT_DEBUG_ORIGINS", kind=Listing(_ORIGIN), default=(),
    default_words="none; port 8000 on the loopback outside production",
    meaning="origins whose pages may open a WebSocket, with scheme and port",
)  # fmt: skip
CSRF_ORIGINS: Final = Setting[tuple[str, ...]](
    name="CSRF_TRUSTED_ORIGINS", kind=Listing(_ORIGIN), default=(),
    default_words="`EXT_DEBUG_ORIGINS`", meaning="origins whose forms are accepted",
)  # fmt: skip
HTTPS_ONLY: Final = Setting(
    name="HTTPS_ONLY", kind=Flag(), default=True, default_words="on in production",
    meaning="secure cookies, redirect to https, HSTS; `serve` wants one of the next two with it",
)  # fmt: skip
BEHIND_TLS_PROXY: Final = Setting(
    name="BEHIND_TLS_PROXY", kind=Flag(), default=False,
    meaning="a proxy ends TLS and always sets `X-Forwarded-Proto`",
)  # fmt: skip
TRUSTED_PROXIES: Final = Setting[tuple[str, ...]](
    name="TRUSTED_PROXIES", kind=Listing(Network()), default=(),
    meaning="addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
)  # fmt: skip
HSTS_SECONDS: Final = Setting(
    name="SECURE_HSTS_SECONDS", kind=Whole(0, 2 * 365 * DAY, "seconds"), default=365 * DAY,
    default_words="one year with `HTTPS_ONLY`", meaning="how long browsers insist on https",
)  # fmt: skip
HSTS_SUBDOMAINS: Final = Setting(
    name="SECURE_HSTS_INCLUDE_SUBDOMAINS", kind=Flag(), default=False,
    meaning="the same for subdomains, and preload",
)  # fmt: skip
SESSION_COOKIE_AGE: Final = Setting(
    name="SESSION_COOKIE_AGE", kind=Whole(60, 365 * DAY, "seconds"), default=12 * 3600,
    meaning="how long a sign-in lasts",
)  # fmt: skip
OIDC_ISSUER: Final = Setting(
    name="OIDC_ISSUER",
    kind=Url(_HTTP, "https://id.example/realms/people", path=r"[^?#]*"),
    default="", default_words="none: no [single sign-on](sign-in.md)",
    meaning="the OpenID Connect provider, exactly as its tokens name it; https in production",
)  # fmt: skip
OIDC_CLIENT_ID: Final = Setting(
    name="OIDC_CLIENT_ID", kind=Text("printable ASCII characters", r"[\x21-\x7e]{1,255}"),
    default="", meaning="the console's name at the provider",
)  # fmt: skip
OIDC_CLIENT_SECRET: Final = Setting(
    name="OIDC_CLIENT_SECRET", kind=Secret(), default="", secret=True,
    meaning="what the console proves that by",
)  # fmt: skip
OIDC_NAME: Final = Setting(
    name="OIDC_NAME", kind=Text("1 to 40 characters without <>{}", r"[^<>{}]{1,40}"),
    default="single sign-on",
    meaning="what people call it: the sign-in page says *Sign in with NAME*",
)  # fmt: skip
OIDC_SCOPES: Final = Setting[tuple[str, ...]](
    name="OIDC_SCOPES", kind=Listing(Text("names of scopes", r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")),
    default=("openid", "profile", "email"), default_words="`openid,profile,email`",
    meaning="what is asked of it, some want `groups` here; `openid` always is",
)  # fmt: skip
OIDC_NAME_CLAIM: Final = Setting(
    name="OIDC_NAME_CLAIM", kind=Text("the name of a claim", r"\S{1,100}"),
    default="preferred_username", meaning="the claim by which a new account is named",
)  # fmt: skip
OIDC_GROUPS_CLAIM: Final = Setting(
    name="OIDC_GROUPS_CLAIM", kind=Text("the name of a claim", r"\S{1,100}"), default="groups",
    meaning="the claim that lists a person's groups",
)  # fmt: skip
OIDC_ROLES: Final = Setting(
    name="OIDC_ROLES", kind=RoleMapText(), default=RoleMap(), default_words="none",
    meaning="[what groups give](sign-in.md#groups-and-roles)",
)  # fmt: skip
OIDC_SESSION_SECONDS: Final = Setting(
    name="OIDC_SESSION_SECONDS", kind=Whole(60, 365 * DAY, "seconds"), default=8 * 3600,
    meaning="how long a sign-in by the provider lasts, used or not; at most as long as "
    "`SESSION_COOKIE_AGE`",
)  # fmt: skip
OIDC_ROLES_SECONDS: Final = Setting(
    name="OIDC_ROLES_SECONDS", kind=Whole(300, 365 * DAY, "seconds"), default=7 * DAY,
    meaning="how long after a person's last sign-in what their groups gave them holds",
)  # fmt: skip
PASSWORD_SIGN_IN: Final = Setting(
    name="PASSWORD_SIGN_IN", kind=Flag(), default=True,
    meaning="off: nobody signs in with a password, except by "
    "[`allow_password`](sign-in.md#without-passwords); wants a provider",
)  # fmt: skip
REQUIRE_SECOND_FACTOR: Final = Setting(
    name="REQUIRE_SECOND_FACTOR", kind=Flag(), default=False,
    meaning="whoever approves or widens access otherwise [confirms with an authenticator app or a "
    "passkey](sign-in.md#second-factor) first",
)  # fmt: skip
SECOND_FACTOR_SECONDS: Final = Setting(
    name="SECOND_FACTOR_SECONDS", kind=Whole(30, DAY, "seconds"), default=15 * 60,
    meaning="how long such a confirmation counts, in that sign-in",
)  # fmt: skip
RETENTION_SECONDS: Final = Setting(
    name="EXT_DEBUG_RETENTION_SECONDS", kind=Whole(10, 30 * DAY, "seconds"), default=15 * 60,
    meaning="age at which the janitor trims events",
)  # fmt: skip
STREAM_MODE: Final = Setting(
    name="EXT_DEBUG_STREAM_MODE", kind=Choice(("redis", "auto", "runner")), default="redis",
    meaning="`auto`: the runners' own streams while Redis is away; `runner`: only these "
    "([how to change it](operations.md#from-one-mode-to-another))",
)  # fmt: skip
RUNNER_URL: Final = Setting[tuple[str, ...]](
    name="RUNNER_URL", kind=Listing(Url(_HTTP, "http://runner:8090", path=r"/?")), default=(),
    meaning="internal addresses of the runners to ask",
)  # fmt: skip
METRICS_TOKEN: Final = Setting(
    name="METRICS_TOKEN", kind=Secret(), default="", secret=True, default_words="none: nobody",
    meaning="bearer token for `/metrics` ([what it says](operations.md#what-the-metrics-mean))",
)  # fmt: skip
DIRECTORY_TOKEN: Final = Setting(
    name="DIRECTORY_TOKEN", kind=Secret(32), default="", secret=True,
    default_words="none: the API is off",
    meaning="bearer token of the platform for [`/api/directory/`](directory.md#over-http)",
)  # fmt: skip
SIGNING_KEY: Final = Setting(
    name="AUDIT_SIGNING_KEY", kind=Text("64 hex digits, an Ed25519 seed", _HEX), default="",
    secret=True, meaning="signs checkpoints of the trail; `openssl rand -hex 32` makes one",
)  # fmt: skip
PUBLIC_KEYS: Final = Setting[tuple[str, ...]](
    name="AUDIT_PUBLIC_KEYS", kind=Listing(Text("public keys of 64 hex digits", _HEX)), default=(),
    meaning="public keys of earlier signing keys",
)  # fmt: skip
CHECKPOINT_DIR: Final = Setting[Path | None](
    name="AUDIT_CHECKPOINT_DIR", kind=Folder(), default=None,
    meaning="where checkpoints are written, out of reach of the database's administrators",
)  # fmt: skip
BASE_URL: Final = Setting(
    name="EXT_DEBUG_BASE_URL", kind=Url(_HTTP, "https://console.example", path=r"/?"), default="",
    default_words="the first origin", meaning="where links in messages lead",
)  # fmt: skip
WEBHOOK_URL: Final = Setting(
    name="EXT_DEBUG_WEBHOOK_URL", kind=Url(_HTTP, "https://hooks.example/debug-console"),
    default="", secret=True, meaning="is told of requests, approvals and break-glass grants",
)  # fmt: skip
WEBHOOK_SECRET: Final = Setting(
    name="EXT_DEBUG_WEBHOOK_SECRET", kind=Secret(), default="", secret=True, meaning="signs that"
)
EMAIL_URL: Final = Setting(
    name="EMAIL_URL",
    kind=Url(
        MAIL_SCHEMES,
        "smtp+tls://user:password@mail.example:587",
        hostless=("consolemail", "filemail", "memorymail", "dummymail"),
    ),
    default="", secret=True, default_words="none: the log",
    meaning="the mail server",
)  # fmt: skip
FROM_EMAIL: Final = Setting(
    name="DEFAULT_FROM_EMAIL", default="debug-console@localhost",
    kind=Text("an e-mail address", r"[^@<>]+@[^@<>\s]+|[^@<>]*<[^@<>\s]+@[^@<>\s]+>"),
    meaning="sender of messages",
)  # fmt: skip
STATIC_HASHED: Final = Setting(
    name="STATIC_HASHED", kind=Flag(), default=False,
    default_words="on in production once collected",
    meaning="static files carry a hash in their names",
)  # fmt: skip
LOG_LEVEL: Final = Setting(
    name="LOG_LEVEL", kind=Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    default="INFO", meaning="of the console's own log",
)  # fmt: skip
LOG_FORMAT: Final = Setting(
    name="LOG_FORMAT", kind=Choice(("text", "json")), default="text",
    meaning="lines for people, or a JSON object a line with the ids of request and session",
)  # fmt: skip
DEBUG: Final = Setting(
    name="DEBUG", kind=Flag(), default=False,
    meaning="Django's debug pages, and templates and static files read anew for each request "
    "(`manage.py demo --reload` sets it); refused in production",
)  # fmt: skip

DECLARED: Final[tuple[Setting[Any], ...]] = (
    ENVIRONMENT, UI_ENABLED, ONE_PERSON, SECRET_KEY, SECRET_KEY_FALLBACKS, DATABASE_URL, REDIS_URL,
    PURGE_REDIS_URL, *REDIS_TLS, LAYER_PREFIX, ALLOWED_HOSTS, ORIGINS, CSRF_ORIGINS, HTTPS_ONLY,
    BEHIND_TLS_PROXY, TRUSTED_PROXIES, HSTS_SECONDS, HSTS_SUBDOMAINS, SESSION_COOKIE_AGE,
    OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME, OIDC_SCOPES, OIDC_NAME_CLAIM,
    OIDC_GROUPS_CLAIM, OIDC_ROLES, OIDC_SESSION_SECONDS, OIDC_ROLES_SECONDS, PASSWORD_SIGN_IN,
    REQUIRE_SECOND_FACTOR, SECOND_FACTOR_SECONDS,
    STREAM_PREFIX, RETENTION_SECONDS, STREAM_MODE, RUNNER_URL, RUNNER_AUTH_TOKEN, STREAM_SECRET,
    REDACTION_KEY, METRICS_TOKEN, DIRECTORY_TOKEN, SIGNING_KEY, PUBLIC_KEYS, CHECKPOINT_DIR,
    BASE_URL, WEBHOOK_URL, WEBHOOK_SECRET, EMAIL_URL, FROM_EMAIL, STATIC_HASHED, LOG_LEVEL,
    LOG_FORMAT, *traces.DECLARED, DEBUG,
)  # fmt: skip
