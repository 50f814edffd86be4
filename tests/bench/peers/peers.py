"""The servers that are measured side by side, how each is started and which part is missing here.

ours is the console's real path: `manage.py serve`, sign-in, decision, redaction, acknowledgements.
The peers do none of that: they are what delivering alone costs.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.bench.processes import SERVER, running
from tests.bench.stage import STREAM, Server, Stage
from tests.files import ROOT
from tests.fixtures.programs import free_port, wait_until

HERE: Final = Path(__file__).parent
MODULES: Final = ROOT / ".cache" / "bench" / "node"
NCHAN_DIRS: Final = (
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/share/nginx/modules",
)


class Peer(StrEnum):
    """Who is measured; the value heads a column of the table."""

    OURS = "ours"
    SEED = "seed's design"  # Node, server-sent events, a Redis connection per watcher
    NCHAN = "Nchan"
    UVICORN = "bare uvicorn"


def missing(peer: Peer) -> str:
    """Why this peer cannot run here; empty if it can. npm is asked once, for the modules."""
    if peer is Peer.SEED:
        if shutil.which("node") is None:
            return "node is not installed"
        return _install_modules()
    if peer is Peer.NCHAN:
        if shutil.which("nginx") is None:
            return "nginx is not installed"
        if _nchan_module() is None:
            return "nginx has no Nchan module (Debian package: libnginx-mod-nchan)"
    return ""


def _nchan_module() -> Path | None:
    paths = [Path(folder) / "ngx_nchan_module.so" for folder in NCHAN_DIRS]
    return next((path for path in paths if path.exists()), None)


def _install_modules() -> str:
    """Install what package.json pins into .cache, once per lock; why not, if not."""
    lock = (HERE / "package-lock.json").read_bytes()
    installed = MODULES / "installed.json"
    MODULES.mkdir(parents=True, exist_ok=True)
    with (MODULES / ".lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)  # another bench may be installing them
        if installed.exists() and installed.read_bytes() == lock:
            return ""
        if shutil.which("npm") is None:
            return "npm is not installed, and the peer's modules are not there yet"
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, MODULES / name)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=MODULES, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            return f"npm could not install the peer's modules: {done.stderr[-300:]}"
        installed.write_bytes(lock)
    return ""


@contextmanager
def serving(stage: Stage, peer: Peer, *, frame: int = 100) -> Iterator[Server]:
    """This peer on the server's core; `frame` is how many events bare uvicorn sends at once."""
    if peer is Peer.OURS:
        with stage.console() as server:
            yield server
        return
    port = free_port()
    environment = dict(stage.environment)
    if peer is Peer.SEED:
        script = str(HERE / "node_per_watcher.mjs")
        command = ["node", script, str(MODULES), str(port), stage.redis_url, STREAM]
    elif peer is Peer.NCHAN:
        configuration = stage.folder / "nginx.conf"
        text = (HERE / "nginx.conf").read_text()
        configuration.write_text(
            text.format(folder=stage.folder, port=port, module=_nchan_module())
        )
        command = ["nginx", "-c", str(configuration)]
    else:
        command = [
            sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--ws", "websockets-sansio",
            "--ws-per-message-deflate", "false", "--lifespan", "off", "--backlog", "4096",
            "--log-level", "error", "--port", str(port),
            "tests.bench.peers.shared_reader:application",
        ]  # fmt: skip
        environment |= {
            "BENCH_REDIS": stage.redis_url, "BENCH_STREAM": STREAM, "BENCH_FRAME": str(frame),
        }  # fmt: skip
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(SERVER, command, cwd=ROOT, env=environment, **silent) as process:
        wait_until(lambda: _listens(port), seconds=30, what=f"{peer} listens")
        yield Server(port, process.pid)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
