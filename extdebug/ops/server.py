"""Runs the console under uvicorn, with the socket and limits that a live tail needs.

uvicorn's defaults fit short requests. A watcher who stops reading must cost little memory and
must not hold up a shutdown (measured: more than 15 s with the defaults, 3.3 s with these).
"""

from __future__ import annotations

import gc
import socket
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.supervisors import ChangeReload

from extdebug.ops.frame_socket import FrameSocket
from extdebug.ops.http_limits import BoundedHttpProtocol
from extdebug.wire.environment.kinds import Whole

# The kernel may buffer this much for a watcher who does not read; our own window comes first.
SEND_BUFFER: Final = 131_072
# A peer that acknowledges nothing for this long is gone, and its socket with it.
USER_TIMEOUT_MS: Final = 20_000
# After SIGTERM: sessions are told within 8 s (extdebug's own drain), the rest is cut off.
GRACEFUL_SECONDS: Final = 10
# Clients send filters and acks: 16 KiB is the largest legal frame (protocol.MAX_FRAME_BYTES).
MAX_MESSAGE: Final = 65_536
BACKLOG: Final = 2048


class PortTaken(Exception):
    """Somebody already listens there, or the address is not ours. The message says which."""


def port_option(text: str) -> int:
    """A port as an option of a command: 0 takes any that is free."""
    try:
        return Whole(0, 65_535).parse(text)
    except ValueError:
        raise ArgumentTypeError(f"expected 0 to 65535, got {text!r}") from None


def listen(
    host: str, *, port: int, reuse_port: bool = False, accepting: bool = True
) -> socket.socket:
    """A listening socket whose options every accepted connection inherits; PortTaken if not.

    One that is not `accepting` names the port for others that listen, and gets no connections.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.bind((host, port))
        if accepting:
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortTaken(f"cannot listen on {host} port {port}: {error.strerror}") from error
    sock.set_inheritable(True)
    return sock


def config(*, trusted_proxies: list[str], reload: Sequence[Path] = ()) -> uvicorn.Config:
    """uvicorn's configuration; `trusted_proxies` may set the client's address and scheme.

    `reload` are the folders whose Python modules `run` watches; none means that it does not.
    """
    return uvicorn.Config(
        "config.asgi:application",
        http=BoundedHttpProtocol,
        ws=FrameSocket,
        log_config=None,  # Django's LOGGING holds
        access_log=False,  # the audit trail says who watched what; URLs can carry tickets
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        lifespan="on",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # costs 2-3 times the CPU of everything else together
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        reload=bool(reload),
        reload_dirs=[str(folder) for folder in reload] or None,
    )


def run(sock: socket.socket, *, trusted_proxies: list[str], reload: Sequence[Path] = ()) -> None:
    """Serve until SIGINT or SIGTERM.

    With `reload`, folders, a child process serves and is replaced when a module in one of them
    changes. The socket stays open meanwhile: a request waits for the new child.
    """
    chosen = config(trusted_proxies=trusted_proxies, reload=reload)
    if reload:
        ChangeReload(chosen, target=uvicorn.Server(chosen).run, sockets=[sock]).run()
        return
    spare_the_collector()
    uvicorn.Server(chosen).run(sockets=[sock])


def spare_the_collector() -> None:
    """What was imported lives as long as the process: the collector need not look at it again, and
    thousands of events in flight are no reason to look every 700 objects (12 % of a busy core)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
