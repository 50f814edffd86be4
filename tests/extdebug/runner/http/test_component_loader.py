"""Compiling is a step of its own: shared, bounded, told to the flows that wait, held by nobody."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.http import component_loader
from extdebug.runner.http.component_loader import ComponentLoader, StillCompiling, TooManyWait
from extdebug.runner.wasm.execution import ComponentError


class Compiler:
    """Components whose compilation ends when the test says so."""

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.begun = 0
        self.made: dict[str, object] = {}
        self.error: Exception | None = None

    def kept(self, name: str) -> object | None:
        return self.made.get(name)

    def get(self, name: str) -> object:
        self.begun += 1
        assert self.finish.wait(30)
        if self.error is not None:
            raise self.error
        return self.made.setdefault(name, object())


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.messages: list[str] = []

    def emit(self, flow: RequestFlow, _output: Any, level: Any, message: str, **more: Any):
        self.events.append((str(flow.request), level.value, more["fields"]["event"]))
        self.messages.append(message)
        assert more["told"], "the host's own word, with its own reserve"


@pytest.fixture
def compiler() -> Iterator[Compiler]:
    made = Compiler()
    yield made
    made.finish.set()


@pytest.fixture
def told() -> Told:
    return Told()


def loader(compiler: Any, told: Any, *, bound: float = 30.0) -> ComponentLoader:
    return ComponentLoader(compiler, told, bound=bound)


def flow(request: str) -> RequestFlow:
    return RequestFlow.of("acme", extension="x", request=request)


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it is another thread that makes it true
            await asyncio.sleep(0.01)


async def test_flows_that_wait_share_one_compilation_and_are_told_of_it(compiler, told):
    components = loader(compiler, told)
    waiting = [asyncio.create_task(components.get("a", flow(f"r-{n}"))) for n in range(3)]
    await until(lambda: len(told.events) == 3)
    assert sorted(told.events) == [(f"r-{n}", "info", "compiling") for n in range(3)]
    assert not components.idle
    compiler.finish.set()
    found = await asyncio.gather(*waiting)
    assert len({id(component) for component in found}) == compiler.begun == 1
    assert sorted(told.events[3:]) == [(f"r-{n}", "info", "compiled") for n in range(3)]
    assert told.messages[-1].startswith("the component is ready after ")
    assert components.idle
    assert await components.get("a", flow("r-4")) is found[0]
    assert len(told.events) == 6, "what is kept needs no compilation and no event"
    components.close()


async def test_what_is_there_at_once_is_no_event(compiler, told):
    compiler.finish.set()
    components = loader(compiler, told)
    await components.get("a", flow("r-1"))
    assert told.events == []
    components.close()


async def test_a_request_waits_up_to_the_bound_and_the_compilation_goes_on(compiler, told):
    components = loader(compiler, told, bound=0.05)
    with pytest.raises(StillCompiling, match="goes on compiling: send the request again later"):
        await components.get("a", flow("r-1"))
    assert told.events[-1] == ("r-1", "error", "not_compiled")
    compiler.finish.set()
    await until(lambda: components.idle)
    assert await components.get("a", flow("r-2")) is compiler.made["a"]
    assert compiler.begun == 1
    components.close()


async def test_a_component_that_does_not_compile_is_said_in_the_flow_and_tried_again(
    compiler, told
):
    compiler.error = ComponentError("not sound")
    compiler.finish.set()
    components = loader(compiler, told)
    for _ in range(2):
        with pytest.raises(ComponentError, match="not sound"):
            await components.get("a", flow("r-1"))
    assert told.events == [("r-1", "error", "broken")] * 2
    assert compiler.begun == 2
    components.close()


async def test_no_more_requests_wait_than_may(compiler, told):
    components = loader(compiler, told)
    waiting = [
        asyncio.create_task(components.get("a", flow("r")))
        for _ in range(component_loader.MOST_WAITING)
    ]
    await until(lambda: compiler.begun == 1)
    with pytest.raises(TooManyWait):
        await components.get("b", flow("r"))
    waiting.pop().cancel()
    await until(lambda: components._waiting < component_loader.MOST_WAITING)
    compiler.finish.set()
    await asyncio.gather(*waiting)
    assert components._waiting == 0
    components.close()


async def test_a_long_compilation_does_not_stand_before_another(told):
    slow, quick = threading.Event(), threading.Event()

    def get(name: str) -> str:
        assert (slow if name == "slow" else quick).wait(30)
        return name

    components = loader(SimpleNamespace(kept=lambda _: None, get=get), told)
    first = asyncio.create_task(components.get("slow", flow("r-1")))
    quick.set()
    assert await components.get("quick", flow("r-2")) == "quick"
    assert not first.done()
    slow.set()
    await first
    components.close()
