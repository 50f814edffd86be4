"""Accounts are split and joined without a line counted twice or left out."""

from __future__ import annotations

import dataclasses

import pytest

from extdebug.sessions.account import Account, joined, rest_of
from extdebug.sessions.used_filters import FILTERS_KEPT

WRITTEN = Account(5, 2, {"retention": 3}, (), "9-0.10", [{"q": "a"}], [("1-0", "9-0")])
LATER = Account(
    8, 2, {"retention": 3, "producer": 4}, ("reset",), "14-0.17", [{"q": "a"}, {"q": "b"}],
    [("1-0", "9-0"), ("12-0", "14-0")],
)  # fmt: skip


def as_handed_in(rest: Account) -> dict[str, object]:
    return {
        "shown": rest.shown, "filtered": rest.filtered, "lost": rest.lost,
        "uncounted": list(rest.unknown), "filters": list(rest.filters), "reach": rest.reach,
    }  # fmt: skip


def test_the_rest_and_what_was_written_are_the_whole() -> None:
    rest = rest_of(LATER, WRITTEN)
    assert rest is not None
    assert (rest.shown, rest.filtered, rest.lost) == (3, 0, {"producer": 4})
    whole = joined(WRITTEN, as_handed_in(rest))
    assert dataclasses.replace(whole, cursor="", unknown=tuple(whole.unknown)) == (
        dataclasses.replace(LATER, cursor="", reach=tuple(LATER.reach or ()))
    )


def test_an_account_that_stood_still_has_no_rest() -> None:
    assert rest_of(dataclasses.replace(WRITTEN, cursor="elsewhere"), WRITTEN) is None
    assert joined(WRITTEN, None) is WRITTEN


def test_of_a_reach_that_nobody_kept_nothing_is_claimed() -> None:
    unknown = dataclasses.replace(WRITTEN, reach=None)
    assert joined(unknown, as_handed_in(WRITTEN)).reach is None


@pytest.mark.parametrize("known", [1, FILTERS_KEPT])
def test_filters_are_named_up_to_the_bound_of_a_row(known: int) -> None:
    many = dataclasses.replace(WRITTEN, filters=[{"q": str(n)} for n in range(known)])
    other = dataclasses.replace(WRITTEN, filters=[{"q": "x"}, {"q": "0"}])
    filters = joined(many, as_handed_in(other)).filters
    assert len(filters) == known + 1
    assert filters[-1] == ({"q": "x"} if known == 1 else {"more": 1})
