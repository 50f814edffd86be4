"""Redis away in mode `auto`: sessions move to the runner, and back, and nothing comes twice."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.runner.build import build_guest
from extdebug.runner.components import Loaded
from tests.extdebug.runner.conftest import GUESTS
from tests.extdebug.test_live import receive, watching
from tests.fixtures.console import ROOT, Console
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer

AUTH = "an-auth-token-of-the-tests-0123456789"
SECRET = "a-stream-secret-of-the-tests-9876543210"


@pytest.fixture
def runner(edges: Loaded, redis_server: RedisServer, tmp_path: Path) -> Iterator[str]:
    """A runner process with its internal stream on; its URL."""
    folder = tmp_path / "components"
    folder.mkdir()
    data = build_guest(GUESTS / "edges.py.txt").read_bytes()
    (folder / f"{edges.content_hash}.wasm").write_bytes(data)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", str(tmp_path)),
        "RUNNER_DEBUG_REDIS_URL": redis_server.url, "RUNNER_COMPONENTS_DIR": str(folder),
        "RUNNER_PORT": str(port), "RUNNER_AUTH_TOKEN": AUTH,
        "RUNNER_DEBUG_STREAM_ENABLED": "1", "RUNNER_DEBUG_STREAM_SECRET": SECRET,
        "RUNNER_DEBUG_LOCAL_LOG": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "extdebug.runner", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), seconds=30, what="the runner")
        yield url
    finally:
        process.terminate()
        process.wait(15)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code > 0
    except httpx.TransportError:
        return False


async def test_a_session_moves_to_the_runner_and_back_and_nothing_comes_twice(
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
    runner: str,
    edges: Loaded,
) -> None:
    console = await sync_to_async(live_console)(
        redis_url=redis_server.url, EXT_DEBUG_STREAM_MODE="auto", RUNNER_URL=runner,
        RUNNER_AUTH_TOKEN=AUTH, RUNNER_DEBUG_STREAM_SECRET=SECRET,
    )  # fmt: skip
    seen: list[str] = []
    gaps: list[str] = []

    async def execute(request: str) -> None:
        body = {
            "context": {
                "tenant_id": "acme", "extension_id": "invoice-sync", "install_id": "inst-acme",
                "content_hash": edges.content_hash, "request_id": request,
            },
            "http": {"method": "POST", "path": "/order"},
        }  # fmt: skip
        async with httpx.AsyncClient(base_url=runner, headers={"x-runner-auth": AUTH}) as http:
            assert (await http.post("/v1/execute", json=body, timeout=20)).status_code == 200

    async def until(socket: Any, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                frame = await receive(socket, "", within=15)
                seen.extend(
                    f"{event['requestId']} {event['stream']} {event['message']}"
                    for event in frame.get("events", ())
                )
                if frame["type"] == "gap":
                    gaps.append(frame["reason"])
                if done(frame):
                    return frame

    def ends(request: str) -> Callable[[dict[str, Any]], bool]:
        return lambda frame: any(
            event["requestId"] == request and (event.get("fields") or {}).get("event") == "end"
            for event in frame.get("events", ())
        )

    def state(name: str) -> Callable[[dict[str, Any]], bool]:
        return lambda frame: frame.get("state") == name

    async with watching(console, cast.dan) as socket:
        await until(socket, state("live"))
        await execute("before")
        await until(socket, ends("before"))
        await asyncio.to_thread(redis_server.stop)
        limited = await until(socket, state("fallback"))
        assert "single runner pod" in limited["message"]
        await execute("while away")
        await until(socket, ends("while away"))
        await asyncio.to_thread(redis_server.start)
        await until(socket, state("live"))
        await execute("after")
        await until(socket, ends("after"))
    for request in ("before", "while away", "after"):
        lines = [line for line in seen if line.startswith(f"{request} ")]
        assert len(lines) == len(set(lines)) == 62, f"{request}: start, 60 lines and end, once each"
    assert "failover" in gaps, "the seam is marked"
