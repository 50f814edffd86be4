"""Settings of the test run: config.settings under a fixed environment, whoever's shell it is."""

import os
from pathlib import Path

ENVIRONMENT = {
    "EXT_DEBUG_ENVIRONMENT": "development",
    "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "REDACTION_KEY": "redaction-key-for-tests-0123456789-abcdef",
    "EXT_DEBUG_ORIGINS": "http://127.0.0.1:8000,http://testserver",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "STATIC_HASHED": "false",
    "LOG_LEVEL": "WARNING",
}
# Anything the console would read and the list above does not set must not leak in.
_READ_BY_SETTINGS = (
    "DEBUG", "DATABASE_URL", "REDIS_URL", "HTTPS_ONLY", "BEHIND_TLS_PROXY", "EXT_DEBUG_UI_ENABLED",
    "EXT_DEBUG_STREAM_MODE", "EXT_DEBUG_RETENTION_SECONDS", "RUNNER_URL", "RUNNER_AUTH_TOKEN",
    "RUNNER_DEBUG_STREAM_SECRET", "EXT_DEBUG_ONE_PERSON",
    "RUNNER_DEBUG_REDIS_STREAM_PREFIX", "METRICS_TOKEN", "AUDIT_SIGNING_KEY",
    "AUDIT_CHECKPOINT_DIR", "CSRF_TRUSTED_ORIGINS", "TRUSTED_PROXIES", "CHANNEL_LAYER_PREFIX",
    "AUDIT_PUBLIC_KEYS", "EXT_DEBUG_BASE_URL", "EXT_DEBUG_WEBHOOK_URL", "EXT_DEBUG_WEBHOOK_SECRET",
    "EMAIL_URL", "DEFAULT_FROM_EMAIL", "SECRET_KEY_FALLBACKS", "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SESSION_COOKIE_AGE",
)  # fmt: skip
for _name in _READ_BY_SETTINGS:
    os.environ.pop(_name, None)
os.environ.update(ENVIRONMENT)

from config.settings import *  # noqa: E402, F403

# Hashing passwords slowly is the point everywhere but here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 - no thread keeps a test's database open
TESTS_DIR = Path(__file__).resolve().parent
# tests/run has a second pass on PostgreSQL and says where it is.
if _url := os.environ.get("TEST_DATABASE_URL"):
    DATABASES["default"] = env.db_url_config(_url)  # noqa: F405
