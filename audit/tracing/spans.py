"""Spans as the rest of the console makes them: what took how long, and what belongs together.

Without a tracer, which is how it stands until `use` is given one, a call costs one look at a name,
and nothing here imports OpenTelemetry. Attributes are ids, figures and words of closed
vocabularies: never the text of an event, a secret, a name or an address of a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Final, ParamSpec, Protocol, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

Value: TypeAlias = str | int | float | bool
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Place: TypeAlias = object  # a span that is sampled, for others to stand under it; the tracer's own
Refusals: TypeAlias = tuple[type[Exception], ...]


REASONS: Final = ("queue_full", "not_sent", "stopped")  # why a span is dropped


class Counts(Protocol):
    """What became of the spans of this process so far."""

    @property
    def sent(self) -> int: ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """By reason, of REASONS; 0 for one that did not occur."""


class Tracer(Protocol):
    """What stands behind the functions of this module."""

    @property
    def counts(self) -> Counts: ...

    def span(
        self, name: str, attributes: dict[str, Value], refusals: Refusals
    ) -> AbstractContextManager[None]: ...

    def note(self, attributes: dict[str, Value]) -> None: ...

    def here(self) -> Place | None: ...

    def record(
        self, name: str, under: Place, began: int, ended: int, attributes: dict[str, Value]
    ) -> None: ...

    def arriving(self, headers: Headers) -> AbstractContextManager[None]: ...

    def stop(self, *, within: float) -> None: ...


_tracer: Tracer | None = None
_NOTHING: Final = nullcontext()


def use(tracer: Tracer | None) -> None:
    """From now on by this tracer; None: by none."""
    global _tracer  # noqa: PLW0603 - one for the process, as its log is
    _tracer = tracer


def tracer() -> Tracer | None:
    """The one in use."""
    return _tracer


def span(
    name: str, *, refusals: Refusals = (), **attributes: Value
) -> AbstractContextManager[None]:
    """A span for as long as the block runs, under the one that is open around it.

    An exception marks it as failed, by its type alone; one of `refusals` is an answer, and is
    noted as `refused`.
    """
    return _NOTHING if _tracer is None else _tracer.span(name, attributes, refusals)


def traced(name: str, *, refusals: Refusals = ()) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function each of whose calls is a span."""

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with span(name, refusals=refusals):
                return function(*args, **kwargs)

        return call

    return wrap


def note(**attributes: Value) -> None:
    """Attributes of the span that is open here, if one is."""
    if _tracer is not None:
        _tracer.note(attributes)


def here() -> Place | None:
    """The open span, for what comes later to stand under; None when nobody records it."""
    return None if _tracer is None else _tracer.here()


def record(name: str, *, under: Place, began: int, ended: int, **attributes: Value) -> None:
    """A span that is over, in nanoseconds since 1970."""
    if _tracer is not None:
        _tracer.record(name, under, began, ended, attributes)


def arriving(headers: Headers) -> AbstractContextManager[None]:
    """A request: what it opens stands under the caller's span, where its `traceparent` is one."""
    return _NOTHING if _tracer is None else _tracer.arriving(headers)
