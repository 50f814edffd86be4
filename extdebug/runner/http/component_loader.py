"""Loads components for requests: compiling is a step of its own, with its own bound and events.

A request that waits for a compilation holds no slot, spends none of its time limit, and its flow is
told. A compilation goes on when nobody waits for it any more: whoever asks next finds it done.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.components import Components, LoadedComponent
from extdebug.runner.wasm.execution import ComponentError
from extdebug.wire.events import Level, Output

# At once: the compiler takes all processors for one, and another must not wait behind a long one.
COMPILATIONS: Final = 2
MOST_WAITING: Final = 64  # requests, each with its body
TELL_AFTER: Final = 0.5  # s; what the cache on disk has is mostly there by then
TELL_EVERY: Final = 10.0  # s


class StillCompiling(Exception):
    """The bound has passed and the compilation goes on; the message says what to do."""


class TooManyWait(Exception):
    """As many requests wait for compilations as may."""


class ComponentLoader:
    """Used on one event loop."""

    def __init__(self, components: Components, publisher: Publisher, *, bound: float) -> None:
        """`bound`: seconds that a request waits for a compilation."""
        self._components = components
        self._publisher = publisher
        self._bound = bound
        self._pool = ThreadPoolExecutor(COMPILATIONS, thread_name_prefix="compile")
        self._loading: dict[str, asyncio.Future[LoadedComponent]] = {}
        self._waiting = 0

    @property
    def idle(self) -> bool:
        """Nothing is being compiled."""
        return not self._loading

    async def get(self, name: str, flow: RequestFlow) -> LoadedComponent:
        """The component of that hash.

        NotFound or ComponentError as `Components.get`, which the flow is told; StillCompiling
        after the bound, TooManyWait instead of waiting.
        """
        kept = self._components.kept(name)
        if kept is not None:
            return kept
        if self._waiting >= MOST_WAITING:
            raise TooManyWait
        self._waiting += 1
        try:
            return await self._wait(self._load(name), flow)
        except ComponentError as error:
            self._tell(flow, Level.ERROR, str(error), event="broken")
            raise
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _load(self, name: str) -> asyncio.Future[LoadedComponent]:
        loading = self._loading.get(name)
        if loading is None:
            loop = asyncio.get_running_loop()
            loading = loop.run_in_executor(self._pool, self._components.get, name)
            self._loading[name] = loading
            loading.add_done_callback(lambda done: self._done(name, done))
        return loading

    def _done(self, name: str, done: asyncio.Future[LoadedComponent]) -> None:
        del self._loading[name]
        if not done.cancelled():
            done.exception()  # whoever waited may have gone

    async def _wait(
        self, loading: asyncio.Future[LoadedComponent], flow: RequestFlow
    ) -> LoadedComponent:
        started = time.monotonic()
        told = False
        pause = TELL_AFTER
        while True:
            left = started + self._bound - time.monotonic()
            done, _ = await asyncio.wait([loading], timeout=max(0.0, min(pause, left)))
            seconds = time.monotonic() - started
            if done:
                if told:
                    self._tell(
                        flow,
                        Level.INFO,
                        f"the component is ready after {seconds:.1f} s",
                        event="compiled",
                    )
                return loading.result()
            if seconds >= self._bound:
                message = (
                    f"the component is not compiled after {seconds:.0f} s, the bound of this "
                    "runner; it goes on compiling: send the request again later"
                )
                self._tell(flow, Level.ERROR, message, event="not_compiled")
                raise StillCompiling(message)
            self._tell(
                flow,
                Level.INFO,
                "the component is being compiled, once, and the request begins after it"
                + (f" ({seconds:.0f} s)" if told else ""),
                event="compiling",
            )
            told, pause = True, TELL_EVERY

    def _tell(self, flow: RequestFlow, level: Level, message: str, *, event: str) -> None:
        self._publisher.emit(flow, Output.LOG, level, message, fields={"event": event}, told=True)
