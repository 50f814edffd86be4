"""Sample traffic: requests of several tenants to one guest, slow, bursting and broken ones."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from extdebug.runner.context import RequestFlow
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.runner.wasm.execution import Call, ComponentError, ExecutionFailed, HttpRequest
from extdebug.runner.wasm.host import Host

# What a request does, and how often of 100.
MIX: Final = (("/sync", 62), ("/retry", 14), ("/fail", 12), ("/burst?lines=150", 8), ("/crash", 4))
MOST_IN_FLIGHT: Final = 12
# How long a stop waits for requests in flight; the sample's longest takes about a second.
STOP_WAIT: Final = 3.0  # s

Install = tuple[str, str]


def run_demo(
    host: Host,
    loaded: LoadedComponent,
    *,
    installs: Sequence[Install],
    extension: str,
    rate: float,
    stop: threading.Event,
) -> None:
    """Start `rate` requests a second until `stop` is set, and wait for those that still run."""
    dice = random.Random()
    paths = [path for path, _ in MIX]
    weights = [weight for _, weight in MIX]
    running: set[Future[None]] = set()
    pool = ThreadPoolExecutor(MOST_IN_FLIGHT, thread_name_prefix="guest")
    try:
        while not stop.is_set():
            tenant, install = dice.choice(installs)
            (path,) = dice.choices(paths, weights)
            flow = RequestFlow.of(
                tenant,
                extension=extension,
                install=install,
                request=f"req-{secrets.token_hex(4)}",
                version="1.4.2",
                content_hash=loaded.content_hash,
            )
            call = Call(flow=flow, http=HttpRequest(method="POST", url=path))
            running.add(pool.submit(_execute, host, loaded, call))
            running = {future for future in running if not future.done()}
            while len(running) >= MOST_IN_FLIGHT and not stop.is_set():
                running = wait(running, timeout=0.1).not_done
            stop.wait(dice.expovariate(rate) if rate < 20 else 1 / rate)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    wait(running, timeout=STOP_WAIT)


def _execute(host: Host, loaded: LoadedComponent, call: Call) -> None:
    try:
        host.execute(loaded, call)
    except (ExecutionFailed, ComponentError):
        return  # its flow says what happened; that is what the demo is there to show
