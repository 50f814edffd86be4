"""How a request ends: with a free loop, the true reason of a 504, and the id of its flow."""

import asyncio
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from extdebug.runner.config import HostConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.http.component_loader import StillCompiling, TooManyWait
from extdebug.runner.http.executions import Busy, Executions, refuse
from extdebug.runner.wasm.components import content_hash
from extdebug.runner.wasm.execution import (
    Call,
    CallLimits,
    ComponentError,
    ExecutionFailed,
    Failure,
    NotFound,
)
from extdebug.runner.wasm.guest_thread import GuestThread
from tests.extdebug.runner.answering import answering
from tests.fixtures.runner import Bench, execute_body


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Busy(), 503, "busy"),
        (TooManyWait(), 503, "busy"),
        (StillCompiling("x"), 503, "compiling"),
        (NotFound("x"), 404, "component_not_found"),
        (ComponentError("x"), 422, "component_broken"),
        (ExecutionFailed(Failure.TIMEOUT, "x"), 504, "timeout"),
        (ExecutionFailed(Failure.BAD_RESPONSE, "x"), 502, "bad_response"),
        (ExecutionFailed(Failure.TRAP, "x"), 502, "trap"),
        (KeyError("secret"), 500, "internal"),
    ],
)
def test_every_end_of_a_request_has_its_status_and_the_flows_id(
    error: Exception, status: int, code: str
):
    answer = refuse(error, request_id="r-1")
    assert (answer.status, answer.body["code"], answer.request_id) == (status, code, "r-1")
    assert answer.body["request_id"] == "r-1"
    assert answer.body["error"]
    assert "secret" not in answer.body["error"]
    assert (answer.retry is not None) == (isinstance(error, TooManyWait | StillCompiling))


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/trap"},
        {"path": "/spin"},
        {"context": {"content_hash": "f" * 64}},
        {"context": {"content_hash": "0" * 64}},
        {"body_b64": "%%"},
    ],
    ids=["trap", "timeout", "not found", "broken", "bad request"],
)
async def test_a_failed_execution_answers_with_the_id_of_its_flow(
    runner_http: httpx.AsyncClient, edges, bench: Bench, change: dict[str, Any]
):
    context = change.pop("context", {}) | {"request_id": "the flow's: 7"}
    asked = execute_body(edges, change.pop("path", "/"), context=context, **change)
    answer = await runner_http.post("/v1/execute", json=asked, headers={"x-request-id": "other"})
    assert answer.status_code >= 400
    assert answer.headers["x-request-id"] == "the flow's: 7"
    assert answer.json()["request_id"] == "the flow's: 7"
    assert {event.request_id for event in bench.events()} <= {"the flow's: 7"}


async def test_a_504_comes_in_time_and_says_whether_the_guest_computes_or_waits(
    runner_http: httpx.AsyncClient, edges, bench: Bench
):
    spin = await runner_http.post("/v1/execute", json=execute_body(edges, "/spin"))
    assert spin.json()["error"] == "stopped after 1 s, the time limit of this request"
    asked = execute_body(edges, "/sleep", context={"request_id": "r-sleeps"})
    started = time.monotonic()
    slept = await runner_http.post("/v1/execute", json=asked)
    assert time.monotonic() - started < 2.5  # it sleeps 3 s
    assert (slept.status_code, slept.json()["code"]) == (504, "timeout")
    assert "the guest waits inside a host call" in slept.json()["error"]

    async with asyncio.timeout(10):  # its slot is free when it wakes
        while "runner_executions_running 0.0\n" not in (await runner_http.get("/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    told = [
        (event.fields or {})["event"] for event in bench.events() if event.request_id == "r-sleeps"
    ]
    assert told == ["start", "timeout", "end"], "once, when its caller was answered"


class Stuck:
    """A host whose guest computes or waits for longer than it may, and its flow."""

    def __init__(self, *, computes: bool) -> None:
        self.components = SimpleNamespace(kept=lambda _: object())
        self.stop = threading.Event()
        self.told: list[str] = []
        self.thread: Any = None
        self._computes = computes

    def execute(self, _loaded: object, _call: Call, *, started: Any) -> Any:
        self.thread = GuestThread()
        started(self)
        while self._computes and not self.stop.is_set():
            sum(range(1000))
        assert self.stop.wait(30)
        raise ExecutionFailed(Failure.TIMEOUT, "stopped late")

    def tell_overdue(self, message: str) -> None:
        self.told.append(message)


async def test_a_guest_that_computes_beyond_its_limit_is_left_to_the_engine():
    host: Any = Stuck(computes=True)
    executions = Executions(HostConfig(timeout=0.1), host, publisher=None)  # type: ignore[arg-type]
    call = Call(flow=RequestFlow.of("acme", extension="x"))
    running = asyncio.create_task(executions.run("f" * 64, call))
    await asyncio.sleep(1.3)  # beyond the second look, after which one that waits is answered for
    assert not running.done()
    host.stop.set()
    with pytest.raises(ExecutionFailed, match="stopped late"):
        await running
    assert host.told == []
    executions.close()


async def test_a_guest_that_waits_is_answered_for_and_its_flow_is_told():
    host: Any = Stuck(computes=False)
    executions = Executions(HostConfig(timeout=5), host, publisher=None)  # type: ignore[arg-type]
    call = Call(flow=RequestFlow.of("acme", extension="x"), limits=CallLimits(timeout=0.1))
    with pytest.raises(ExecutionFailed, match=r"no answer after 0.1 s.*waits inside a host call"):
        await executions.run("f" * 64, call)
    assert len(host.told) == 1
    assert executions.in_flight == 1
    host.stop.set()
    async with asyncio.timeout(10):
        while not executions.idle:  # noqa: ASYNC110 - another thread ends it
            await asyncio.sleep(0.01)
    executions.close()


async def test_the_server_answers_others_while_a_guest_gives_a_monstrous_answer(
    runner_http: httpx.AsyncClient, runner_settings, bench: Bench
):
    guest = answering(200, [("x-a", "v" * 1000)] * 20_000)
    folder: Path = runner_settings.host.components
    (folder / f"{content_hash(guest)}.wasm").write_bytes(guest)
    asked = execute_body(SimpleNamespace(content_hash=content_hash(guest)))  # type: ignore[arg-type]
    answer = asyncio.create_task(runner_http.post("/v1/execute", json=asked))
    longest = 0.0
    while not answer.done():
        started = time.monotonic()
        assert (await runner_http.get("/healthz")).status_code == 200
        longest = max(longest, time.monotonic() - started)
    assert (await answer).json()["code"] == "bad_response"
    assert longest < 5  # it was minutes
