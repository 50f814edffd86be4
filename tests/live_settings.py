"""Settings of the servers that tests start: config.settings, given by their environment."""

from config.settings import *  # noqa: F403

# The cast's passwords are hashed as the test process hashes them.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
