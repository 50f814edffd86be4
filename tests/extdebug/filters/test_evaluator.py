"""Queries over events: which event each kind of term matches, and how operators combine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.batch import Batch
from extdebug.filters.evaluator import compile_node
from extdebug.wire.events import Event
from extdebug.wire.executions import STARTED, ended
from tests.extdebug.filters.sample_events import event, lines
from tests.extdebug.filters.strategies import events, small_queries
from tests.extdebug.filters.trees import parse_query


def places(q: str, of: list[Event]) -> list[int]:
    """The places of the events that `q` matches."""
    node = parse_query(q)
    assert node is not None
    return list(compile_node(node)(Batch(of), range(len(of))))


def selects(q: str, of: Event | None = None) -> bool:
    return places(q, [of or event()]) == [0]


@pytest.mark.parametrize(
    "q",
    ["hello", "Hello", "hello world", '"hello world"', "-zebra", "zebra OR world", "ms=120",
     "user=Bob", "user=bob", "a.b=", "-(zebra OR lion)", "hello -(world zebra)", "NOT zebra",
     "level:warn", "level>=info", "level<error", "-level:error", "stream:log", "STREAM",
     "install:inst-acme", "install:inst-*", "request:req-77", "request:Req-77", "request:*77",
     "request:REQ-77", 'request:"rEQ-77"', "request:RE*", "request:/^REQ-/", "request=REQ-77",
     "request:*q-7*", "request:*", "request:/^req-[0-9]+$/", "tenant:acme", "extension:invoice*",
     "redacted:jwt", "redacted:*", "redacted:aws*", "-redacted:card", "-version:*", "-hash:*",
     "message:world", "-message:bob", "field.ms:120", "field.ms:120.0", "field.ms>=120",
     "field.ms<121", "field.text>=119", "field.ratio:100", "field.a.b:xyz", "field.a.b:x*",
     "field.a.b>6", "field.a.dotted:yes", "field.user:bob", "field.user:*o*", "field.user:/^b/",
     "field.ok:true", "field.none:null", "field.none:*", "-field.absent:*", "-field.ms>120",
     "/hello\\s+world/", "/^hello.*12$/", "/^ms=\\d+$/", "/HELLO/i", "/\\bworld\\b/ -/zebra/",
     "hello OR (zebra lion) OR tiger", 'field.a.b:"xyz"', "/^$|hello/"],
)  # fmt: skip
def test_a_query_that_selects_the_event(q: str):
    of = event("Hello World 12 STREAM") if q == "STREAM" else event()
    assert selects(q, of)


@pytest.mark.parametrize(
    "q",
    ["hellO", "zebra", "hello zebra", '"world hello"', "-hello", "level>warn", "level:info",
     "level<trace", "stream:stdout", "install:inst", "request:Req", "request:REQ-7", "hash:*",
     "redacted:card", "message:bob", "message:/ms/", "field.ms>120", "field.ms:12",
     "field.user:BOB",
     "field.absent:*", "field.ms.deeper:1", "field.ok>=0", "field.user>1", "field.a:x",
     "field.none>0", "/Hello$/", "/12.ms/s", "/hello.world.12.ms/", "-(hello OR zebra)",
     "hello -world", "/^world/", "field.a.b:/Y/", "tenant:globex", 'request:"Req*"'],
)  # fmt: skip
def test_a_query_that_refuses_the_event(q: str):
    assert not selects(q)


def test_what_the_runner_says_of_an_execution_is_found_and_no_field_of_that_name():
    started, failed = (event(execution=said) for said in (STARTED, ended(503, seconds=1)))
    assert selects("execution:start", started)
    assert selects("execution:*", started)
    assert selects("execution:5*", failed)
    assert selects("execution:503", failed)
    assert not selects("execution:5*", started)
    assert not selects("execution:*", event(fields={"execution": "503"}))


def test_an_event_without_fields_has_none():
    bare = event(fields=None, request_id=None, redacted=())

    assert not selects("field.ms:*", bare)
    assert not selects("request:*", bare)
    assert not selects("redacted:*", bare)
    assert selects("-field.ms:*", bare)


@given(st.lists(events, max_size=20), small_queries, small_queries)
def test_the_operators_are_boolean(batch: list[Event], left: str, right: str):
    def chosen(q: str) -> set[int]:
        return set(places(q, batch))

    everything = set(range(len(batch)))
    assert chosen(f"-({left})") == everything - chosen(left)
    assert chosen(f"({left}) ({right})") == chosen(left) & chosen(right)
    assert chosen(f"({left}) OR ({right})") == chosen(left) | chosen(right)


def test_a_term_looks_only_at_the_places_it_is_given():
    node = parse_query("a")
    assert node is not None
    batch = Batch(lines("a", "b", "a", "a"))

    assert list(compile_node(node)(batch, [1, 2])) == [2]
    assert list(compile_node(node)(batch, [])) == []


@pytest.mark.parametrize("q", ["/x/", "message:/x/", "field.n:/x/"])
def test_a_regex_over_some_places_finds_what_it_finds_over_all(q: str):
    node = parse_query(q)
    assert node is not None
    narrow = compile_node(node)
    several = [event("x y", fields={"n": "x"}), event("y", fields={"n": "z"})] * 6
    everywhere = narrow(Batch(several), range(12))

    assert list(everywhere) == [0, 2, 4, 6, 8, 10]
    assert list(narrow(Batch(several), [1, 2, 3, 10])) == [2, 10]


RED = "\x1b[31mERROR\x1b[0m: connection to \x1b[1merp\x1b[0m ref\u200bused"


@pytest.mark.parametrize(
    "q",
    ['"ERROR: connection"', '"connection to erp refused"', "/^ERROR: conn/", "/erp refused$/",
     "message:refused", "message:/to erp refused/", '-"31m"', "-/31m/", "-[1merp",
     '"erp ref\u200bused"', "/to e\u2060rp/"],
)  # fmt: skip
def test_a_query_sees_through_colours_and_invisible_characters(q: str):
    assert selects(q, event(RED))
    assert places(q, [*lines("Größe", "x"), event(RED)])[-1] == 2


@pytest.mark.parametrize(
    "q",
    ['"user=bob smith"', "field.user:bob*", 'field.user:"bob smith"', "field.user:/^bob smith$/",
     'field.user:"bo\u200bb smith"', "field.n:5", "field.list:red"],
)  # fmt: skip
def test_a_query_sees_through_them_in_fields_too(q: str):
    fields = {"user": "\x1b[32mbob\x1b[0m smith", "n": 5, "list": ["\x1b[31mred\x1b[0m"]}
    assert selects(q, event("x", fields=fields))


def test_a_query_of_nothing_that_is_seen_finds_nothing():
    assert not selects('"\u200b"', event("zero\u200bwidth"))
