"""The values of one execution: what a caller gets without asking, and how it fails."""

import dataclasses

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.wasm.execution import (
    Call,
    CallLimits,
    ComponentError,
    ExecutionFailed,
    Failure,
    HttpRequest,
    NotFound,
)


def test_a_call_asks_for_the_start_page_within_the_hosts_own_limits():
    call = Call(flow=RequestFlow(tenant="acme", extension="invoice-sync", install="i"))

    assert call.http == HttpRequest(method="GET", url="/", headers=(), body=None)
    assert call.limits == CallLimits(timeout=None, memory_bytes=None, fuel=None)


def test_a_call_does_not_change_while_it_runs():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HttpRequest().url = "/other"  # type: ignore[misc]


def test_a_failure_has_its_kind_its_words_and_its_backtrace():
    error = ExecutionFailed(Failure.TIMEOUT, "no answer within 0.5 s", detail="0: main")

    assert (error.failure, str(error), error.detail) == (
        "timeout", "no answer within 0.5 s", "0: main",
    )  # fmt: skip
    assert ExecutionFailed(Failure.TRAP, "unreachable").detail == ""


def test_a_component_that_is_not_here_is_one_that_cannot_be_loaded():
    with pytest.raises(ComponentError, match="ab12"):
        raise NotFound("ab12")
