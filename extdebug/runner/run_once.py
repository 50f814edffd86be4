"""`run`: one component from a file, executed once or many times, its answer on stdout."""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from extdebug.runner.config import RunnerConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.execution import Call, ComponentError, ExecutionFailed, HttpRequest
from extdebug.runner.wasm.host import Host

SLOW: Final = 1.0  # s; what the cache has is there by then


def run_component(options: argparse.Namespace, config: RunnerConfig) -> int:
    """0 when every execution answered, else 1; the last answer and the counts go to stdout."""
    publisher = Publisher(config.publisher)
    host = Host(config.host, publisher)
    try:
        slow = threading.Timer(SLOW, _say_compiling, [options.component])
        slow.start()
        try:
            loaded = host.components.load(options.component.read_bytes())
        except (OSError, ComponentError) as error:
            sys.stderr.write(f"{options.component}: {error}\n")
            return 1
        finally:
            slow.cancel()
        http = HttpRequest(
            method=options.method,
            url=options.url,
            body=options.body.encode() if options.body is not None else None,
        )
        last: dict[str, Any] = {}
        failed = 0
        lock = threading.Lock()

        def one(number: int) -> None:
            nonlocal failed, last
            request = options.request_id or f"run-{secrets.token_hex(4)}"
            flow = RequestFlow.of(
                options.tenant,
                extension=options.extension,
                install=options.install,
                request=request if options.count == 1 else f"{request}-{number}",
                version=options.version_id,
                content_hash=loaded.content_hash,
            )
            try:
                response = host.execute(loaded, Call(flow=flow, http=http))
                answer: dict[str, Any] = {
                    "status": response.status,
                    "headers": response.headers,
                    "body_b64": base64.b64encode(response.body or b"").decode(),
                }
            except (ExecutionFailed, ComponentError) as error:
                answer = {"error": str(error)}
            with lock:
                failed += "error" in answer
                last = {"request_id": flow.request, **answer}

        with ThreadPoolExecutor(options.concurrency, thread_name_prefix="guest") as pool:
            for number in range(options.count):
                pool.submit(one, number)
                if options.rate:
                    time.sleep(1 / options.rate)
        sys.stdout.write(json.dumps({**last, "executions": options.count, "failed": failed}) + "\n")
        return 1 if failed else 0
    finally:
        publisher.close()


def _say_compiling(component: Path) -> None:
    sys.stderr.write(f"{component.name} is being compiled, which is done once\n")
    sys.stderr.flush()
