"""Guests built once, a host, and everything their flows were told."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from extdebug.runner.config import MIB, HostConfig, PublisherConfig
from extdebug.runner.context import Flow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.publish.redacting_encoder import NoRedaction
from extdebug.runner.wasm.build import PLATFORM_WORLD, build_guest
from extdebug.runner.wasm.components import Loaded
from extdebug.runner.wasm.execution import Call, CallLimits, HttpRequest, HttpResponse
from extdebug.runner.wasm.host import Host
from extdebug.wire.entries import from_entry
from extdebug.wire.events import Event
from extdebug.wire.positions import EntryId
from tests.extdebug.runner.javascript import build_javascript
from tests.fixtures.console import ROOT
from tests.fixtures.programs import free_port, wait_until

GUESTS = Path(__file__).parent / "guests"
# What a console and a runner share for the internal stream.
SHARED = {
    "RUNNER_AUTH_TOKEN": "an-auth-token-of-the-tests-0123456789",
    "RUNNER_DEBUG_STREAM_SECRET": "a-stream-secret-of-the-tests-9876543210",
}


class Bench:
    """A host whose publisher hands every entry here, decoded by the console's codec."""

    def __init__(self) -> None:
        config = PublisherConfig(mirror=False, rate=0)
        self.publisher = Publisher(config, redaction=NoRedaction())
        self.host = Host(HostConfig(timeout=5.0, memory_bytes=128 * MIB), self.publisher)
        self.raw: list[tuple[tuple[str, str], list[str | bytes]]] = []
        self.publisher.tap(lambda stream, _, entry: self.raw.append((stream, entry)))

    def run(
        self,
        guest: Loaded,
        url: str,
        *,
        tenant: str = "acme",
        request: str = "r-1",
        limits: CallLimits | None = None,
        **http: object,
    ) -> HttpResponse:
        flow = Flow.of(
            tenant,
            extension="invoice-sync",
            install=f"inst-{tenant}",
            request=request,
            version="1.2",
            content_hash=guest.content_hash,
        )
        asked = HttpRequest(url=url, **http)  # type: ignore[arg-type]
        return self.host.execute(guest, Call(flow=flow, http=asked, limits=limits or CallLimits()))

    def events(self) -> list[Event]:
        """What came since the last time this was asked."""
        assert self.publisher.flush(10)
        raw, self.raw[:] = list(self.raw), []
        return [
            from_entry(
                [part if isinstance(part, bytes) else part.encode() for part in entry],
                id=EntryId(1, number),
                tenant=stream[0],
                extension=stream[1],
            )[0]
            for number, (stream, entry) in enumerate(raw)
        ]


@pytest.fixture(scope="session")
def shared_bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.publisher.close(0)


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    shared_bench.events()
    return shared_bench


@pytest.fixture(scope="session")
def edges(shared_bench: Bench) -> Loaded:
    return shared_bench.host.components.load(build_guest(GUESTS / "edges.py.txt").read_bytes())


@pytest.fixture(scope="session")
def every_import(shared_bench: Bench) -> Loaded:
    """A Python component of the platform's own world: it knows nothing of ours."""
    path = build_guest(GUESTS / "every_import.py.txt", world=PLATFORM_WORLD)
    return shared_bench.host.components.load(path.read_bytes())


@pytest.fixture(scope="session")
def every_import_js(shared_bench: Bench) -> Loaded:
    path = build_javascript(GUESTS / "every_import.js")
    return shared_bench.host.components.load(path.read_bytes())


@pytest.fixture
def runner_process(edges: Loaded, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`start(redis_url) -> url`: a runner that has `edges`, with its internal stream on."""
    folder = tmp_path / "components"
    folder.mkdir()
    data = build_guest(GUESTS / "edges.py.txt").read_bytes()
    (folder / f"{edges.content_hash}.wasm").write_bytes(data)
    processes: list[subprocess.Popen[bytes]] = []

    def start(redis_url: str) -> str:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", str(tmp_path)),
            "RUNNER_DEBUG_REDIS_URL": redis_url, "RUNNER_COMPONENTS_DIR": str(folder),
            "RUNNER_PORT": str(port), "RUNNER_DEBUG_STREAM_ENABLED": "1",
            "RUNNER_DEBUG_LOCAL_LOG": "0", **SHARED,
        }  # fmt: skip
        command = [sys.executable, "-m", "extdebug.runner", "serve"]
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url), seconds=30, what="the runner")
        return url

    yield start
    for process in processes:
        process.terminate()
        process.wait(15)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code > 0
    except httpx.TransportError:
        return False


async def execute_at(runner: str, guest: Loaded, request: str) -> None:
    """One order at acme's install: a start, 60 lines and an end."""
    body = {
        "context": {
            "tenant_id": "acme", "extension_id": "invoice-sync", "install_id": "inst-acme",
            "content_hash": guest.content_hash, "request_id": request,
        },
        "http": {"method": "POST", "path": "/order"},
    }  # fmt: skip
    auth = {"x-runner-auth": SHARED["RUNNER_AUTH_TOKEN"]}
    async with httpx.AsyncClient(base_url=runner, headers=auth) as http:
        assert (await http.post("/v1/execute", json=body, timeout=20)).status_code == 200
