"""Settings of the console. The only reader of the environment on this side of Redis.

docs/configuration.md lists every variable; config/checks.py refuses the bad ones at start-up.
"""

from pathlib import Path
from typing import Any

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # NAME_FILE names a mounted secret that holds NAME

# --- where we are --------------------------------------------------------------------------
# Unset means production: whoever forgets the variable gets the strict rules.
EXT_DEBUG_ENVIRONMENT: str = env.str("EXT_DEBUG_ENVIRONMENT", default="production").lower()
PRODUCTION: bool = EXT_DEBUG_ENVIRONMENT == "production"
DEBUG: bool = env.bool("DEBUG", default=False)

# --- who may talk to us --------------------------------------------------------------------
INSECURE_SECRET_KEY = "insecure-for-development-only-" + "x" * 32  # refused in production
SECRET_KEY: str = env.str("SECRET_KEY", default=INSECURE_SECRET_KEY)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# The loopback is always allowed: health probes inside the container ask by that name.
ALLOWED_HOSTS: list[str] = [
    *env.list("ALLOWED_HOSTS", default=[]), "127.0.0.1", "localhost", "[::1]",
]  # fmt: skip
# Pages that may open a WebSocket: full origins, scheme and port included, compared exactly.
EXT_DEBUG_ORIGINS: list[str] = env.list(
    "EXT_DEBUG_ORIGINS",
    default=[] if PRODUCTION else ["http://127.0.0.1:8000", "http://localhost:8000"],
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=EXT_DEBUG_ORIGINS)
# Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto `manage.py serve` believes.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
# Behind a proxy that ends TLS and *always* sets or strips X-Forwarded-Proto.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS_ONLY: bool = env.bool("HTTPS_ONLY", default=PRODUCTION)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come from inside
SECURE_HSTS_SECONDS: int = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A session row is what a logout removes and what the cut looks for: never signed cookies.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE: int = env.int("SESSION_COOKIE_AGE", default=12 * 3600)
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
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/extensions/"
LOGOUT_REDIRECT_URL = "/login/"

# Bodies are one small form or a polling cursor; nothing here takes uploads.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000  # the admin's change lists

# --- what runs -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",  # before staticfiles: `runserver` then serves ASGI
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
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
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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
UNFOLD = {
    "SITE_TITLE": "Debug Console",
    "SITE_HEADER": "Debug Console",
    "SITE_URL": "/extensions/",
    "SITE_SYMBOL": "terminal",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "/static/extdebug/icon.svg"}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "config.apps.environment_badge",
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "extdebug.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "extdebug.dashboard.navigation"},
    "COLORS": {
        "primary": {  # the console's accent, dark enough for white text from 600 on
            "50": "#effafb",
            "100": "#d7f0f4",
            "200": "#b0e1e9",
            "300": "#7bcbd9",
            "400": "#45adc0",
            "500": "#1a8ea3",
            "600": "#0a6b7c",
            "700": "#0b5766",
            "800": "#104854",
            "900": "#123d48",
            "950": "#052730",
        }
    },
}

# --- what it stands on ---------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'console.sqlite3'}")
}
_database = DATABASES["default"]
# Opening a connection costs more than most queries: SQLite's runs two pragmas each time.
_database.setdefault("CONN_MAX_AGE", 60)
if _database["ENGINE"].endswith("sqlite3"):
    # Without WAL and IMMEDIATE two writers meet as "database is locked" (measured: 252 of 400).
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
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

REDIS_URL: str = env.str("REDIS_URL", default="")
CHANNEL_LAYER_PREFIX: str = env.str("CHANNEL_LAYER_PREFIX", default="ext-debug-layer")
_LAYER: dict[str, Any] = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
if REDIS_URL:
    # redis-py's default socket_timeout of 5 s kills an idle receiver about every 5 s; the
    # pub/sub layer with 15 s survived restarts. Control messages only, never data.
    _LAYER = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15, "socket_connect_timeout": 2}],
            "prefix": CHANNEL_LAYER_PREFIX,
        },
    }
CHANNEL_LAYERS = {"default": _LAYER}

# --- the debug console ---------------------------------------------------------------------
EXT_DEBUG_STREAM_PREFIX: str = env.str("RUNNER_DEBUG_REDIS_STREAM_PREFIX", default="ext-debug:")
# None: off in production, on elsewhere (the decision's first rule).
EXT_DEBUG_UI_ENABLED: bool | None = env.bool("EXT_DEBUG_UI_ENABLED", default=None)
# Lets one operator make the changes that need two in production; loud, and meant for nobody.
EXT_DEBUG_ONE_PERSON: bool = env.bool("EXT_DEBUG_ONE_PERSON", default=False)
EXT_DEBUG_STREAM_MODE: str = env.str("EXT_DEBUG_STREAM_MODE", default="redis").lower()
EXT_DEBUG_RETENTION_SECONDS: int = env.int("EXT_DEBUG_RETENTION_SECONDS", default=15 * 60)
# The fallback of EXT_DEBUG_STREAM_MODE=auto|runner: the runners' addresses separated by commas, the
# x-runner-auth token, and the key that signs what a session may read there.
RUNNER_URL: str = env.str("RUNNER_URL", default="")
RUNNER_AUTH_TOKEN: str = env.str("RUNNER_AUTH_TOKEN", default="")
RUNNER_DEBUG_STREAM_SECRET: str = env.str("RUNNER_DEBUG_STREAM_SECRET", default="")
REDACTION_KEY: str = env.str("REDACTION_KEY", default="")
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
# Ed25519 seed (64 hex digits) that signs the audit trail's checkpoints, and where they go.
AUDIT_SIGNING_KEY: str = env.str("AUDIT_SIGNING_KEY", default="")
AUDIT_CHECKPOINT_DIR: str = env.str("AUDIT_CHECKPOINT_DIR", default="")
# Public keys of earlier signing keys, so that their checkpoints still verify.
AUDIT_PUBLIC_KEYS: tuple[str, ...] = tuple(env.list("AUDIT_PUBLIC_KEYS", default=[]))

# --- telling approvers ---------------------------------------------------------------------
# Where links in messages lead; the first origin is the address people type.
EXT_DEBUG_BASE_URL: str = env.str("EXT_DEBUG_BASE_URL", default=(EXT_DEBUG_ORIGINS or [""])[0])
EXT_DEBUG_WEBHOOK_URL: str = env.str("EXT_DEBUG_WEBHOOK_URL", default="")
EXT_DEBUG_WEBHOOK_SECRET: str = env.str("EXT_DEBUG_WEBHOOK_SECRET", default="")
# smtp://user:password@host:587, smtp+tls:// for STARTTLS; without it messages go to the log.
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="debug-console@localhost")
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
STATIC_HASHED: bool = env.bool(
    "STATIC_HASHED", default=PRODUCTION and (STATIC_ROOT / "staticfiles.json").exists()
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

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        }
    },
    "filters": {"outages": {"()": "config.log_filters.Outages"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO").upper()},
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
        "uvicorn.error": {"level": "WARNING"},  # INFO writes a line per WebSocket, URL and all
        "daphne": {"level": "WARNING"},
    },
}
