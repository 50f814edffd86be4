"""Texts that are looked for together are found where each of them by itself is."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from extdebug.filters import searches
from extdebug.filters.batch import Batch
from extdebug.filters.filter import Filter, Selector
from extdebug.filters.searches import FEWEST, MOST_BYTES, REVIEWED, SHORTEST, Searches
from extdebug.wire.events import Event
from tests.extdebug.filters.sample_events import lines

WORDS = (
    "timeout", "Timeout", "TIMEOUT", "user=42", "a.b", "a*b", "[x]", "(y", "\\d", "caf\xe9",
    "\u6f22\u5b57", "no\u00a0break", "'", '"', "ti", "out", "meou", "^a", "z$", "%",
)  # fmt: skip


def batch_of(chance: Random, count: int) -> list[Event]:
    """More than SHORTEST characters, and most words in some lines of some batches alone."""
    said = chance.sample(WORDS, chance.randrange(4))
    texts = ["an ordinary line of text, as guests print them all day long" for _ in range(count)]
    for word in said:
        at = chance.randrange(count)
        texts[at] = f"{texts[at]} {word}{chance.choice(said)}"
    return lines(*texts)


def filters() -> list[Filter]:
    """Two for each word: lines that have it, and lines that do not."""
    quoted = [word.replace("\\", "\\\\").replace('"', '\\"') for word in WORDS]
    return [Filter.parse({"q": f'{sign}"{word}"'}) for word in quoted for sign in ("", "-")]


def test_many_filters_select_what_each_selects_alone() -> None:
    chance, stream = Random(1), Searches()
    selectors = [Selector(wanted) for wanted in filters()]
    together = 0
    for _ in range(300):
        events = batch_of(chance, 100)
        asked = chance.sample(selectors, chance.randrange(len(selectors)))
        shared = Batch(events, stream)
        assert len(shared.joined(whole=True, folded=False)) >= SHORTEST
        for selector in asked:
            assert selector.select(shared) == selector.select(Batch(events)), selector._parts
        together += sum(text._match is not None for text in stream._texts.values())
    assert together > 250, "an automaton was asked in nearly all of them"


def known(stream: Searches) -> list[str]:
    return stream.of((True, False))._known


def ask(stream: Searches, *texts: str, line: str = "x") -> list[bool]:
    batch = Batch(lines(*[line * 100] * 60), stream)
    return [not batch.lacks(text, whole=True, folded=False) for text in texts]


def many(first: int = 0, count: int = FEWEST) -> list[str]:
    return [f"text {number}" for number in range(first, first + count)]


def test_few_texts_are_looked_for_singly() -> None:
    stream = Searches()
    for _ in range(3):
        ask(stream, *many(count=FEWEST - 1))
    assert known(stream) == []
    ask(stream, *many())
    ask(stream, *many())
    assert sorted(known(stream)) == sorted(many())


def test_short_batches_are_not_worth_it() -> None:
    stream = Searches()
    for _ in range(3):
        batch = Batch(lines("short"), stream)
        assert [batch.lacks(text, whole=True, folded=False) for text in (*many(), "short")] == [
            *[True] * FEWEST, False,
        ]  # fmt: skip
    assert stream._texts == {}


def test_a_text_that_is_new_is_found_before_it_is_known() -> None:
    stream = Searches()
    for _ in range(2):
        ask(stream, *many())
    assert ask(stream, "new", "newer", line="the newest line") == [True, False]
    assert "new" not in known(stream)
    assert ask(stream, *many(FEWEST, FEWEST)) == [False] * FEWEST
    assert ask(stream, "new", line="the newest line") == [True]
    assert {"new", "newer", *many(0, 2 * FEWEST)} == set(known(stream))


def test_texts_that_nobody_looks_for_any_more_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "REVIEWED", 10)
    assert REVIEWED > 10
    stream = Searches()
    for _ in range(9):
        ask(stream, *many())
    for _ in range(20):
        ask(stream, *many(FEWEST, FEWEST))
    assert sorted(known(stream)) == sorted(many(FEWEST, FEWEST))


@pytest.mark.parametrize("kind", ["too many", "unprintable"])
def test_what_does_not_fit_is_looked_for_singly_and_costs_no_automaton_each_time(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{number:<100}" for number in range(2 * MOST_BYTES // 100)]
    if kind == "unprintable":
        texts = [*many(), *(f"\ud800{number}" for number in range(3 * FEWEST))]
    stream, made = Searches(), 0
    make = searches._Texts._make

    def counted(self: Any, asked: Any) -> None:
        nonlocal made
        made += 1
        make(self, asked)

    monkeypatch.setattr(searches._Texts, "_make", counted)
    ask(stream, *texts[: len(texts) // 2])
    for _ in range(30):
        ask(stream, *texts)
    assert made <= 4
    assert sum(len(text) for text in known(stream)) <= MOST_BYTES
    assert FEWEST <= len(known(stream)) < len(texts)
    assert ask(stream, texts[0], texts[-1], line=texts[-1]) == [False, True]


def test_an_automaton_that_gives_up_is_not_believed() -> None:
    stream = Searches()
    for _ in range(2):
        ask(stream, *many())
    texts = stream.of((True, False))
    assert texts._match is not None
    texts._match = lambda _: None
    assert ask(stream, "text 1", line="some text 1 ") == [True]
    for _ in range(3):
        ask(stream, *many())
    assert texts._match is None, "until the next review"


def test_kinds_of_text_are_kept_apart() -> None:
    stream = Searches()
    for _ in range(2):
        batch = Batch(lines(*["Text 1 and more"] * 400), stream)
        for folded in (False, True):
            found = [not batch.lacks(one, whole=True, folded=folded) for one in many()]
            assert found == [False, folded, *[False] * (FEWEST - 2)]
