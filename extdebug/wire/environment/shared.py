"""The settings that console and runner both read: each must mean the same on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from extdebug.wire.environment.kinds import File, RedisUrl, Secret, Text
from extdebug.wire.environment.setting import Environment, Setting
from extdebug.wire.redis_address import with_files

# Redis takes any bytes, ACL patterns and key globs do not.
PREFIX_PATTERN: Final = r"[A-Za-z0-9._:-]{1,64}"
REDIS: Final = RedisUrl()
TLS_SCHEMES: Final = ("rediss://", "rediss+sentinel://", "rediss+cluster://")


# The options of redis-py's connections that name files, in the order of `tls_settings`.
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def tls_settings(prefix: str) -> tuple[Setting[Path | None], ...]:
    """The files by which a process trusts Redis over TLS and is known to it."""
    return tuple(
        Setting[Path | None](
            name=f"{prefix}REDIS_TLS_{what}_PATH", kind=File(), default=None,
            default_words=words, meaning=meaning,
        )
        for what, words, meaning in (
            ("CA", "the system's", "PEM of the CAs that sign certificates of Redis and Sentinels"),
            ("CERT", "none", "PEM of the client certificate that Redis asks for"),
            ("KEY", "in the certificate's file", "PEM of its key"),
        )
    )  # fmt: skip


def read_tls(
    environment: Environment, settings: tuple[Setting[Path | None], ...]
) -> dict[str, str]:
    """The files that are set, by the name of their option."""
    paths = [environment.read(setting) for setting in settings]
    return {option: str(path) for option, path in zip(_FILES, paths, strict=True) if path}


def read_redis(environment: Environment, setting: Setting[str], *, files: dict[str, str]) -> str:
    """An address with the files of `read_tls` in it, where it does not name its own."""
    url = environment.read(setting)
    if not files or not url:
        return url
    if not url.startswith(TLS_SCHEMES):
        environment.problems.append(
            f"{setting.name}: expected {' or '.join(TLS_SCHEMES)} with certificates of Redis set, "
            "got an address without TLS"
        )
        return url
    return with_files(url, **files)


STREAM_PREFIX: Final = Setting(
    name="RUNNER_DEBUG_REDIS_STREAM_PREFIX",
    kind=Text("1 to 64 characters of letters, digits and . _ : -", PREFIX_PATTERN),
    default="ext-debug:",
    meaning="first part of every stream's key, the same on consoles and runners",
)
REDACTION_KEY: Final = Setting(
    name="REDACTION_KEY",
    kind=Secret(),
    default="",
    secret=True,
    meaning="makes the tokens of masks; the same on consoles and runners, not the `SECRET_KEY`",
)
RUNNER_AUTH_TOKEN: Final = Setting(
    name="RUNNER_AUTH_TOKEN",
    kind=Secret(16),
    default="",
    secret=True,
    meaning="what callers show a runner in `x-runner-auth`, the console among them",
)
STREAM_SECRET: Final = Setting(
    name="RUNNER_DEBUG_STREAM_SECRET",
    kind=Secret(32),
    default="",
    secret=True,
    meaning="the console signs with it what a session may read of a runner's internal stream",
)
