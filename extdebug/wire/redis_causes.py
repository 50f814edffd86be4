"""Why a connection to Redis failed, in words that name what to set and show no password."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

_OF_A_CLUSTER: Final = (AskError, ClusterDownError, MovedError)
# In this order: MovedError is an AskError.
_OF_THE_SLOT: Final = (
    (MovedError, "another node of the cluster owns its slot now"),
    ((AskError, TryAgainError), "its slot is being moved to another node of the cluster"),
    (ClusterDownError, "the cluster is down, or this part of it"),
)


class NoMaster(RedisConnectionError):
    """No Sentinel names the master of a service, or no node of a cluster the owner of a slot; the
    message is for a person, without secrets."""


class SlotAway(RedisConnectionError):
    """The node of a cluster that we are connected to does not serve the slot now.

    `place`: where it sends us, if it knows. `heir`: the id of the node to which it gave the slot by
    itself, with all that was in it; empty where that is not proved.
    """

    def __init__(self, message: str, *, place: tuple[str, int] | None, heir: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.heir = heir


class SlotRefused(ResponseError):
    """A node of a cluster refused a command because of where its slot is, which passes. The message
    is for a person."""


def of_the_slot(error: BaseException) -> SlotRefused | None:
    """What such a refusal means to who named a cluster; None for any other error."""
    for kinds, words in _OF_THE_SLOT:
        if isinstance(error, kinds):
            return SlotRefused(words)
    return None


def cause(error: BaseException) -> str:
    """One line: the deepest known reason of `error`, else what it says of itself."""
    chain = list(_chain(error))
    for each in reversed(chain):
        if known := _known(each):
            return known
    said = next((str(each) for each in chain if str(each)), "")
    return f"{type(error).__name__}: {said}".removesuffix(": ").splitlines()[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _known(error: BaseException) -> str:
    """What the error means, if it is one that a setting mends; else nothing."""
    return _of_tls(error) or _of_the_network(error) or _of_the_server(error)


def _of_tls(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}): name the CA's file, by "
            "REDIS_TLS_CA_PATH or RUNNER_DEBUG_REDIS_TLS_CA_PATH or in the address, "
            "?ssl_ca_certs=FILE, and the host as the certificate does"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}): {_TLS}"
    if isinstance(error, FileNotFoundError | PermissionError):
        return (
            "a file that the address names cannot be read: ssl_ca_certs, ssl_certfile, ssl_keyfile"
        )
    return ""


def _of_the_network(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known to DNS"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens on this port"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return _CLOSED
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return "no way leads to its host"
    return ""


def _of_the_server(error: BaseException) -> str:
    said = str(error)
    if isinstance(error, NoMaster | SlotAway | SlotRefused):
        return said
    if isinstance(error, _OF_A_CLUSTER):
        return (
            f"it is a node of a cluster, which holds some of the streams ({type(error).__name__}): "
            "write redis+cluster://host:port,host:port/"
        )
    if isinstance(error, AuthenticationError):
        return "user or password is wrong, or one is needed"
    if isinstance(error, NoPermissionError):
        return f"its ACL forbids this: {said}"
    if isinstance(error, ResponseError) and "DB index" in said:
        return "it has no database with the number at the end of the address"
    if isinstance(error, ResponseError) and "unknown command 'SENTINEL'" in said:
        return "it is no Sentinel, but a server: Sentinels listen on port 26379 as a rule"
    if isinstance(error, TimeoutError) and "connecting" in said:
        return "no answer while connecting: a host that drops packets, or rediss:// on a plain port"
    return _CLOSED if said.startswith("Connection closed by server") else ""


_TLS: Final = "rediss:// needs a TLS port, and where the server asks for one a client certificate"
_CLOSED: Final = (
    "it closed the connection, as a TLS port does without rediss:// or without the client "
    "certificate that it asks for"
)
