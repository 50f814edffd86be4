"""System checks: settings that do not fit together stop the console, with what to do about it.

A value that is none of its kind never gets here: config/settings.py refuses it.

Ids: E = refuses to start, W = said once. `console.E1xx` concern secrets, `E2xx` sign-in and
origins, `E3xx` database and Redis, `E4xx` the debug stream itself,
`E5xx` what it tells and keeps.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from extdebug.ops import readiness
from extdebug.transports.origin import read_origin
from policies.mail import sends_mail

MIN_SECRET: Final = 32  # characters: 128 bits even when it is hex
# Sign-in is re-checked against these rows; an engine without rows cannot be cut off.
ROW_ENGINES: Final = (
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.backends.cached_db",
)

Check = Callable[[], Iterator[CheckMessage]]


def weak(secret: str) -> bool:
    """Too short, or too few different characters to have come from a random source."""
    return len(secret) < MIN_SECRET or len(set(secret)) < 10


def secrets() -> Iterator[CheckMessage]:
    if settings.PRODUCTION and settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        yield Error(
            "SECRET_KEY is not set.",
            hint="Set SECRET_KEY to 50 or more random characters, the same on every process; on "
            "your own machine set EXT_DEBUG_ENVIRONMENT=development instead.",
            id="console.E101",
        )
    elif settings.PRODUCTION and weak(settings.SECRET_KEY):
        yield Error(
            "SECRET_KEY is too weak for production.",
            hint=f"Use at least {MIN_SECRET} random characters.",
            id="console.E102",
        )
    if settings.REDACTION_KEY and weak(settings.REDACTION_KEY):
        yield Error(
            "REDACTION_KEY is too weak: its tokens could be guessed back to the secrets.",
            hint=f"Use at least {MIN_SECRET} random characters, or leave it empty for masks "
            "without tokens.",
            id="console.E103",
        )
    elif settings.REDACTION_KEY and settings.REDACTION_KEY == settings.SECRET_KEY:
        yield Error(
            "REDACTION_KEY is the SECRET_KEY, which runners must never hold.",
            hint="Runners share the REDACTION_KEY; give it a value of its own.",
            id="console.E104",
        )
    if settings.PRODUCTION and not settings.REDACTION_KEY:
        yield Warning(
            "REDACTION_KEY is not set: masks carry no token to correlate by.",
            hint="Set the same REDACTION_KEY on consoles and runners.",
            id="console.W105",
        )
    if settings.PRODUCTION and not settings.METRICS_TOKEN:
        yield Warning(
            "METRICS_TOKEN is not set: /metrics answers nobody.",
            hint="Set METRICS_TOKEN and give it to Prometheus as a bearer token.",
            id="console.W106",
        )
    if settings.PRODUCTION and settings.METRICS_TOKEN and weak(settings.METRICS_TOKEN):
        yield Error(
            "METRICS_TOKEN is too weak: guessing it tells who watches what.",
            hint=f"Use at least {MIN_SECRET} random characters.",
            id="console.E110",
        )
    if settings.EXT_DEBUG_WEBHOOK_URL and weak(settings.EXT_DEBUG_WEBHOOK_SECRET):
        yield Error(
            "EXT_DEBUG_WEBHOOK_SECRET is missing or too weak to sign the webhook.",
            hint=f"At least {MIN_SECRET} random characters, shared with the receiver.",
            id="console.E109",
        )
    if settings.PRODUCTION and settings.DEBUG:
        yield Error(
            "DEBUG is on in production: error pages would show settings and source.",
            hint="Unset DEBUG, or say which environment this is in EXT_DEBUG_ENVIRONMENT.",
            id="console.E108",
        )


def sign_in() -> Iterator[CheckMessage]:
    if settings.SESSION_ENGINE not in ROW_ENGINES:
        yield Error(
            f"SESSION_ENGINE is {settings.SESSION_ENGINE}.",
            hint="A logout must end live sessions, so sign-in needs a row in the database: use "
            "django.contrib.sessions.backends.db. signed_cookies in particular stay valid after "
            "a logout.",
            id="console.E201",
        )
    for origin in settings.EXT_DEBUG_ORIGINS:
        if read_origin(origin) is None:
            yield Error(
                f"EXT_DEBUG_ORIGINS: {origin!r} is not an origin.",
                hint="Write scheme, host and port, without path or wildcard: "
                "https://console.example or http://127.0.0.1:8000.",
                id="console.E202",
            )
        elif settings.HTTPS_ONLY and not origin.lower().startswith("https://"):
            yield Error(
                f"EXT_DEBUG_ORIGINS: {origin!r} is not https, but HTTPS_ONLY is on.",
                hint="List the https origin, or set HTTPS_ONLY=false where there is no TLS.",
                id="console.E203",
            )
    if not settings.EXT_DEBUG_ORIGINS:
        yield (Error if settings.PRODUCTION else Warning)(
            "EXT_DEBUG_ORIGINS is empty: no browser can open the console's WebSocket.",
            hint="List the origins people type into their browser: https://console.example",
            id="console.E204" if settings.PRODUCTION else "console.W204",
        )
    if settings.PRODUCTION and not settings.HTTPS_ONLY:
        yield Warning(
            "HTTPS_ONLY is off in production: cookies travel over plain HTTP.",
            hint="Serve over TLS; behind a proxy that ends it also set BEHIND_TLS_PROXY=true.",
            id="console.W205",
        )
    if readiness.redirects_to_itself():
        yield Warning(
            "HTTPS_ONLY is on, and nothing says which requests came over TLS: `manage.py serve` "
            "would redirect each of them to itself, and does not start.",
            hint="Set TRUSTED_PROXIES or BEHIND_TLS_PROXY for the proxy that ends TLS, or "
            "HTTPS_ONLY=off without one.",
            id="console.W209",
        )
    if "*" in settings.ALLOWED_HOSTS and settings.PRODUCTION:
        yield Error(
            "ALLOWED_HOSTS contains '*' in production.",
            hint="List the host names of the console.",
            id="console.E206",
        )


def trust() -> Iterator[CheckMessage]:
    """Whom production believes about an address or an origin: nobody by a wildcard."""
    if not settings.PRODUCTION:
        return
    if "*" in settings.TRUSTED_PROXIES:
        yield Error(
            "TRUSTED_PROXIES contains '*': every client may claim any address.",
            hint="List the addresses of your proxies: the audit trail and the limits of sign-ins "
            "go by what they say.",
            id="console.E207",
        )
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if read_origin(origin) is None:
            yield Error(
                f"CSRF_TRUSTED_ORIGINS: {origin!r} is not one origin.",
                hint="Write scheme, host and port without a wildcard: each page of it may act in "
                "the name of whoever is signed in here.",
                id="console.E208",
            )


def promises() -> Iterator[CheckMessage]:
    """What production says it does and, without these settings, would not."""
    if not settings.PRODUCTION:
        return
    if not settings.AUDIT_SIGNING_KEY:
        yield Warning(
            "AUDIT_SIGNING_KEY is not set: no checkpoint is signed, and a trail that is rewritten "
            "as a whole looks whole.",
            hint="Set an Ed25519 seed, for example from `openssl rand -hex 32`.",
            id="console.W502",
        )
    if not settings.AUDIT_CHECKPOINT_DIR:
        yield Warning(
            "AUDIT_CHECKPOINT_DIR is not set: checkpoints lie in the database alone, and a trail "
            "that was cut off or restored from a backup looks whole.",
            hint="Set a directory out of reach of the database's administrators.",
            id="console.W503",
        )
    if not sends_mail():
        yield Warning(
            "EMAIL_URL is not set: no approver and no requester gets an e-mail, messages go to "
            "the log.",
            hint="Set EMAIL_URL, for example smtp+tls://user:password@mail.example:587.",
            id="console.W504",
        )


def backends() -> Iterator[CheckMessage]:
    if not settings.REDIS_URL and settings.EXT_DEBUG_STREAM_MODE == "redis":
        message = "REDIS_URL is not set: there is no stream to read and no way to cut sessions"
        if settings.PRODUCTION:
            yield Error(
                f"{message} on other processes.",
                hint="Set REDIS_URL, for example rediss://console:…@redis.example:6379/0.",
                id="console.E301",
            )
        else:
            yield Warning(
                f"{message}.",
                hint="Set REDIS_URL, or use `manage.py demo`, which brings its own.",
                id="console.W301",
            )
    if settings.PRODUCTION and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Warning(
            "The database is SQLite: one machine, one writer, no separate audit role.",
            hint="Set DATABASE_URL to PostgreSQL.",
            id="console.W303",
        )
    in_memory = settings.CHANNEL_LAYERS["default"]["BACKEND"].startswith("channels.layers.")
    if settings.PRODUCTION and in_memory:
        yield Warning(
            "The channel layer does not leave this process: other processes learn of a revoked "
            "grant by polling, up to 2 s later.",
            hint="Set REDIS_URL.",
            id="console.W304",
        )


def stream() -> Iterator[CheckMessage]:
    if settings.EXT_DEBUG_STREAM_MODE != "redis":
        if not settings.RUNNER_URL and not settings.REDIS_URL:
            yield Error(
                "Neither REDIS_URL nor RUNNER_URL is set: there is nothing to show.",
                hint="Set REDIS_URL; RUNNER_URL is the fallback while Redis is away.",
                id="console.E403",
            )
        elif not settings.RUNNER_URL:
            yield Error(
                f"EXT_DEBUG_STREAM_MODE={settings.EXT_DEBUG_STREAM_MODE} without RUNNER_URL.",
                hint="Set RUNNER_URL to the runner's internal address, or the mode to redis.",
                id="console.E404",
            )
        for name in ("RUNNER_AUTH_TOKEN", "RUNNER_DEBUG_STREAM_SECRET"):
            if settings.RUNNER_URL and weak(getattr(settings, name)):
                yield Error(
                    f"{name} is missing or too weak for the runner's internal stream.",
                    hint=f"At least {MIN_SECRET} random characters, the same as on the runner.",
                    id="console.E405",
                )


@register("console")
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """All of the above, in the order of their ids."""
    groups: tuple[Check, ...] = (secrets, sign_in, trust, backends, stream, promises)
    return [message for group in groups for message in group()]


@register("console", deploy=True)
def check_redis(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """What `serve` and /readyz ask of Redis, for `manage.py check --deploy`."""
    try:
        return asyncio.run(readiness.redis_problems())
    except readiness.RedisAway as error:
        return [
            Warning(
                f"Redis does not answer: {error.reason}.",
                hint="docs/operations.md, When Redis does not answer, says what to set.",
                id="console.W305",
            )
        ]
