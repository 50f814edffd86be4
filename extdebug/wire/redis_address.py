"""Where a Redis is: a server, a Unix socket, the Sentinels that know the master, or a cluster.

redis://user:password@host:port/index, rediss:// with TLS, unix:///path?db=index: as redis-py reads
them. redis+sentinel://user:password@host:port,host:port/service/index, rediss+sentinel:// with TLS:
user and password are the server's, `sentinel_username` and `sentinel_password` the Sentinels'.
redis+cluster://user:password@host:port,host:port/, rediss+cluster:// with TLS: some of the nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url

SENTINEL_PORT: Final = 26379
NODE_PORT: Final = 6379
_SENTINEL: Final = "+sentinel"
_CLUSTER: Final = "+cluster"
_INDEX: Final = r"(/[0-9]{0,4})?"
_SERVICE: Final = r"/([A-Za-z0-9._-]{1,64})" + _INDEX  # the letters that a Sentinel takes


class Transport(StrEnum):
    TCP = "redis"
    TLS = "rediss"
    UNIX = "unix"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """An address taken apart. `options` are keyword arguments of redis-py's connections, host and
    port among them unless `sentinels`, or `nodes` of a cluster (host and port of each), have to be
    asked for these."""

    transport: Transport
    options: Mapping[str, Any]
    sentinels: tuple[tuple[str, int], ...] = ()
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_options: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> RedisAddress:
        """ValueError for what is no address, and for options that a connection does not have."""
        scheme, found, rest = text.partition("://")
        if not found or re.search(r"[\s#]", text):
            raise ValueError("no address")
        transport = Transport(scheme.removesuffix(_SENTINEL).removesuffix(_CLUSTER))
        if scheme == f"{transport}{_CLUSTER}":
            return _of_a_cluster(rest, transport)
        if scheme != f"{transport}{_SENTINEL}":
            return _of_a_server(text, transport)
        if transport is Transport.UNIX:
            raise ValueError("Sentinels are asked over TCP")
        user, hosts, path, query = _parts(rest)
        names = re.fullmatch(_SERVICE, path)
        if names is None:
            raise ValueError("no service")
        options = _options(f"{transport}://{user}sentinels{names[2] or ''}?{query}")
        del options["host"]
        own = {
            "username": options.pop("sentinel_username", None),
            "password": options.pop("sentinel_password", None),
            **{name: value for name, value in options.items() if name.startswith("ssl_")},
        }
        return _checked(
            cls(
                transport=transport, options=options, service=names[1], sentinel_options=own,
                sentinels=tuple(_host(each, SENTINEL_PORT) for each in hosts),
            )
        )  # fmt: skip


def with_files(text: str, **files: str) -> str:
    """The address with these options (`ssl_ca_certs=...`) in it, except those that it has."""
    address, _, query = text.partition("?")
    more = {name: path for name, path in files.items() if name not in parse_qs(query)}
    return f"{address}?{'&'.join(filter(None, (query, urlencode(more))))}" if more else text


def _of_a_cluster(rest: str, transport: Transport) -> RedisAddress:
    if transport is Transport.UNIX:
        raise ValueError("nodes are asked over TCP")
    user, hosts, path, query = _parts(rest)
    options = _options(f"{transport}://{user}nodes?{query}")
    del options["host"]
    if path not in ("", "/", "/0") or options.pop("db", 0) != 0:
        raise ValueError("a cluster has database 0 alone")
    return _checked(
        RedisAddress(
            transport=transport, options=options, sentinel_options={},
            nodes=tuple(_host(each, NODE_PORT) for each in hosts),
        )
    )  # fmt: skip


def _parts(rest: str) -> tuple[str, list[str], str, str]:
    """User and password with the @ behind them, hosts, the path with its slash, the query."""
    place, _, query = rest.partition("?")
    hosts, slash, path = place.partition("/")
    user, at, hosts = hosts.partition("@") if "@" in hosts else ("", "", hosts)
    return user + at, hosts.split(","), slash + path, query


def _of_a_server(text: str, transport: Transport) -> RedisAddress:
    parts = urlsplit(text)  # ValueError, and so are a port that is none and one above 65535
    if transport is not Transport.UNIX:
        if not parts.hostname or parts.port == 0:
            raise ValueError("no host")
        if not re.fullmatch(_INDEX, parts.path):
            raise ValueError("path")
    return _checked(RedisAddress(transport=transport, options=_options(text), sentinel_options={}))


def _options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_url(url))
    options.pop("connection_class", None)  # which one depends on who connects: see redis_clients
    return options


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"redis://{text}")
    if not parts.hostname or parts.port == 0 or parts.path or parts.username is not None:
        raise ValueError("no host")
    return parts.hostname, parts.port or port


def _checked(address: RedisAddress) -> RedisAddress:
    """ValueError for options that redis-py does not have, or values that they cannot have."""
    classes = {
        Transport.TCP: Connection,
        Transport.TLS: SSLConnection,
        Transport.UNIX: UnixDomainSocketConnection,
    }
    try:
        for options in filter(None, (address.options, address.sentinel_options)):
            classes[address.transport](**options)  # connects to nothing yet
    except TypeError as error:
        raise ValueError(str(error)) from error
    return address
