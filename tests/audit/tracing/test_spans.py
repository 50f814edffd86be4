"""While nothing is switched on, a span is nothing: no tracer, no package, no object of its own."""

import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext

import pytest

from audit.tracing import spans
from audit.tracing.spans import Refusals, Value
from tests.files import ROOT
from tests.settings import ENVIRONMENT


def test_without_a_tracer_nothing_is_made():
    assert spans.tracer() is None
    assert spans.span("one", session="s") is spans.span("two") is spans.arriving([])
    with spans.span("one"):
        spans.note(session="s")
        assert spans.here() is None
    spans.record("late", under=object(), began=1, ended=2)


def test_a_traced_function_is_the_function():
    @spans.traced("grant.approve")
    def double(number: int) -> int:
        """Twice as much."""
        return 2 * number

    assert double(4) == 8
    assert (double.__name__, double.__doc__) == ("double", "Twice as much.")


class Paper:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.counts = None

    def span(
        self, name: str, attributes: dict[str, Value], refusals: Refusals
    ) -> AbstractContextManager[None]:
        self.asked.append((name, attributes, refusals))
        return nullcontext()


def test_each_call_of_a_traced_function_is_a_span(monkeypatch: pytest.MonkeyPatch):
    paper = Paper()
    monkeypatch.setattr(spans, "_tracer", paper)
    call = spans.traced("grant.deny", refusals=(KeyError,))(lambda: None)
    call()
    call()
    assert paper.asked == [("grant.deny", {}, (KeyError,))] * 2


# redis-py looks for the API by itself, and imports what it
# counts with where it is installed.
LOADED = """
import sys
import config.asgi
from extdebug.management.commands import replay_stream, serve
ours = {f"opentelemetry.{name}" for name in ("sdk.trace", "exporter", "proto")}
print(sorted(ours & {*sys.modules}))
"""


@pytest.mark.parametrize(("endpoint", "loaded"), [("", False), ("http://127.0.0.1:1", True)])
def test_opentelemetry_is_imported_by_whoever_switched_it_on(endpoint: str, loaded: bool):
    variables = {**ENVIRONMENT, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=variables, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout.strip() != "[]") is loaded
