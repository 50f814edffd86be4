"""The events that say how an execution began and ended: their level, fields and outcome."""

import re

import pytest

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.execution_events import tell_end, tell_start
from extdebug.runner.publish.publisher import Publisher
from tests.fixtures.runner import NoRedaction

FLOW = RequestFlow.of("acme", extension="importer", request="job-7")


def told(outcome: int | str) -> tuple[dict[str, str], dict[str, str]]:
    """The entries of an execution that began and ended so."""
    publisher = Publisher(PublisherConfig(mirror=False, rate=0), redaction=NoRedaction())
    entries: list[dict[str, str]] = []
    publisher.tap(
        lambda _stream, _install, entry: entries.append(
            dict(zip(map(str, entry[::2]), map(str, entry[1::2]), strict=True))
        )
    )
    tell_start(publisher, FLOW, "POST /sync")
    tell_end(publisher, FLOW, outcome, seconds=0.0415, fields={"rows": 3})
    assert publisher.flush(10)
    publisher.close(0)
    start, end = entries
    return start, end


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(200, "info"), (404, "info"), (500, "warn"), ("ok", "info"), ("exit_0", "info"),
     ("exit_3", "warn"), ("timeout", "warn")],
)  # fmt: skip
def test_both_are_the_requests_and_a_failure_is_a_warning(outcome: int | str, level: str):
    start, end = told(outcome)
    assert (start["level"], start["message"]) == ("debug", "POST /sync started")
    assert start["execution"] == "start"
    assert (end["level"], end["message"]) == (level, f"finished: {outcome} in 41.5 ms")
    assert end["execution"] == f"end {outcome} 41.500"
    assert start["request"] == end["request"] == "job-7"
    fields = r'"event":"end","status":"?\w+"?,"duration_ms":41\.5,"rows":3'
    assert re.search(fields, end["fields"])
