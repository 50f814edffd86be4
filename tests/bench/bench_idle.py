"""What an idle session costs in memory, and how long it takes to cut all of them.

    python -m tests.bench.bench_idle [--sessions 2000]

Opens the sessions on one process, waits until all are live, then suspends their tenant with plain
SQL and counts the seconds until the last socket is closed. Prints MB per 1,000 sessions beside
bare WebSockets that subscribe to nothing, on the same server in the same run.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.bench_fanout import Bench, pinned, wait_for


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def watchers(bench: Bench, port: int, frames: list[str], seconds: int) -> subprocess.Popen[bytes]:
    client = pinned(
        1, [bench.client, str(port), "/ws/ext-debug/", bench.cookie, "1", str(seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert client.stdin is not None
    client.stdin.write("\n".join(frames).encode() + b"\n")
    client.stdin.close()
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    options = parser.parse_args()
    subscribe = json.dumps({
        "type": "subscribe", "from": "now",
        "target": {"tenant": "acme", "extension": "invoice-sync"},
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            with bench.server("ours") as (port, pid):
                first = watchers(bench, port, [subscribe] * 10, 600)
                wait_for(first, "live")
                base = rss_mb(pid)
                began = time.monotonic()
                client = watchers(bench, port, [subscribe] * options.sessions, 900)
                wait_for(client, "live")
                opened = time.monotonic() - began
                time.sleep(2)
                lease = rss_mb(pid) - base
                with sqlite3.connect(Path(folder) / "bench.sqlite3", timeout=20) as database:
                    database.execute(
                        "UPDATE policies_tenant SET suspended_at = '2020-01-01 00:00:00' "
                        "WHERE key = 'acme'"
                    )
                database.close()
                cut = time.monotonic()
                client.wait(120)
                seconds = time.monotonic() - cut
                first.wait(120)
            print(
                f"{options.sessions} sessions opened in {opened:.1f} s; {lease:.1f} MB above the "
                f"base, {lease / options.sessions * 1000:.1f} MB per 1,000"
            )
            print(f"all cut {seconds:.2f} s after plain SQL suspended their tenant")
        finally:
            bench.redis.terminate()
            bench.redis.wait(10)


if __name__ == "__main__":
    main()
