"""Filters: reading a client's parts, the same choice for one event and for many, shared work."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.batch import Batch
from extdebug.filters.filter import (
    _CACHED,
    EVERYTHING,
    FORGIVEN,
    Filter,
    FilterError,
    FilterParts,
    Problem,
    Selector,
    compile_filter,
)
from extdebug.filters.regex import Clocks
from extdebug.wire.events import Event, Level, Output
from tests.extdebug.filters.sample_events import event, lines
from tests.extdebug.filters.strategies import events, filters, queries


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
    assert found.to_json() == {
        "installs": ["inst-acme"], "request": "r", "streams": ["log"], "level": "warn", "q": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"installs": [], "request": None, "streams": [], "level": None, "q": ""},
        {"request": ""},
        {"streams": ["log", "stderr", "stdout", "log"]},
        {"level": "trace"},
        {"q": "  "},
    ],
)
def test_what_does_not_restrict_is_everything_and_costs_nothing(said: FilterParts):
    found = Filter.parse(said)
    selected = compile_filter(found).select(Batch([event(), event("x")]))

    assert found == EVERYTHING
    assert selected == range(2)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"installs": ["*"]}, "installs: expected 1-64"),
        ({"installs": ["a"] * 65}, "at most 64"),
        ({"request": "a\nb"}, "control characters"),
        ({"request": "r" * 129}, "at most 128"),
        ({"streams": ["stdin"]}, "streams: expected stdout, stderr, log; got 'stdin'"),
        ({"level": "loud"}, "level: expected trace"),
        ({"q": "a" * 1025}, "at most 1024"),
        ({"q": "(a"}, "never closed"),
        ({"q": "/(/"}, "RE2 says: missing"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_was_expected(said: FilterParts, says: str):
    with pytest.raises(FilterError, match=re.escape(says)) as caught:
        Filter.parse(said)

    assert caught.value.code in Problem


def test_an_error_points_into_the_text_as_the_client_wrote_it():
    with pytest.raises(FilterError) as caught:
        Filter.parse({"q": "   /(/"})

    assert caught.value.position == 3


def test_spaces_around_q_do_not_make_another_filter():
    bare, spaced = Filter.parse({"q": "a  b"}), Filter.parse({"q": " a  b\n"})

    assert spaced == bare
    assert compile_filter(spaced) is compile_filter(bare)


names = st.text(max_size=5)


@given(
    st.lists(names | st.just("inst-acme"), max_size=3),
    st.none() | names,
    st.lists(names | st.sampled_from(["log", "stdout"]), max_size=3),
    st.none() | names | st.just("warn"),
    st.text(max_size=12),
)
def test_any_texts_are_a_filter_or_a_filter_error(
    installs: list[str], request: str | None, streams: list[str], level: str | None, q: str
):
    said: FilterParts = {
        "installs": installs, "request": request, "streams": streams, "level": level, "q": q,
    }  # fmt: skip
    found: Filter | None = None
    place: int | None = None
    try:
        found = Filter.parse(said)
    except FilterError as error:
        place = error.position
    if found is None:
        assert place is None or 0 <= place <= len(q)
        return
    shown = found.to_json()
    again: FilterParts = {
        "installs": sorted(found.installs), "request": found.request,
        "streams": sorted(found.streams), "level": found.level, "q": found.q,
    }  # fmt: skip
    assert shown == again
    assert Filter.parse(again) == found
    assert hash(found) == hash(Filter.parse(said))


# --- selecting --------------------------------------------------------------------------------


@given(st.lists(events, max_size=30), filters)
def test_a_batch_is_chosen_as_its_events_are_one_by_one(batch: list[Event], wanted: Filter):
    selector = compile_filter(wanted)
    one_by_one = [place for place, one in enumerate(batch) if selector.select(Batch([one]))]

    assert list(selector.select(Batch(batch))) == one_by_one


@given(st.lists(events, max_size=20), st.lists(filters, min_size=2, max_size=6))
def test_filters_over_one_batch_do_not_disturb_each_other(
    batch: list[Event], several: list[Filter]
):
    shared = Batch(batch)
    for wanted in [*several, *reversed(several)]:
        selector = compile_filter(wanted)
        assert list(selector.select(shared)) == list(selector.select(Batch(batch)))


def test_equal_filters_are_answered_once_per_batch():
    batch = Batch(lines("line 1", "line 2"))
    first = compile_filter(Filter.parse({"q": "line 1"}))
    again = compile_filter(Filter.parse({"q": "line 1"}))

    assert first is again
    assert Filter.parse({"q": "line 1"}) is Filter.parse({"q": " line 1"}), "one for all sessions"
    for number in range(_CACHED + 1):
        compile_filter(Filter.parse({"q": f"line {number + 2}"}))
    assert compile_filter(Filter.parse({"q": "line 1"})) is first, "somebody holds it"
    assert first.select(batch) is again.select(batch)


@pytest.mark.parametrize(
    ("said", "selected"),
    [
        ({"level": "warn"}, True),
        ({"level": "error"}, False),
        ({"streams": ["log"]}, True),
        ({"streams": ["stdout", "stderr"]}, False),
        ({"installs": ["inst-acme", "inst-other"]}, True),
        ({"installs": ["inst-other"]}, False),
        ({"request": "Req-77"}, True),
        ({"request": "req-77"}, True),
        ({"request": "REQ-77"}, True),
        ({"request": "Req-7"}, False),
        ({"request": "req-7*"}, True),
        ({"request": "req-8*"}, False),
        ({"request": "*-77"}, True),
        ({"request": "*"}, True),
        ({"q": "request:RE*"}, True),
        ({"level": "warn", "installs": ["inst-acme"], "q": "hello"}, True),
        ({"level": "warn", "installs": ["inst-acme"], "q": "zebra"}, False),
        ({"installs": ["inst-other"], "q": "hello"}, False),
    ],
)
def test_every_part_of_a_filter_has_to_hold(said: FilterParts, selected: bool):
    assert bool(compile_filter(Filter.parse(said)).select(Batch([event()]))) == selected


def rejected(said: FilterParts, *of: Event) -> dict[int, tuple[str, str]]:
    found = compile_filter(Filter.parse(said)).rejections(Batch(of))
    return {place: (part.name, part.term) for place, part in found.items()}


@pytest.mark.parametrize(
    ("said", "name", "term"),
    [
        ({"request": "other*"}, "request", "request:other*"),
        ({"installs": ["b", "a"]}, "installs", "install:a OR install:b"),
        ({"level": "error"}, "level", "level>=error"),
        ({"streams": ["stdout", "stderr"]}, "streams", "stream:stderr OR stream:stdout"),
        ({"q": " hello  -world level:warn"}, "q", "-world"),
        ({"q": "hello AND ms>=500 zebra"}, "q", "ms>=500"),
        ({"q": "hello (zebra OR lion)"}, "q", "(zebra OR lion)"),
        ({"q": "zebra OR lion "}, "q", "zebra OR lion"),
        ({"q": 'NOT "hello world" x'}, "q", 'NOT "hello world"'),
        ({"level": "error", "q": "zebra"}, "level", "level>=error"),
    ],
)
def test_the_first_part_that_an_event_fails_is_named(said: FilterParts, name: str, term: str):
    assert rejected(said, event()) == {0: (name, term)}


@given(st.lists(events, max_size=20), filters)
def test_each_event_is_selected_or_rejected_by_a_part(batch: list[Event], wanted: Filter):
    selector = compile_filter(wanted)
    chosen = set(selector.select(Batch(batch)))
    assert chosen == set(range(len(batch))) - selector.rejections(Batch(batch)).keys()


@given(queries, st.lists(events, max_size=8))
def test_a_rejecting_term_of_q_rejects_alone(q: str, batch: list[Event]):
    for place, part in compile_filter(Filter.parse({"q": q})).rejections(Batch(batch)).items():
        alone = compile_filter(Filter.parse({"q": part.term}))
        assert not alone.select(Batch([batch[place]]))


def test_a_filter_that_was_stopped_selects_nothing_until_it_is_forgiven():
    now, used, cost = [1_000.0], [0.0], [0.3]

    def cpu() -> float:
        used[0] += cost[0]  # every look at the clock: so much CPU time was used
        return used[0]

    clocks = Clocks(cpu=cpu, wall=lambda: now[0])
    selector = Selector(Filter.parse({"q": "/only in this test/ OR a"}), clocks=clocks)
    batch = lines("a", "b")

    assert list(selector.select(Batch(batch))) == [0]
    assert list(selector.select(Batch(batch))) == []
    assert selector.failed is not None
    assert selector.failed.code is Problem.TOO_COSTLY
    assert selector.rejections(Batch(batch)) == {}
    cost[0] = 0.0
    assert list(selector.select(Batch(batch))) == []
    now[0] += FORGIVEN + 1.0
    assert selector.failed is None
    assert list(selector.select(Batch(batch))) == [0]
