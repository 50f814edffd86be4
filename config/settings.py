"""Settings of the console. The only reader of the environment on this side of Redis.

config/declared.py declares every variable, and docs/configuration.md is written from it. A value
that is none of its kind is refused at the end of this module; config/checks.py refuses what only
several settings together show to be wrong.
"""

import os
import sys
from pathlib import Path
from typing import Any

from config import declared
from config.admin_look import UNFOLD  # noqa: F401 - Django reads it here
from config.bad_environment import database, mail, refuse_bad
from config.channel_layer import channel_layer
from config.sign_in import ALLAUTH, APPS, sign_in
from config.traces import traces
from extdebug.wire.environment import shared
from extdebug.wire.environment.setting import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
_environment = Environment(os.environ)
_read, _read_or = _environment.read, _environment.read_or

# --- where we are --------------------------------------------------------------------------
# Unset means production: whoever forgets the variable gets the strict rules.
EXT_DEBUG_ENVIRONMENT: str = _read(declared.ENVIRONMENT)
PRODUCTION: bool = EXT_DEBUG_ENVIRONMENT == "production"
DEBUG: bool = _read(declared.DEBUG)

# --- who may talk to us --------------------------------------------------------------------
INSECURE_SECRET_KEY = "insecure-for-development-only-" + "x" * 32  # refused in production
SECRET_KEY: str = _read_or(declared.SECRET_KEY, default=INSECURE_SECRET_KEY)
SECRET_KEY_FALLBACKS: list[str] = [*_read(declared.SECRET_KEY_FALLBACKS)]
# The loopback is always allowed: health probes inside the container ask by that name.
ALLOWED_HOSTS: list[str] = [*_read(declared.ALLOWED_HOSTS), "127.0.0.1", "localhost", "[::1]"]
# Pages that may open a WebSocket: full origins, scheme and port included, compared exactly.
EXT_DEBUG_ORIGINS: list[str] = [
    *_read_or(
        declared.ORIGINS,
        default=() if PRODUCTION else ("http://127.0.0.1:8000", "http://localhost:8000"),
    )
]
CSRF_TRUSTED_ORIGINS = [*_read_or(declared.CSRF_ORIGINS, default=tuple(EXT_DEBUG_ORIGINS))]
# Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto `manage.py serve` believes.
TRUSTED_PROXIES: list[str] = [*_read(declared.TRUSTED_PROXIES)]
# Behind a proxy that ends TLS and *always* sets or strips X-Forwarded-Proto.
BEHIND_TLS_PROXY: bool = _read(declared.BEHIND_TLS_PROXY)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS_ONLY: bool = _read_or(declared.HTTPS_ONLY, default=PRODUCTION)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come from inside
SECURE_HSTS_SECONDS: int = _read_or(
    declared.HSTS_SECONDS, default=declared.HSTS_SECONDS.default if HTTPS_ONLY else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = _read(declared.HSTS_SUBDOMAINS)
SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A session row is what a logout removes and what the cut looks for: never signed cookies.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE: int = _read(declared.SESSION_COOKIE_AGE)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (
    ("__Host-session", "__Host-csrf") if HTTPS_ONLY else ("sessionid", "csrftoken")
)

PASSWORD_HASHERS = [
    "config.hashing.BoundedArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator", "MinimumLengthValidator",
        "CommonPasswordValidator", "NumericPasswordValidator",
    )
]  # fmt: skip
SIGN_IN = sign_in(_environment, production=PRODUCTION)
vars().update(ALLAUTH)
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/extensions/"
LOGOUT_REDIRECT_URL = "/login/"

# Bodies are one small form or a polling cursor; the directory's view reads its own, from memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000  # the admin's change lists

# --- what runs -----------------------------------------------------------------------------
INSTALLED_APPS = [
    # Before staticfiles: `runserver` then serves ASGI. Nothing else asks for it, and it imports
    # Twisted and Autobahn: a tenth of what a console takes to start, 17 MB in each process.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    *APPS,
    "config.apps.ConsoleConfig",
    "audit",
    "policies",
    "extdebug",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "config.static.StaticFilesMiddleware",
    "config.refusals.RefusalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "policies.identity.earlier_keys.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # django-allauth wants it
    "audit.refusals.RecordRefusals",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_LOADERS = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            # Compiled once and kept, except under DEBUG: there each request reads them again.
            "loaders": _LOADERS if DEBUG else [("django.template.loaders.cached.Loader", _LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- what it stands on ---------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": database(
        _read_or(declared.DATABASE_URL, default=f"sqlite:///{BASE_DIR / 'var' / 'console.sqlite3'}")
    )
}
_database = DATABASES["default"]
# Opening a connection costs more than most queries: SQLite's runs two pragmas each time.
_database.setdefault("CONN_MAX_AGE", 60)
if _database["ENGINE"].endswith("sqlite3"):
    # Without WAL and IMMEDIATE two writers meet as "database is locked" (measured: 252 of 400). Of
    # the 128 statements that Python would keep for each thread many name 2,000 sessions: 12 MB.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE", "timeout": 20, "cached_statements": 16,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }  # fmt: skip
    # A file: the in-memory default is shared between threads and locks (150 of 200 failed).
    _database["TEST"] = {"NAME": str(BASE_DIR / "var" / "test.sqlite3")}
    Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
else:
    _database["CONN_HEALTH_CHECKS"] = True  # a killed backend is replaced, not handed out again
    # A server that vanished without a word must become an error: a thread that waits for it for
    # ever is one of the few that decide who may watch.
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        **_database.get("OPTIONS", {}),
    }

_files = shared.read_tls(_environment, declared.REDIS_TLS)
REDIS_URL: str = shared.read_redis(_environment, declared.REDIS_URL, files=_files)
EXT_DEBUG_PURGE_REDIS_URL: str = (
    shared.read_redis(_environment, declared.PURGE_REDIS_URL, files=_files) or REDIS_URL
)
CHANNEL_LAYER_PREFIX: str = _read(declared.LAYER_PREFIX)
CHANNEL_LAYERS = {"default": channel_layer(REDIS_URL, prefix=CHANNEL_LAYER_PREFIX)}

# --- the debug console ---------------------------------------------------------------------
EXT_DEBUG_STREAM_PREFIX: str = _read(shared.STREAM_PREFIX)
# None: off in production, on elsewhere (the decision's first rule).
EXT_DEBUG_UI_ENABLED: bool | None = _read(declared.UI_ENABLED)
# Lets one operator make the changes that need two in production; loud, and meant for nobody.
EXT_DEBUG_ONE_PERSON: bool = _read(declared.ONE_PERSON)
EXT_DEBUG_STREAM_MODE: str = _read(declared.STREAM_MODE)
EXT_DEBUG_RETENTION_SECONDS: int = _read(declared.RETENTION_SECONDS)
# The fallback of EXT_DEBUG_STREAM_MODE=auto|runner: the runners' addresses separated by commas, the
# x-runner-auth token, and the key that signs what a session may read there.
_runners: tuple[str, ...] = _read(declared.RUNNER_URL)
RUNNER_URL: str = ",".join(_runners)
RUNNER_AUTH_TOKEN: str = _read(shared.RUNNER_AUTH_TOKEN)
RUNNER_DEBUG_STREAM_SECRET: str = _read(shared.STREAM_SECRET)
REDACTION_KEY: str = _read(shared.REDACTION_KEY)
METRICS_TOKEN: str = _read(declared.METRICS_TOKEN)
DIRECTORY_TOKEN: str = _read(declared.DIRECTORY_TOKEN)
# Ed25519 seed (64 hex digits) that signs the audit trail's checkpoints, and where they go.
AUDIT_SIGNING_KEY: str = _read(declared.SIGNING_KEY)
AUDIT_CHECKPOINT_DIR: str = str(_read(declared.CHECKPOINT_DIR) or "")
# Public keys of earlier signing keys, so that their checkpoints still verify.
AUDIT_PUBLIC_KEYS: tuple[str, ...] = _read(declared.PUBLIC_KEYS)

# --- telling approvers ---------------------------------------------------------------------
# Where links in messages lead; the first origin is the address people type.
EXT_DEBUG_BASE_URL: str = _read_or(declared.BASE_URL, default=(EXT_DEBUG_ORIGINS or [""])[0])
EXT_DEBUG_WEBHOOK_URL: str = _read(declared.WEBHOOK_URL)
EXT_DEBUG_WEBHOOK_SECRET: str = _read(declared.WEBHOOK_SECRET)
# smtp://user:password@host:587, smtp+tls:// for STARTTLS; without it messages go to the log.
vars().update(mail(_read_or(declared.EMAIL_URL, default="consolemail://")))
DEFAULT_FROM_EMAIL: str = _read(declared.FROM_EMAIL)
EMAIL_TIMEOUT = 10  # seconds; a mail server that hangs must not hang its sender

# --- the rest ------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Names carry a hash of the content once `collectstatic` has run (the image does); before that
# the sources are served straight from the apps and revalidated, so that a clone needs no build.
STATIC_HASHED: bool = _read_or(
    declared.STATIC_HASHED, default=PRODUCTION and (STATIC_ROOT / "staticfiles.json").exists()
)
WHITENOISE_USE_FINDERS = not STATIC_HASHED
WHITENOISE_MAX_AGE = 3600 if STATIC_HASHED else 0  # hashed names are immutable regardless
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Looked up anew for each request, except in production: WhiteNoise reads lengths and ETags once, at
# the start, and would send an edited file's new body under the old ones.
WHITENOISE_AUTOREFRESH = DEBUG or not (STATIC_HASHED or PRODUCTION)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "config.static.HashedStorage"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

TRACES = traces(_environment)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        },
        "json": {
            "()": "pythonjsonlogger.msgspec.MsgspecFormatter",
            "fmt": ["levelname", "name", "message", "request", "session", "exc_info"],
            "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "error"},
            "timestamp": "time",
        },
    },
    "filters": {
        "context": {"()": "extdebug.log_context.InContext"},
        "outages": {"()": "config.log_filters.Outages"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": _read(declared.LOG_FORMAT),
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["stderr"], "level": _read(declared.LOG_LEVEL)},
    "loggers": {
        # Django's own handlers mail the admins; here everything goes one way.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # Denied and missing pages are normal life on a console that hides what is not yours.
        "django.request": {"level": "ERROR"},
        # A Redis that is away: its receiver says so with a traceback each second.
        "channels_redis.pubsub": {"filters": ["outages"]},
        # One line per frame at DEBUG would put guests' text into the console's own log.
        "websockets": {"level": "INFO"},
        "httpx": {"level": "WARNING"},  # INFO writes a line per request to a runner
        "httpcore": {"level": "INFO"},
        "opentelemetry": {"level": "CRITICAL"},  # audit.tracing.otlp says it in a line
        "uvicorn.error": {"level": "WARNING"},  # INFO writes a line per WebSocket, URL and all
        "daphne": {"level": "WARNING"},
    },
}

refuse_bad(_environment)
