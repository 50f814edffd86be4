"""Runs what POST /v1/execute asks for: a component, a slot, a time limit, the answer's bytes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from extdebug.runner.config import HostConfig
from extdebug.runner.http.component_loader import ComponentLoader, StillCompiling, TooManyWait
from extdebug.runner.http.execute_payload import write_response
from extdebug.runner.http.responses import Answer
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.runner.wasm.execution import (
    Call,
    ComponentError,
    ExecutionFailed,
    Failure,
    NotFound,
)
from extdebug.runner.wasm.host import Host
from extdebug.runner.wasm.running import Running

# Later than the engine's own deadline: a guest that waits inside a host call is not interrupted
# by it, and its caller must not wait as long as it does.
GRACE: Final = 0.5  # s
# How often a guest that computes beyond its limit is left to the engine for another GRACE: on a
# busy machine the thread that interrupts it comes late.
PATIENCE: Final = 20
INSIDE: Final = "the guest waits inside a host call and is stopped when that returns"
COMPUTES: Final = "the guest still computes: this machine is too busy to stop it in time"
UNKNOWN: Final = "the guest could not be stopped yet"


# s after which a request that met a running compilation should come again.
RETRY: Final = 10


class Busy(Exception):
    """All execution slots are in use."""


class Executions:
    """All of one server, on its event loop; guests run on a pool of as many threads as slots."""

    def __init__(self, config: HostConfig, host: Host, publisher: Publisher) -> None:
        self._host = host
        self._timeout = config.timeout
        self._slots = config.concurrency
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="guest")
        self._loader = ComponentLoader(host.components, publisher, bound=config.compile_timeout)
        self.in_flight = 0

    @property
    def idle(self) -> bool:
        """No guest is running, abandoned ones included, and nothing is being compiled."""
        return self.in_flight == 0 and self._loader.idle

    async def run(self, content_hash: str, call: Call) -> bytes:
        """The answer as JSON. Busy without a free slot, ExecutionFailed when the guest gave none;
        besides, what ComponentLoader.get raises."""
        loaded = await self._loader.get(content_hash, call.flow)
        if self.in_flight >= self._slots:
            raise Busy
        self.in_flight += 1  # before any await: the check for a free slot has just been made
        begun: list[Running] = []
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, self._answer, loaded, call, begun)
        work.add_done_callback(self._done)
        limit = min(call.limits.timeout or self._timeout, self._timeout)
        await asyncio.wait([work], timeout=limit)
        waits: bool | None = None
        for turn in range(PATIENCE):
            waits = begun[0].thread.look() if begun else None
            if work.done():
                return work.result()
            # The first look only begins to count what the thread computes.
            if turn and waits is not False:
                break
            await asyncio.wait([work], timeout=GRACE)
        if work.done():
            return work.result()
        reason = UNKNOWN if waits is None else INSIDE if waits else COMPUTES
        message = f"no answer after {limit:g} s, the time limit of this request; {reason}"
        if begun:
            begun[0].tell_overdue(message)
        raise ExecutionFailed(Failure.TIMEOUT, message)

    def close(self) -> None:
        self._loader.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, loaded: LoadedComponent, call: Call, begun: list[Running]) -> bytes:
        """On a guest's thread, which also writes the JSON: the event loop only sends it."""
        return write_response(self._host.execute(loaded, call, started=begun.append))

    def _done(self, work: asyncio.Future[bytes]) -> None:
        self.in_flight -= 1
        if not work.cancelled():
            work.exception()  # its caller may be gone; the flow has been told


def refuse(error: Exception, *, request_id: str) -> Answer:
    """What a caller is told of a request that ended with `error`; 500 for what nobody expected."""

    def answer(status: int, code: str, text: str = "", retry: int | None = None) -> Answer:
        return Answer(status, text or str(error), code=code, request_id=request_id, retry=retry)

    match error:
        case Busy():
            return answer(503, "busy", "all execution slots are busy")
        case TooManyWait():
            return answer(503, "busy", "too many requests wait for a compilation", RETRY)
        case StillCompiling():
            return answer(503, "compiling", retry=RETRY)
        case NotFound():
            return answer(404, "component_not_found")
        case ComponentError():
            return answer(422, "component_broken")
        case ExecutionFailed(failure=Failure.TIMEOUT):
            return answer(504, Failure.TIMEOUT.value)
        case ExecutionFailed(failure=failure):
            return answer(502, failure.value)
        case _:
            return answer(500, "internal", "the runner failed; its log says why")
