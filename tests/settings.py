"""Settings of the test run: config.settings under a fixed environment, whoever's shell it is."""

import os
from pathlib import Path

from config.bad_environment import database
from config.declared import DECLARED

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
for _declared in DECLARED:
    os.environ.pop(_declared.name, None)
    os.environ.pop(f"{_declared.name}_FILE", None)
os.environ.update(ENVIRONMENT)

from config.settings import *  # noqa: E402, F403

# Hashing passwords slowly is the point everywhere but here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 - no thread keeps a test's database open
TESTS_DIR = Path(__file__).resolve().parent
# tests/run has a second pass on PostgreSQL and says where it is.
if _url := os.environ.get("TEST_DATABASE_URL"):
    DATABASES["default"] = database(_url)  # noqa: F405
