"""Pages are answered in order, for the selection and the rules of the moment they leave."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter, FilterError, Problem, Selector
from extdebug.hub.selection import Selection
from extdebug.protocol.client_frames import ErrorCode, Fetch, FilterSpec, ProtocolError
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.paging import PAGES_ASKED, Paging
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.keys import Keys, Target
from extdebug.wire.positions import ZERO_ID, Cursor
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw
from tests.extdebug.stage import TARGET


class PaperReads:
    """A hub whose reads of Redis are answered from a list, after `before` was called."""

    keys = Keys("ext-debug:")

    def __init__(self, *messages: str) -> None:
        self.redactor = Redactor(key=None)
        self.rows = [
            [f"{n}-0".encode(), raw(message=message, install="a")]
            for n, message in enumerate(messages, start=1)
        ]
        self.before: Callable[[], None] = lambda: None
        self.asked: list[tuple[Any, ...]] = []

    @contextlib.asynccontextmanager
    async def reader(self, target: Target) -> AsyncIterator[Any]:
        yield self

    async def call(self, *command: Any) -> Any:
        self.asked.append(command)
        self.before()
        return self.rows[: command[-1]]


def paging(hub: PaperReads) -> Paging:
    reads: Any = hub
    return Paging(reads, TARGET)


def flow() -> FlowControl:
    return FlowControl(position=Cursor(ZERO_ID), rev=0, events_per_second=0, bytes_per_second=0)


ALL = Selection(None, EVERYTHING)


async def answered(one: Paging, *, selection: Selection = ALL) -> dict[str, Any] | None:
    frame = await one.answer(selection, flow(), now=0.0)
    if frame is None:
        return None
    assert isinstance(frame, ControlFrame)
    said: dict[str, Any] = json.loads(frame.text())
    return said


async def test_pages_come_in_the_order_they_were_asked_for() -> None:
    one = paging(PaperReads("a", "b", "c"))
    one.ask(Fetch(id="first", limit=2))
    one.ask(Fetch(id="second", limit=10))
    first, second = await answered(one), await answered(one)
    assert first is not None
    assert second is not None
    assert [first["id"], second["id"]] == ["first", "second"]
    assert [event["message"] for event in first["events"]] == ["a", "b"]
    assert (first["done"], second["done"]) == (False, True)
    assert not one


async def test_bounds_are_exclusive_places() -> None:
    hub = PaperReads()
    one = paging(hub)
    one.ask(Fetch(id="p", limit=10, after="5-0.5", before="9-1"))
    await answered(one)
    assert hub.asked[0][:4] == ("XRANGE", "ext-debug:acme:invoice-sync", "(5-0", "(9-1")


async def test_a_page_of_another_scope_shows_only_its_own() -> None:
    one = paging(PaperReads("a"))
    one.ask(Fetch(id="p", limit=10))
    said = await answered(one, selection=Selection(frozenset({"b"}), EVERYTHING))
    assert said is not None
    assert said["events"] == []


async def test_too_many_that_wait_are_refused() -> None:
    one = paging(PaperReads())
    for number in range(PAGES_ASKED):
        one.ask(Fetch(id=str(number), limit=1))
    with pytest.raises(ProtocolError) as refused:
        one.ask(Fetch(id="one more", limit=1))
    assert refused.value.code is ErrorCode.TOO_FAST


async def test_a_page_found_before_a_change_is_found_again() -> None:
    hub = PaperReads("a")
    one = paging(hub)
    one.ask(Fetch(id="p", limit=10))
    hub.before = one.start_over
    assert await answered(one) is None
    assert one, "the request stands"
    hub.before = lambda: None
    said = await answered(one)
    assert said is not None
    assert len(said["events"]) == 1


async def test_a_request_with_a_filter_of_its_own_keeps_the_scope() -> None:
    one = paging(PaperReads("apple", "banana"))
    assert one.ask(Fetch(id="p", filter=FilterSpec(q="apple"))) == Filter(q="apple")
    mine = Selection(None, Filter(q="banana"))
    said = await answered(one, selection=mine)
    assert said is not None
    assert [event["message"] for event in said["events"]] == ["apple"]
    one.ask(Fetch(id="p", filter=FilterSpec()))
    said = await answered(one, selection=Selection(frozenset({"b"}), Filter(q="banana")))
    assert said is not None
    assert said["events"] == []


async def test_a_filter_that_cannot_be_run_is_refused_and_not_queued() -> None:
    one = paging(PaperReads())
    with pytest.raises(FilterError):
        one.ask(Fetch(id="p", filter=FilterSpec(q="(")))
    assert not one


async def test_hidden_events_come_with_the_part_that_hides_them() -> None:
    hub = PaperReads("apple", "banana")
    one = paging(hub)
    assert one.ask(Fetch(id="p", hidden=True, after="1-0", before="9-0")) == EVERYTHING
    said = await answered(one, selection=Selection(None, Filter(q="banana")))
    assert said is not None
    assert hub.asked[0][:4] == ("XREVRANGE", "ext-debug:acme:invoice-sync", "(9-0", "(1-0")
    assert [event["message"] for event in said["events"]] == ["apple"]
    assert said["hiddenBy"] == [{"part": "q", "term": "banana"}]
    one.ask(Fetch(id="p"))
    plain = await answered(one)
    assert plain is not None
    assert "hiddenBy" not in plain


async def test_a_filter_that_costs_too_much_is_answered_with_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    costly = FilterError(Problem.TOO_COSTLY, "too much CPU", 0)
    monkeypatch.setattr(Selector, "failed", property(lambda _: costly))
    one = paging(PaperReads("a"))
    one.ask(Fetch(id="p", hidden=True))
    said = await answered(one)
    assert said is not None
    assert (said["type"], said["code"]) == ("error", "too_costly")


async def test_a_redis_that_is_away_is_answered_with_an_error() -> None:
    def away() -> None:
        raise RedisConnectionError("refused")

    hub = PaperReads("a")
    hub.before = away
    one = paging(hub)
    one.ask(Fetch(id="p", limit=10))
    said = await answered(one)
    assert said is not None
    assert (said["type"], said["code"]) == ("error", "unavailable")
    assert not one
