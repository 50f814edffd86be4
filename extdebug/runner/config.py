"""The runner's settings, read from its own environment once and checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from extdebug.wire.truncation import MAX_MESSAGE_BYTES

Number = TypeVar("Number", int, float)

DEFAULT_PREFIX: Final = "ext-debug:"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
MIB: Final = 1024 * 1024


class ConfigError(ValueError):
    """A setting the runner cannot start with; the message names it and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherConfig:
    """What the publisher needs. Without `redis_url` events go to the local log only."""

    redis_url: str | None = field(default=None, repr=False)  # may carry a password
    prefix: str = DEFAULT_PREFIX
    maxlen: int = 20_000  # entries kept in one stream, approximately
    max_event_bytes: int = MAX_MESSAGE_BYTES
    rate: float = 2_000.0  # events a second of one stream; 0 = no limit
    lane_events: int = 10_000
    lane_bytes: int = 4 * MIB
    total_bytes: int = 32 * MIB
    # s; a frozen Redis that comes back answers on the same connection, and its answer decides.
    # A dead network path ends it sooner (TCP_USER_TIMEOUT).
    reply_timeout: float = 30.0
    flush_timeout: float = 5.0  # s to empty the queues on shutdown
    redaction_key: bytes | None = field(default=None, repr=False)
    guess_levels: bool = True  # from the prefixes of plain lines; such events are marked
    mirror: bool = True  # repeat every event on the ext.* loggers


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """Limits of one execution and where components and compiled code live."""

    components: Path | None = None
    cache: Path = field(default_factory=lambda: default_cache())  # noqa: PLW0108 - defined below
    timeout: float = 10.0  # s of one execution
    memory_bytes: int = 256 * MIB
    fuel: int = 200_000_000_000  # some 40 s of one core, a second wall; 0 = no limit
    concurrency: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Where the runner listens and whom it believes."""

    host: str = "127.0.0.1"
    port: int = 8090
    auth: str | None = field(default=None, repr=False)
    max_body_bytes: int = 4 * MIB
    stream_enabled: bool = False  # the internal debug stream: diagnostics and fallback only
    stream_secret: bytes | None = field(default=None, repr=False)
    stream_sessions: int = 32
    stream_bytes: int = MIB  # buffered for one session


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerConfig:
    publisher: PublisherConfig
    host: HostConfig
    server: ServerConfig
    notes: tuple[str, ...] = ()  # what an operator should know, said at start


def default_cache() -> Path:
    """Compiled components and built guests; safe to delete."""
    import os

    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "extension-debug-console"


def load(environ: Mapping[str, str]) -> RunnerConfig:
    """ConfigError for anything that is set and wrong; unset means the default."""
    read = _Reader(environ)
    publisher = PublisherConfig(
        redis_url=read.text("RUNNER_DEBUG_REDIS_URL"),
        prefix=read.text("RUNNER_DEBUG_REDIS_STREAM_PREFIX") or DEFAULT_PREFIX,
        maxlen=read.number("RUNNER_DEBUG_REDIS_MAXLEN", 20_000, least=100, most=10_000_000),
        max_event_bytes=read.number(
            "RUNNER_DEBUG_MAX_EVENT_BYTES", MAX_MESSAGE_BYTES, least=64, most=64 * 1024
        ),
        rate=read.number("RUNNER_DEBUG_RATE", 2_000.0, least=0.0, most=1e6),
        lane_events=read.number("RUNNER_DEBUG_QUEUE_EVENTS", 10_000, least=10, most=1_000_000),
        lane_bytes=read.number(
            "RUNNER_DEBUG_QUEUE_BYTES", 4 * MIB, least=64 * 1024, most=1024 * MIB
        ),
        total_bytes=read.number(
            "RUNNER_DEBUG_TOTAL_BYTES", 32 * MIB, least=128 * 1024, most=8192 * MIB
        ),
        reply_timeout=read.number("RUNNER_DEBUG_REDIS_TIMEOUT", 30.0, least=1.0, most=120.0),
        flush_timeout=read.number("RUNNER_DEBUG_FLUSH_TIMEOUT", 5.0, least=0.0, most=60.0),
        redaction_key=read.secret("REDACTION_KEY"),
        guess_levels=read.flag("RUNNER_DEBUG_GUESS_LEVELS", default=True),
        mirror=read.flag("RUNNER_DEBUG_LOCAL_LOG", default=True),
    )
    host = HostConfig(
        components=Path(folder) if (folder := read.text("RUNNER_COMPONENTS_DIR")) else None,
        cache=Path(cache) if (cache := read.text("RUNNER_CACHE_DIR")) else default_cache(),
        timeout=read.number("RUNNER_TIMEOUT", 10.0, least=0.05, most=600.0),
        memory_bytes=read.number("RUNNER_MEMORY_MIB", 256, least=1, most=4096) * MIB,
        fuel=read.number("RUNNER_FUEL", 200_000_000_000, least=0, most=10**18),
        concurrency=read.number("RUNNER_CONCURRENCY", 8, least=1, most=256),
    )
    return RunnerConfig(
        publisher=publisher,
        host=host,
        server=_server(read),
        notes=_notes(publisher),
    )


def _server(read: _Reader) -> ServerConfig:
    server = ServerConfig(
        host=read.text("RUNNER_HOST") or "127.0.0.1",
        port=read.number("RUNNER_PORT", 8090, least=0, most=65535),
        auth=read.text("RUNNER_AUTH_TOKEN"),
        max_body_bytes=read.number("RUNNER_MAX_BODY_BYTES", 4 * MIB, least=1024, most=256 * MIB),
        stream_enabled=read.flag("RUNNER_DEBUG_STREAM_ENABLED", default=False),
        stream_secret=read.secret("RUNNER_DEBUG_STREAM_SECRET"),
        stream_sessions=read.number("RUNNER_DEBUG_STREAM_SESSIONS", 32, least=1, most=10_000),
        stream_bytes=read.number("RUNNER_DEBUG_STREAM_BYTES", MIB, least=64 * 1024, most=64 * MIB),
    )
    if server.auth is not None and len(server.auth) < 16:
        raise ConfigError("RUNNER_AUTH_TOKEN: expected at least 16 characters")
    if server.stream_secret is not None and len(server.stream_secret) < 32:
        raise ConfigError("RUNNER_DEBUG_STREAM_SECRET: expected at least 32 bytes")
    if server.stream_enabled and server.stream_secret is None:
        raise ConfigError(
            "RUNNER_DEBUG_STREAM_ENABLED needs RUNNER_DEBUG_STREAM_SECRET, the key that the "
            "console signs its tokens with"
        )
    return server


def _notes(publisher: PublisherConfig) -> tuple[str, ...]:
    notes: list[str] = []
    if publisher.redis_url is None:
        notes.append("RUNNER_DEBUG_REDIS_URL is not set: events go to the local log only")
    if publisher.redaction_key is None:
        notes.append("REDACTION_KEY is not set: masks carry no token to correlate by")
    return tuple(notes)


class _Reader:
    """Reads settings by type; every error names the variable."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def secret(self, name: str) -> bytes | None:
        """The value, or the content of the file that NAME_FILE names (a mounted secret)."""
        value = self.text(name)
        path = self.text(f"{name}_FILE")
        if value and path:
            raise ConfigError(f"{name} and {name}_FILE are both set; set one")
        if path:
            try:
                value = Path(path).read_text().strip()
            except OSError as error:
                raise ConfigError(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
        return value.encode() if value else None

    def flag(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off"):
            return False
        raise ConfigError(f"{name}: expected true or false, got {text!r}")

    def number(self, name: str, default: Number, *, least: Number, most: Number) -> Number:
        text = self.text(name)
        if text is None:
            return default
        try:
            value = type(default)(text)
        except ValueError as error:
            raise ConfigError(f"{name}: expected a number, got {text!r}") from error
        if not least <= value <= most:
            raise ConfigError(f"{name}: expected {least} to {most}, got {text}")
        return value
