"""The runner's settings as declared: name, kind, range, default, meaning. `config` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from extdebug.wire.environment.kinds import Decimal, Flag, Folder, Text, Whole
from extdebug.wire.environment.setting import Setting
from extdebug.wire.environment.shared import (
    REDACTION_KEY,
    REDIS,
    RUNNER_AUTH_TOKEN,
    STREAM_PREFIX,
    STREAM_SECRET,
    tls_settings,
)
from extdebug.wire.truncation import MAX_MESSAGE_BYTES

KIB: Final = 1024
MIB: Final = 1024 * KIB

REDIS_URL: Final = Setting(
    name="RUNNER_DEBUG_REDIS_URL", kind=REDIS, default="", secret=True,
    default_words="none: local log only",
    meaning="where events are appended, with the runner's role",
)  # fmt: skip
REDIS_TLS: Final = tls_settings("RUNNER_DEBUG_")
REDIS_MAXLEN: Final = Setting(
    name="RUNNER_DEBUG_REDIS_MAXLEN", kind=Whole(100, 10_000_000), default=20_000,
    meaning="events kept in one stream, approximately",
)  # fmt: skip
MAX_EVENT_BYTES: Final = Setting(
    name="RUNNER_DEBUG_MAX_EVENT_BYTES", kind=Whole(64, 64 * KIB), default=MAX_MESSAGE_BYTES,
    meaning="longer messages are cut and marked",
)  # fmt: skip
RATE: Final = Setting(
    name="RUNNER_DEBUG_RATE", kind=Decimal(0, 1_000_000, zero="no limit"), default=2_000.0,
    meaning="events a second of one stream",
)  # fmt: skip
QUEUE_EVENTS: Final = Setting(
    name="RUNNER_DEBUG_QUEUE_EVENTS", kind=Whole(10, 1_000_000), default=10_000,
    meaning="waiting for Redis, per stream",
)  # fmt: skip
QUEUE_BYTES: Final = Setting(
    name="RUNNER_DEBUG_QUEUE_BYTES", kind=Whole(64 * KIB, 1024 * MIB), default=4 * MIB,
    meaning="the same in bytes",
)  # fmt: skip
TOTAL_BYTES: Final = Setting(
    name="RUNNER_DEBUG_TOTAL_BYTES", kind=Whole(128 * KIB, 8192 * MIB), default=32 * MIB,
    meaning="waiting for Redis in all; the oldest of the fattest stream goes first",
)  # fmt: skip
REDIS_TIMEOUT: Final = Setting(
    name="RUNNER_DEBUG_REDIS_TIMEOUT", kind=Decimal(1, 120, "seconds"), default=30.0,
    meaning="how long to wait for an answer",
)  # fmt: skip
FLUSH_TIMEOUT: Final = Setting(
    name="RUNNER_DEBUG_FLUSH_TIMEOUT", kind=Decimal(0, 60, "seconds"), default=5.0,
    meaning="how long to empty the queues at the end",
)  # fmt: skip
GUESS_LEVELS: Final = Setting(
    name="RUNNER_DEBUG_GUESS_LEVELS", kind=Flag(), default=True,
    meaning="guess the level of a plain line from its prefix (`ERROR …`, `INFO:app:…`, klog,"
    " logfmt); such events are marked",
)  # fmt: skip
LOCAL_LOG: Final = Setting(
    name="RUNNER_DEBUG_LOCAL_LOG", kind=Flag(), default=True,
    meaning="repeat events on the loggers `ext.stdout`, `ext.stderr`, `ext.log`",
)  # fmt: skip
COMPONENTS_DIR: Final = Setting[Path | None](
    name="RUNNER_COMPONENTS_DIR", kind=Folder(), default=None,
    meaning="components by content hash",
)  # fmt: skip
CACHE_DIR: Final = Setting[Path | None](
    name="RUNNER_CACHE_DIR", kind=Folder(made=True), default=None,
    default_words="the user's cache",
    meaning="compiled components; safe to delete",
)  # fmt: skip
TIMEOUT: Final = Setting(
    name="RUNNER_TIMEOUT", kind=Decimal(0.05, 600, "seconds"), default=10.0,
    meaning="how long one execution may take",
)  # fmt: skip
COMPILE_TIMEOUT: Final = Setting(
    name="RUNNER_COMPILE_TIMEOUT", kind=Decimal(1, 3600, "seconds"), default=120.0,
    meaning="how long a request waits for its component to be compiled",
)  # fmt: skip
MEMORY_MIB: Final = Setting(
    name="RUNNER_MEMORY_MIB", kind=Whole(1, 4096, "MiB"), default=256,
    meaning="memory of one execution",
)  # fmt: skip
FUEL: Final = Setting(
    name="RUNNER_FUEL", kind=Whole(0, 10**18, zero="no limit"), default=200_000_000_000,
    meaning="instructions of one execution",
)  # fmt: skip
CONCURRENCY: Final = Setting(
    name="RUNNER_CONCURRENCY", kind=Whole(1, 256), default=8, meaning="executions at a time"
)
HOST: Final = Setting(
    name="RUNNER_HOST",
    kind=Text("a host name or an IP address", r"[A-Za-z0-9._-]+|[0-9a-fA-F:.%]+"),
    default="127.0.0.1",
    meaning="where the HTTP server listens",
)
PORT: Final = Setting(
    name="RUNNER_PORT", kind=Whole(0, 65_535, zero="any free port"), default=8090,
    meaning="and on which port",
)  # fmt: skip
MAX_BODY_BYTES: Final = Setting(
    name="RUNNER_MAX_BODY_BYTES", kind=Whole(KIB, 256 * MIB), default=4 * MIB,
    meaning="largest request",
)  # fmt: skip
STREAM_ENABLED: Final = Setting(
    name="RUNNER_DEBUG_STREAM_ENABLED", kind=Flag(), default=False,
    meaning="the internal stream: diagnostics and fallback only",
)  # fmt: skip
STREAM_SESSIONS: Final = Setting(
    name="RUNNER_DEBUG_STREAM_SESSIONS", kind=Whole(1, 10_000), default=32,
    meaning="watchers of the internal stream",
)  # fmt: skip
STREAM_BYTES: Final = Setting(
    name="RUNNER_DEBUG_STREAM_BYTES", kind=Whole(64 * KIB, 64 * MIB), default=MIB,
    meaning="buffered for one of them",
)  # fmt: skip

DECLARED: Final[tuple[Setting[Any], ...]] = (
    REDIS_URL, *REDIS_TLS, STREAM_PREFIX, REDIS_MAXLEN, MAX_EVENT_BYTES, RATE, QUEUE_EVENTS,
    QUEUE_BYTES, TOTAL_BYTES, REDIS_TIMEOUT, FLUSH_TIMEOUT, GUESS_LEVELS, LOCAL_LOG, REDACTION_KEY,
    COMPONENTS_DIR, CACHE_DIR, TIMEOUT, COMPILE_TIMEOUT, MEMORY_MIB, FUEL, CONCURRENCY, HOST, PORT,
    RUNNER_AUTH_TOKEN, MAX_BODY_BYTES, STREAM_ENABLED, STREAM_SECRET, STREAM_SESSIONS, STREAM_BYTES,
)  # fmt: skip
