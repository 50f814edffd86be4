"""The runner's settings, read from its own environment once and checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extdebug.runner import declared
from extdebug.runner.declared import MIB
from extdebug.wire.environment.setting import Environment
from extdebug.wire.environment.shared import (
    REDACTION_KEY,
    RUNNER_AUTH_TOKEN,
    STREAM_PREFIX,
    STREAM_SECRET,
    read_redis,
    read_tls,
)

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ConfigError(ValueError):
    """Settings the runner cannot start with, in a line each: name, what was expected, what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherConfig:
    """What the publisher needs. Without `redis_url` events go to the local log only."""

    redis_url: str | None = field(default=None, repr=False)  # may carry a password
    prefix: str = STREAM_PREFIX.default
    maxlen: int = declared.REDIS_MAXLEN.default  # entries kept in one stream, approximately
    max_event_bytes: int = declared.MAX_EVENT_BYTES.default
    rate: float = declared.RATE.default  # events a second of one stream; 0 = no limit
    lane_events: int = declared.QUEUE_EVENTS.default
    lane_bytes: int = declared.QUEUE_BYTES.default
    total_bytes: int = declared.TOTAL_BYTES.default
    # s; a frozen Redis that comes back answers on the same connection, and its answer decides.
    # A dead network path ends it sooner (TCP_USER_TIMEOUT).
    reply_timeout: float = declared.REDIS_TIMEOUT.default
    flush_timeout: float = declared.FLUSH_TIMEOUT.default  # s to empty the queues on shutdown
    redaction_key: bytes | None = field(default=None, repr=False)
    # from the prefixes of plain lines; such events are marked
    guess_levels: bool = declared.GUESS_LEVELS.default
    mirror: bool = declared.LOCAL_LOG.default  # repeat every event on the ext.* loggers


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """Limits of one execution and where components and compiled code live."""

    components: Path | None = None
    cache: Path = field(default_factory=lambda: default_cache())  # noqa: PLW0108 - defined below
    timeout: float = declared.TIMEOUT.default  # s of one execution
    compile_timeout: float = declared.COMPILE_TIMEOUT.default  # s a request waits for it
    memory_bytes: int = declared.MEMORY_MIB.default * MIB
    fuel: int = declared.FUEL.default  # some 40 s of one core, a second wall; 0 = no limit
    concurrency: int = declared.CONCURRENCY.default


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Where the runner listens and whom it believes."""

    host: str = declared.HOST.default
    port: int = declared.PORT.default
    auth: str | None = field(default=None, repr=False)
    max_body_bytes: int = declared.MAX_BODY_BYTES.default
    stream_enabled: bool = (
        declared.STREAM_ENABLED.default
    )  # the internal debug stream: diagnostics and fallback only
    stream_secret: bytes | None = field(default=None, repr=False)
    stream_sessions: int = declared.STREAM_SESSIONS.default
    stream_bytes: int = declared.STREAM_BYTES.default  # buffered for one session


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


def load(variables: Mapping[str, str]) -> RunnerConfig:
    """ConfigError with one line for each setting that is set and wrong; unset means the default."""
    environment = Environment(variables)
    read = environment.read
    files = read_tls(environment, declared.REDIS_TLS)
    publisher = PublisherConfig(
        redis_url=read_redis(environment, declared.REDIS_URL, files=files) or None,
        prefix=read(STREAM_PREFIX),
        maxlen=read(declared.REDIS_MAXLEN),
        max_event_bytes=read(declared.MAX_EVENT_BYTES),
        rate=read(declared.RATE),
        lane_events=read(declared.QUEUE_EVENTS),
        lane_bytes=read(declared.QUEUE_BYTES),
        total_bytes=read(declared.TOTAL_BYTES),
        reply_timeout=read(declared.REDIS_TIMEOUT),
        flush_timeout=read(declared.FLUSH_TIMEOUT),
        redaction_key=read(REDACTION_KEY).encode() or None,
        guess_levels=read(declared.GUESS_LEVELS),
        mirror=read(declared.LOCAL_LOG),
    )
    host = HostConfig(
        components=read(declared.COMPONENTS_DIR),
        cache=read(declared.CACHE_DIR) or default_cache(),
        timeout=read(declared.TIMEOUT),
        compile_timeout=read(declared.COMPILE_TIMEOUT),
        memory_bytes=read(declared.MEMORY_MIB) * MIB,
        fuel=read(declared.FUEL),
        concurrency=read(declared.CONCURRENCY),
    )
    server = ServerConfig(
        host=read(declared.HOST),
        port=read(declared.PORT),
        auth=read(RUNNER_AUTH_TOKEN) or None,
        max_body_bytes=read(declared.MAX_BODY_BYTES),
        stream_enabled=read(declared.STREAM_ENABLED),
        stream_secret=read(STREAM_SECRET).encode() or None,
        stream_sessions=read(declared.STREAM_SESSIONS),
        stream_bytes=read(declared.STREAM_BYTES),
    )
    if not environment.problems and server.stream_enabled and server.stream_secret is None:
        environment.problems.append(
            f"{declared.STREAM_ENABLED.name}: expected {STREAM_SECRET.name} with it, the key that "
            "the console signs its tokens with, got none"
        )
    if environment.problems:
        raise ConfigError("\n".join(environment.problems))
    return RunnerConfig(publisher=publisher, host=host, server=server, notes=_notes(publisher))


def _notes(publisher: PublisherConfig) -> tuple[str, ...]:
    notes: list[str] = []
    if publisher.redis_url is None:
        notes.append("RUNNER_DEBUG_REDIS_URL is not set: events go to the local log only")
    if publisher.redaction_key is None:
        notes.append("REDACTION_KEY is not set: masks carry no token to correlate by")
    return tuple(notes)
