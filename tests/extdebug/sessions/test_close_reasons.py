"""Each end says a code, a word and what to do; strangers learn nothing from a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from policies.access import Check
from tests.extdebug.stage import allowed


def refused(**more: Any) -> Any:
    return allowed(**{"allowed": False, "code": "denied", "reason": "the grant ended", **more})


def check(rule: str) -> Check:
    return Check(rule=rule, ok=False, reason="no", hint="ask")


def test_a_frame_carries_all_of_it() -> None:
    shown = close_reasons.refusal(refused(checks=(check("grant"),), can_request=True, hint="ask"))
    frame = json.loads(shown.frame())
    assert (frame["type"], frame["code"], frame["reason"]) == ("closing", 4403, "grant")
    assert (frame["message"], frame["hint"]) == ("the grant ended", "ask")
    assert frame["canRequest"] is True
    assert frame["final"] is True


@pytest.mark.parametrize(
    ("decision", "opening", "running"),
    [
        (refused(checks=(check("signed_in"),)), (4401, "not_signed_in"), (4401, "signed_out")),
        (refused(related=False), (4404, "not_found"), (4409, "relation")),
        (refused(checks=(check("lock"),)), (4403, "lock"), (4409, "lock")),
        (refused(), (4403, "denied"), (4409, "denied")),
    ],
)
def test_a_refusal_and_a_cut_of_the_same_decision(
    decision: Any, opening: tuple[int, str], running: tuple[int, str]
) -> None:
    first, later = close_reasons.refusal(decision), close_reasons.cut(decision)
    assert (int(first.code), first.reason) == opening
    assert (int(later.code), later.reason) == running


def test_a_stranger_is_told_the_same_as_for_what_does_not_exist() -> None:
    stranger = refused(related=False, reason="you are no developer", checks=(check("grant"),))
    assert close_reasons.refusal(stranger) is close_reasons.NOT_FOUND
    assert close_reasons.refusal(refused(code="not_found")) is close_reasons.NOT_FOUND


def test_a_cap_says_when_to_come_back() -> None:
    busy = close_reasons.refusal(refused(code="busy", retry_after=7, checks=(check("caps"),)))
    assert (int(busy.code), busy.reason, busy.retry) == (4429, "caps", 7.0)


def test_everyone_comes_back_after_a_restart_but_not_at_once() -> None:
    retries = [close_reasons.draining().retry for _ in range(50)]
    assert all(retry is not None and 0.2 <= retry <= 2.0 for retry in retries)
    assert len(set(retries)) > 5
    away = [close_reasons.unavailable("Redis is away").retry for _ in range(50)]
    assert all(retry is not None and 2.0 <= retry <= 6.0 for retry in away)
    assert json.loads(close_reasons.draining().frame())["final"] is False


@pytest.mark.parametrize(
    ("who", "text"),
    [
        ("olivia", "olivia, an operator, ended this session."),
        ("", "An operator ended this session."),
        ("dan", "You ended this session from another page."),
    ],
)
def test_an_end_says_who_ended_it_in_a_sentence(who: str, text: str) -> None:
    end = close_reasons.ended_by(who, watcher="dan")
    assert end.message == text
    assert int(end.code) == 4410


def test_an_opening_that_is_refused_carries_its_end() -> None:
    end = close_reasons.bad_request("expected a subscribe frame", reason="too_late")
    error = OpeningRefused(end)
    assert error.end is end
    assert str(error) == "expected a subscribe frame"
    assert isinstance(close_reasons.TAKEN, CloseReason)


def test_a_range_that_was_told_to_its_end_is_written_and_read_as_that() -> None:
    end = close_reasons.END_OF_RANGE
    assert close_reasons.as_written(int(end.code), end.reason) is end
    other = close_reasons.as_written(int(end.code), "ended")
    assert other is not None
    assert other is not end
