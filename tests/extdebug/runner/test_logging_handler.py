import logging

import pytest

from extdebug.runner.context import RequestFlow, bind
from extdebug.runner.logging_handler import DebugHandler, level_of
from extdebug.wire.events import Level

FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")


class Recorder:
    def __init__(self) -> None:
        self.events: list = []

    def emit(self, flow, output, level, message, *, fields=None, weight=0) -> None:
        self.events.append((flow, level, message, fields))
        self.weight = weight


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def logger(recorder):
    logger = logging.getLogger("app.invoices")
    handler = DebugHandler(recorder)
    logger.addHandler(handler)
    logger.setLevel(1)
    yield logger
    logger.removeHandler(handler)


def test_a_record_carries_the_bound_flow_its_level_and_its_extras(logger, recorder):
    with bind(FLOW):
        logger.warning("row %d", 3, extra={"ms": 12})
    assert recorder.events == [(FLOW, Level.WARN, "row 3", {"ms": 12, "logger": "app.invoices"})]


def test_an_exception_comes_with_its_stack(logger, recorder):
    with bind(FLOW):
        try:
            raise ValueError("no amount")
        except ValueError:
            logger.exception("failed")
    message = recorder.events[0][2]
    assert message.startswith("failed\nTraceback")
    assert message.endswith("ValueError: no amount")


def test_without_a_flow_nothing_is_published_unless_there_is_a_default(logger, recorder):
    logger.error("nobody's")
    assert recorder.events == []
    logger.handlers[0]._default = FLOW
    logger.error("the default's")
    assert recorder.events[0][0] is FLOW


@pytest.mark.parametrize("name", ["ext.log", "ext.stdout", "extdebug.runner"])
def test_our_own_loggers_make_no_events_about_events(recorder, name):
    handler = DebugHandler(recorder, default=FLOW)
    handler.handle(logging.LogRecord(name, logging.ERROR, "", 0, "x", (), None))
    assert recorder.events == []


def test_a_record_that_cannot_be_formatted_raises_nothing(recorder, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    handler = DebugHandler(recorder, default=FLOW)
    handler.handle(logging.LogRecord("a", logging.INFO, "", 0, "%d", ("x",), None))
    assert recorder.events == []


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (5, "trace"),
        (10, "debug"),
        (20, "info"),
        (25, "info"),
        (30, "warn"),
        (40, "error"),
        (50, "error"),
    ],
)
def test_levels_follow_loggings_thresholds(number, level):
    assert level_of(number).value == level


def test_what_long_extras_hold_in_the_queue_is_counted(recorder, logger):
    with bind(FLOW):
        logger.info("x", extra={"body": "y" * 5000, "n": 1})
    assert 5000 <= recorder.weight < 5100
