"""The judge itself: a log without fault passes, and every planted fault turns it red."""

import random

import pytest

from tests.faults.oracle import Item, Shown, Stated, Verdict, Written, judge


def stream(count: int, *, dropped: frozenset[int] = frozenset()) -> list[Written]:
    """Numbers 1..count of one source, an entry each millisecond."""
    return [Written("w", n, None if n in dropped else f"{n}-0") for n in range(1, count + 1)]


def shown(*numbers: int) -> list[Item]:
    return [Shown("w", n, f"{n}-0") for n in numbers]


def gap(after: int, before: int | None, missed: int | None, reason: str = "retention") -> Stated:
    return Stated(reason, missed, f"{after}-0", None if before is None else f"{before}-0")


REASONS = {"written": ("retention", "reset", "not_consumed"), "dropped": ("producer", "reset")}


def judged(log: list[Item], written: list[Written]) -> Verdict:
    return judge(log, written, reasons=REASONS)


def test_a_log_with_everything_once_passes() -> None:
    verdict = judged(shown(*range(1, 101)), stream(100))
    assert not verdict.wrong
    assert (verdict.delivered, verdict.lost_total, verdict.doubled) == (100, 0, 0)


def test_losses_inside_stated_gaps_pass() -> None:
    log = [*shown(1, 2), gap(2, 6, 3), *shown(6, 7), gap(7, 9, 1, "producer"), *shown(9)]
    verdict = judged(log, stream(9, dropped=frozenset({8})))
    assert not verdict.wrong
    assert verdict.lost == {"retention": 3, "producer": 1}


def test_a_gap_of_unknown_size_covers_what_is_missing_at_its_place() -> None:
    log = [*shown(1, 2), Stated("reset", None, "2-0", None), *shown(6)]
    assert not judged(log, stream(6)).wrong
    elsewhere = [Stated("reset", None, "0-0", None), *shown(1, 2), *shown(6)]
    assert judged(elsewhere, stream(6)).wrong


def test_one_lost_event_turns_it_red() -> None:
    assert "lost without a word" in judged(shown(1, 2, 4), stream(4)).wrong[0]
    assert judged(shown(1, 2, 3), stream(4)).wrong, "the last one counts as well"


def test_one_doubled_event_turns_it_red() -> None:
    verdict = judged(shown(1, 2, 2, 3), stream(3))
    assert verdict.doubled == 1
    assert verdict.wrong


@pytest.mark.parametrize("missed", [2, 4])
def test_one_miscounted_event_turns_it_red(missed: int) -> None:
    assert judged([*shown(1, 2), gap(2, 6, missed), *shown(6)], stream(6)).wrong


def test_a_gap_at_another_place_turns_it_red() -> None:
    assert judged([*shown(1), *shown(3, 4), gap(3, 5, 1)], stream(4)).wrong


def test_a_loss_stated_twice_turns_it_red() -> None:
    log = [*shown(1), gap(1, 3, 1), gap(1, 3, 1), *shown(3)]
    assert judged(log, stream(3)).wrong


def test_the_wrong_reason_turns_it_red() -> None:
    log = [*shown(1), gap(1, 3, 1, "producer"), *shown(3)]
    assert "was stated as producer" in judged(log, stream(3)).wrong[0]


def test_order_and_strangers_turn_it_red() -> None:
    assert judged(shown(1, 3, 2), stream(3)).wrong
    assert judged(shown(1, 2, 9), stream(2)).wrong


def test_an_event_the_session_may_not_have_turns_it_red() -> None:
    written = [*stream(2), Written("w", 3, "3-0", wanted=False)]
    assert not judged(shown(1, 2), written).wrong
    assert "not for this session" in judged(shown(1, 2, 3), written).wrong[0]


@pytest.mark.parametrize("seed", range(40))
def test_planted_faults_never_pass(seed: int) -> None:
    """A random sound log passes; the same log with any one item changed does not."""
    chance = random.Random(seed)
    written = stream(60)
    log: list[Item] = []
    n = 1
    while n <= 60:
        if n > 1 and chance.random() < 0.15 and n < 58:
            lost = chance.randint(1, 3)
            log.append(gap(n - 1, n + lost, lost))
            n += lost
        log += shown(n)
        n += 1
    assert not judged(log, written).wrong
    at = chance.randrange(len(log))
    item = log[at]
    if isinstance(item, Shown):
        assert judged(log[:at] + log[at + 1 :], written).wrong
        assert judged([*log[:at], item, *log[at:]], written).wrong
    else:
        assert item.missed is not None
        less = gap(0, None, item.missed - 1)
        wrong = Stated(item.reason, less.missed, item.after, item.before)
        assert judged([*log[:at], wrong, *log[at + 1 :]], written).wrong
        assert judged(log[:at] + log[at + 1 :], written).wrong
