"""Fan-out and latency of the whole product path, against one Redis connection per watcher.

    python -m tests.bench.bench_fanout [--rounds 3] [--watchers 50] [--events 20000]

Rounds alternate (A B A B); the server has core 0, everything else core 1. Prints rates, server
CPU per delivered event, and ratios within this run: the rates alone mean nothing elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hiredis
import httpx
import redis

from tests.fixtures.programs import free_port, redis_program, wait_until

ROOT = Path(__file__).resolve().parents[2]
KEY = "ext-debug:acme:invoice-sync"
MESSAGE = (
    "handled request path=/v1/orders/8731 status=200 rows=17 cache=miss "
    "upstream=pg-main took=18.4ms retry=0 user=42 ok"
)
STAMP = "0" * 19
ENTRY = {
    "ts": "1732356000000", "level": "info", "stream": "stdout", "tenant": "acme",
    "extension": "invoice-sync", "install": "inst-acme", "request": "req-0a1b2c3d",
    "version": "1.4.2", "content_hash": "sha256:0123456789abcdef01234567",
    "message": f"t={STAMP} {MESSAGE}",
}  # fmt: skip
CLOCK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / CLOCK


def pinned(core: int, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["taskset", "-c", str(core), *command], **options)


def publish(url: str, *, count: int, per_second: float | None) -> None:
    """Stamped entries, pipelined as fast as Redis takes them or at a rate."""
    flat = [part for pair in ENTRY.items() for part in pair]
    command: Any = ("XADD", KEY, "MAXLEN", "~", "200000", "*", *flat)
    packed = hiredis.pack_command(command)
    client = redis.Redis.from_url(url)
    connection = client.connection_pool.get_connection()
    mark = STAMP.encode()
    step = 100 if per_second is None else 1
    began = time.monotonic()
    for done in range(0, count, step):
        if per_second is not None:
            time.sleep(max(0.0, began + done / per_second - time.monotonic()))
        stamp = b"%019d" % time.monotonic_ns()
        connection.send_packed_command([packed.replace(mark, stamp, 1) * step])
        for _ in range(step):
            connection.read_response()
    client.close()


class Bench:
    """The processes of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_port = free_port()
        self.url = f"redis://127.0.0.1:{self.redis_port}/0"
        self.client = str(folder / "watchers")
        source = Path(__file__).with_name("watchers.c")
        subprocess.run(["gcc", "-O2", "-o", self.client, str(source)], check=True)
        command = [redis_program(), "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        self.redis = pinned(1, [*command, "--save", ""], stdout=subprocess.DEVNULL)
        wait_until(self._redis_answers, what="redis-server")
        self.environment = {
            **os.environ,
            "EXT_DEBUG_ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
            "REDIS_URL": self.url,
            "BENCH_REDIS": self.url,
            "LOG_LEVEL": "WARNING",
        }
        self.cookie = self._manage(_PREPARE).strip().splitlines()[-1]

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _manage(self, code: str) -> str:
        said = ""
        for arguments in (["migrate", "-v", "0"], ["shell", "-v", "0", "-c", code]):
            said = subprocess.run(
                [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment,
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
        return said

    @contextmanager
    def server(self, kind: str) -> Iterator[tuple[int, int]]:
        """(port, pid) of a running server on core 0."""
        port = free_port()
        environment = {**self.environment, "EXT_DEBUG_ORIGINS": f"http://127.0.0.1:{port}"}
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        if kind == "naive":
            command = [
                sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--port", str(port),
                "--log-level", "critical", "tests.bench.naive_app:application",
            ]  # fmt: skip
        process = pinned(0, command, cwd=ROOT, env=environment)
        try:
            wait_until(lambda: _answers(port), seconds=30, what=kind)
            yield port, process.pid
        finally:
            process.kill()  # a naive session does not notice that its watcher left
            process.wait(20)

    def measure(
        self, kind: str, *, watchers: int, events: int, per_second: float | None, filters: str
    ) -> dict[str, float]:
        """One round: connect, publish, count. `filters`: equal | different."""
        with redis.Redis.from_url(self.url) as client:
            client.delete(KEY)
        frames = []
        for number in range(watchers):
            wanted = {"q": f'-"nothing {number}"'} if filters == "different" else {}
            frames.append(json.dumps({
                "type": "subscribe", "from": "now", "filter": wanted,
                "target": {"tenant": "acme", "extension": "invoice-sync"},
            }))  # fmt: skip
        with self.server(kind) as (port, pid):
            client = pinned(
                1, [self.client, str(port), "/ws/ext-debug/", self.cookie, str(events), "60"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            assert client.stdin is not None
            client.stdin.write("\n".join(frames).encode() + b"\n")
            client.stdin.close()
            wait_for(client, "connected" if kind == "naive" else "live")
            time.sleep(1.0)  # a naive session says nothing when it is ready
            before = cpu_seconds(pid)
            publish(self.url, count=events, per_second=per_second)
            assert client.stdout is not None
            result: dict[str, float] = json.loads(client.stdout.read())
            result["cpu_us"] = (cpu_seconds(pid) - before) / max(result["events"], 1) * 1e6
            result["rate"] = result["events"] / max(result["seconds"], 1e-9)
            client.wait(10)
        return result


def wait_for(client: subprocess.Popen[bytes], word: str) -> None:
    """Read what the watchers say until one line has `word`."""
    assert client.stderr is not None
    for line in client.stderr:
        if word in line.decode():
            return
    raise AssertionError("the watchers ended early")


_PREPARE = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from extdebug.demo import sample
from policies.models import Limits
cast = sample.lay_out()
most = 2_000_000_000
Limits.objects.update_or_create(tenant=None, extension=None, defaults=dict(
    sessions_per_user=most, openings_per_minute=most, sessions_per_tenant=most,
    sessions_per_extension=most, events_per_second=most, bytes_per_second=most))
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(cast.dan.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = cast.dan.get_session_auth_hash()
session.create()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
"""


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        cases = {
            "ours, equal filters": ("ours", "equal", options.events, None),
            "ours, different filters": ("ours", "different", options.events, None),
            "a connection per watcher": ("naive", "equal", max(500, options.events // 20), None),
        }
        try:
            seen: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
            for _ in range(options.rounds):
                for name, (kind, filters, events, rate) in cases.items():
                    result = bench.measure(
                        kind, watchers=options.watchers, events=events, per_second=rate,
                        filters=filters,
                    )  # fmt: skip
                    seen[name].append(result)
                    print(name, result, flush=True)
            medians = {
                name: statistics.median(result["rate"] for result in results)
                for name, results in seen.items()
            }
            for name, results in seen.items():
                cpu = statistics.median(result["cpu_us"] for result in results)
                print(f"{name}: {medians[name]:,.0f} events/s, {cpu:.2f} us of CPU each")
            ours = medians["ours, equal filters"]
            naive = medians["a connection per watcher"]
            print(f"ours / a connection per watcher: {ours / naive:.1f}x")
            print(f"different / equal filters: {medians['ours, different filters'] / ours:.2f}")
            for kind in ("ours", "naive"):
                result = bench.measure(
                    kind, watchers=20, events=3000, per_second=500, filters="equal"
                )
                print(
                    f"latency {kind}, 500/s x 20: p50 {result['p50']:.2f} ms, "
                    f"p99 {result['p99']:.2f} ms, {result['cpu_us']:.1f} us of CPU per event"
                )
        finally:
            bench.redis.terminate()
            bench.redis.wait(10)


if __name__ == "__main__":
    main()
