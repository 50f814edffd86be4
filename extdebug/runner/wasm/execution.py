"""The values of one execution: call, limits, response, and the ways it can fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from extdebug.runner.context import RequestFlow


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    method: str = "GET"
    url: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What a caller may lower for one execution; None or more than the host's own is the host's."""

    timeout: float | None = None  # s
    memory_bytes: int | None = None
    fuel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One execution: whose it is, what is asked, within which limits."""

    flow: RequestFlow
    http: HttpRequest = field(default_factory=HttpRequest)
    limits: CallLimits = field(default_factory=CallLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


class Failure(StrEnum):
    """Why an execution gave no response."""

    TRAP = "trap"
    TIMEOUT = "timeout"
    OUT_OF_FUEL = "out_of_fuel"
    OUT_OF_MEMORY = "out_of_memory"
    BAD_RESPONSE = "bad_response"


class ComponentError(Exception):
    """The component cannot be loaded or started at all; the message says why."""


class NotFound(ComponentError):
    """No component of that content hash is here."""


class ExecutionFailed(Exception):
    """The guest started and did not answer. `detail` holds the backtrace where there is one."""

    def __init__(self, failure: Failure, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.failure = failure
        self.detail = detail
