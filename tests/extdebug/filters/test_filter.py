"""Filters: strict reading, the same choice for one event and for many, and shared work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.batch import Batch
from extdebug.filters.filter import EVERYTHING, Filter, FilterError, Problem, compile_filter
from extdebug.wire.events import Event, Level, Output


def event(message: str = "Hello World 12", **parts: Any) -> Event:
    whole: dict[str, Any] = {
        "ts": "2026-01-01T00:00:00.000Z",
        "level": Level.WARN,
        "stream": Output.LOG,
        "tenant_id": "acme",
        "extension_id": "invoice-sync",
        "install_id": "inst-acme",
        "request_id": "Req-77",
        "fields": {
            "ms": 120, "a": {"b": ["xyz", 7]}, "user": "Bob", "a.dotted": "yes", "ok": True,
            "none": None, "text": "120", "ratio": 100.0,
        },
        "redacted": ("jwt", "aws-key"),
        **parts,
    }  # fmt: skip
    return Event(message=message, **whole)


def selects(q: str, of: Event | None = None) -> bool:
    return compile_filter(Filter.parse({"q": q})).matches(of or event())


@pytest.mark.parametrize(
    "q",
    ["hello", "Hello", "hello world", '"hello world"', "-zebra", "zebra OR world", "ms=120",
     "user=Bob", "user=bob", "a.b=", "-(zebra OR lion)", "hello -(world zebra)", "NOT zebra",
     "level:warn", "level>=info", "level<error", "-level:error", "stream:log", "STREAM",
     "install:inst-acme", "install:inst-*", "request:req-77", "request:Req-77", "request:*77",
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
     "level<trace", "stream:stdout", "install:inst", "request:Req", "request:REQ-77", "hash:*",
     "redacted:card", "message:bob", "message:/ms/", "field.ms>120", "field.ms:12",
     "field.user:BOB",
     "field.absent:*", "field.ms.deeper:1", "field.ok>=0", "field.user>1", "field.a:x",
     "field.none>0", "/Hello$/", "/12.ms/s", "/hello.world.12.ms/", "-(hello OR zebra)",
     "hello -world", "/^world/", "field.a.b:/Y/", "tenant:globex", 'request:"Req*"'],
)  # fmt: skip
def test_a_query_that_refuses_the_event(q: str):
    assert not selects(q)


def test_an_event_without_fields_has_none():
    bare = event(fields=None, request_id=None, redacted=())

    assert not selects("field.ms:*", bare)
    assert not selects("request:*", bare)
    assert not selects("redacted:*", bare)
    assert selects("-field.ms:*", bare)


# --- reading the client's JSON ----------------------------------------------------------------


def test_a_filter_is_read_from_the_clients_json():
    found = Filter.parse(
        {"installs": ["Inst-Acme"], "request": "r", "streams": ["log"], "level": "warn", "q": " a"}
    )

    assert found == Filter(
        installs=frozenset({"inst-acme"}),
        request="r",
        streams=frozenset({Output.LOG}),
        level=Level.WARN,
        q="a",
    )
    assert Filter.parse(found.to_json()) == found


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"installs": [], "request": None, "streams": [], "level": None, "q": ""},
        {"installs": None, "request": "", "streams": None, "q": None},
        {"streams": ["log", "stderr", "stdout", "log"]},
        {"level": "trace"},
        {"q": "  "},
    ],
)
def test_what_does_not_restrict_is_everything_and_costs_nothing(said: dict[str, object]):
    found = Filter.parse(said)
    selected = compile_filter(found).select([event(), event("x")])

    assert found == EVERYTHING
    assert selected == range(2)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"rev": 1}, "unknown part 'rev'"),
        ({"Q": "a"}, "unknown part 'Q'"),
        ({"installs": "inst-acme"}, "installs: expected a list"),
        ({"installs": [1]}, "installs: expected a list"),
        ({"installs": ["*"]}, "installs: expected 1-64"),
        ({"installs": ["a"] * 65}, "at most 64"),
        ({"request": 7}, "request: expected text"),
        ({"request": "a\nb"}, "control characters"),
        ({"request": "r" * 129}, "at most 128"),
        ({"streams": ["stdin"]}, "streams: expected stdout, stderr, log; got 'stdin'"),
        ({"streams": {"log": 1}}, "streams: expected a list"),
        ({"level": "loud"}, "level: expected trace"),
        ({"level": 3}, "level: expected trace"),
        ({"level": True}, "level: expected trace"),
        ({"q": 1}, "q: expected text"),
        ({"q": ["a"]}, "q: expected text"),
        ({"q": "a" * 1025}, "at most 1024"),
        ({"q": "(a"}, "never closed"),
        ({"q": "/(/"}, "RE2 says: missing"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_was_expected(said: dict[str, object], says: str):
    with pytest.raises(FilterError, match=re.escape(says)) as caught:
        Filter.parse(said)

    assert caught.value.code in Problem


def test_an_error_points_into_the_text_as_the_client_wrote_it():
    with pytest.raises(FilterError) as caught:
        Filter.parse({"q": "   /(/"})

    assert caught.value.position == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["installs", "request", "streams", "level", "q"]) | st.text(max_size=3),
        json_values | st.sampled_from([["log"], "warn", ["a"]]),
    )
)
def test_any_json_is_a_filter_or_a_filter_error(said: dict[str, object]):
    try:
        found = Filter.parse(said)
    except FilterError:
        return
    assert Filter.parse(found.to_json()) == found
    assert hash(found) == hash(Filter.parse(said))


# --- batches ----------------------------------------------------------------------------------

atoms = st.sampled_from(
    ["a", "B", '"a b"', "ms=1", "/a+b/", "/^b/", "/b$/", "/^$/", "message:b", "message:/a$/",
     "level:warn", "level<=info", "stream:log", "request:r1", "request:r*", "install:*",
     "field.ms>=2", "field.ms:1", "field.u:a*", "field.u:/b/", "redacted:*"]
)  # fmt: skip


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda q: f"-({q})"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]} {both[1]})"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]} OR {both[1]})"),
    )


queries = st.recursive(atoms, combined, max_leaves=4)  # four: so many regexes are allowed
small_queries = st.recursive(atoms, combined, max_leaves=2)
filters = st.builds(
    lambda **parts: Filter.parse(parts),
    installs=st.lists(st.sampled_from(["i1", "i2", "i3"]), max_size=2),
    request=st.none() | st.sampled_from(["r1", "r2"]),
    streams=st.lists(st.sampled_from(["log", "stdout", "stderr"]), max_size=3),
    level=st.none() | st.sampled_from(list(Level)),
    q=st.just("") | queries,
)
events = st.builds(
    Event,
    ts=st.just("2026-01-01T00:00:00.000Z"),
    level=st.sampled_from(Level),
    stream=st.sampled_from(Output),
    message=st.text("abAB \n", max_size=8),
    install_id=st.none() | st.sampled_from(["i1", "i2"]),
    request_id=st.none() | st.sampled_from(["r1", "r2"]),
    fields=st.none()
    | st.fixed_dictionaries({}, optional={"ms": st.integers(0, 3), "u": st.text("ab", max_size=3)}),
    redacted=st.sampled_from([(), ("jwt",)]),
)


@given(st.lists(events, max_size=30), filters)
def test_a_batch_is_chosen_as_its_events_are_one_by_one(batch: list[Event], wanted: Filter):
    selector = compile_filter(wanted)
    one_by_one = [place for place, one in enumerate(batch) if selector.matches(one)]

    assert list(selector.select(Batch(batch))) == one_by_one
    assert [place for place, one in enumerate(batch) if selector.explain(one) is None] == one_by_one


@given(st.lists(events, max_size=20), st.lists(filters, min_size=2, max_size=6))
def test_filters_over_one_batch_do_not_disturb_each_other(
    batch: list[Event], several: list[Filter]
):
    shared = Batch(batch)
    for wanted in [*several, *reversed(several)]:
        selector = compile_filter(wanted)
        assert list(selector.select(shared)) == list(selector.select(batch))


@given(st.lists(events, max_size=20), small_queries, small_queries)
def test_the_operators_are_boolean(batch: list[Event], left: str, right: str):
    def chosen(q: str) -> set[int]:
        return set(compile_filter(Filter(q=q)).select(batch))

    everything = set(range(len(batch)))
    assert chosen(f"-({left})") == everything - chosen(left)
    assert chosen(f"({left}) ({right})") == chosen(left) & chosen(right)
    assert chosen(f"({left}) OR ({right})") == chosen(left) | chosen(right)


class Counting(Sequence[Event]):
    """A sequence that counts how often it is walked."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.walks = 0

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, place):
        return self.events[place]

    def __iter__(self):
        self.walks += 1
        return iter(self.events)


def test_equal_filters_are_answered_once_and_different_ones_share_the_columns():
    counting = Counting([event(f"line {number}", fields=None) for number in range(50)])
    batch = Batch(counting)
    first = compile_filter(Filter.parse({"q": "line 1"}))
    again = compile_filter(Filter.parse({"q": "line 1"}))

    assert first is again
    assert first.select(batch) is again.select(batch)
    walked = counting.walks
    for number in range(20):
        compile_filter(Filter.parse({"q": f"line {number}"})).select(batch)
    assert counting.walks == walked


# --- why a line was not shown -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"q": "hello -world zebra"}, "-world"),
        ({"q": "zebra OR lion"}, "zebra OR lion"),
        ({"level": "error"}, "level is below error"),
        ({"streams": ["stdout", "stderr"]}, "stream is not stderr or stdout"),
        ({"installs": ["inst-globex"], "q": "zebra"}, "install is not inst-globex"),
        ({"request": "other"}, "request is not other"),
        ({"q": "hello"}, None),
    ],
)
def test_a_refusal_is_explained_by_the_part_that_refused(said: dict[str, object], why: str | None):
    assert compile_filter(Filter.parse(said)).explain(event()) == why
