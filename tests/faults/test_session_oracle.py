"""The judge of the product: a sound view passes, and each kind of planted fault turns it red.

Each fault must show in its own column of the verdict: a table that blames the wrong thing sends
people to the wrong place.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.faults.http_watchers import merged
from tests.faults.oracle import Item, Shown, Stated
from tests.faults.session_oracle import COLUMNS, Line, SessionVerdict, judge_session

RESETS = ("reset", "failover")
BEGIN = 1_000_000  # ms of the first id; a line each 10 ms


def id_of(n: int) -> str:
    return f"{BEGIN + 10 * n}-0"


def written(
    count: int, *, dropped: Sequence[int] = (), numbered: bool = True, src: str = "w"
) -> list[Line]:
    return [
        Line(src, n, None if n in dropped else id_of(n), numbered=numbered)
        for n in range(1, count + 1)
    ]


def shown(*numbers: int, src: str = "w") -> list[Item]:
    return [Shown(src, n, id_of(n)) for n in numbers]


def gap(after: int, before: int | None, missed: int | None, reason: str = "retention") -> Stated:
    return Stated(reason, missed, id_of(after), None if before is None else id_of(before))


def judged(
    log: Sequence[Item],
    lines: Sequence[Line],
    *,
    gone: Sequence[int] = (),
    resets: Sequence[str] = (),
) -> SessionVerdict:
    """`gone`: the numbers that the stream does not hold any more."""
    held = {line.id for line in lines if line.id and line.n not in gone}
    return judge_session(log, lines, since="0-0", held=held, resets=resets)


def red(verdict: SessionVerdict) -> dict[str, int]:
    return {column: count for column in COLUMNS if (count := getattr(verdict, column))}


def test_everything_once_passes() -> None:
    verdict = judged(shown(*range(1, 101)), written(100))
    assert (red(verdict), verdict.delivered) == ({}, 100)


def test_each_kind_of_true_gap_passes() -> None:
    log = [
        *shown(1, 2), gap(2, 6, 3), *shown(6), gap(6, 9, 2, "rate_limited"), *shown(9, 10),
        gap(10, 13, 2, "producer"), *shown(13),
    ]  # fmt: skip
    assert red(judged(log, written(13, dropped=[11, 12]), gone=[3, 4, 5])) == {}


def test_a_replaced_stream_is_a_gap_of_unknown_size() -> None:
    log = [*shown(1, 2), Stated("reset", None, id_of(2), id_of(6)), *shown(6, 7)]
    assert red(judged(log, written(7), gone=range(1, 6), resets=RESETS)) == {}
    without_end = [*shown(1, 2), Stated("reset", None, id_of(2), None), *shown(6, 7)]
    assert red(judged(without_end, written(7), gone=range(1, 6), resets=RESETS)) == {}
    exact = [*shown(1, 2), gap(2, 6, 3, "reset"), *shown(6, 7)]
    assert red(judged(exact, written(7), gone=range(1, 6), resets=RESETS)) == {}


def test_an_entry_shown_twice_is_doubled_at_once_and_across_a_reconnect() -> None:
    assert red(judged(shown(1, 2, 2, 3), written(3))) == {"doubled": 1}
    again = [*shown(1, 2, 3, 4), *shown(3, 4, 5)]
    assert red(judged(again, written(5))) == {"doubled": 2}


def test_an_entry_that_is_nowhere_is_silent() -> None:
    assert red(judged(shown(1, 2, 4), written(4))) == {"silent": 1}
    assert red(judged(shown(1, 2, 4), written(4), gone=[3])) == {"silent": 1}
    assert red(judged(shown(1, 2, 3), written(4))) == {"silent": 1}


def test_an_entry_the_stream_still_holds_is_not_excused_by_a_reset() -> None:
    log = [*shown(1, 2), Stated("reset", None, id_of(2), id_of(6)), *shown(6)]
    assert red(judged(log, written(6), gone=[3, 4], resets=RESETS)) == {"silent": 1}
    assert red(judged([*shown(1), gap(1, 3, 1), *shown(3)], written(3)))["silent"] == 1


@pytest.mark.parametrize("missed", [2, 4])
def test_a_count_that_is_off_by_one(missed: int) -> None:
    log = [*shown(1, 2), gap(2, 6, missed), *shown(6)]
    assert red(judged(log, written(6), gone=[3, 4, 5])) == {"counts": 1}
    own = [*shown(1, 2), gap(2, 6, missed, "not_consumed"), *shown(6)]
    verdict = red(judged(own, written(6)))
    assert verdict == ({"counts": 1} if missed == 4 else {"silent": 1})


def test_a_gap_that_is_told_twice() -> None:
    log = [*shown(1), gap(1, 3, 1), gap(1, 3, 1), *shown(3)]
    assert red(judged(log, written(3), gone=[2])) == {"counts": 1}
    later = [*shown(1), gap(1, 3, 1), *shown(3, 4), gap(1, 3, 1), *shown(5)]
    assert red(judged(later, written(5), gone=[2])) == {"counts": 1}
    shown_and_told = [*shown(1, 2, 3), gap(1, 3, 1), *shown(4)]
    assert red(judged(shown_and_told, written(4))) == {"counts": 1}


def test_a_place_that_excludes_a_lost_entry() -> None:
    log = [*shown(1), gap(2, 5, 3), *shown(5)]
    assert red(judged(log, written(5), gone=[2, 3, 4])) == {"places": 1}
    unknown = [*shown(1), Stated("reset", None, id_of(2), id_of(5)), *shown(5)]
    assert red(judged(unknown, written(5), gone=[2, 3, 4], resets=RESETS)) == {"places": 1}


def test_a_place_that_ends_before_it_begins() -> None:
    log = [*shown(1), Stated("reset", None, id_of(3), id_of(1)), *shown(2)]
    assert "places" in red(judged(log, written(2), resets=RESETS))


def test_a_gap_told_far_from_its_loss_was_not_told() -> None:
    log = [*shown(1), *shown(*range(3, 500)), gap(498, 500, 1), *shown(500)]
    verdict = judged(log, written(500), gone=[2])
    assert red(verdict) == {"silent": 1, "counts": 1}


@pytest.mark.parametrize("reason", ["retention", "producer", "rate_limited", "not_consumed"])
def test_null_where_a_number_is_due(reason: str) -> None:
    log = [*shown(1), gap(1, 3, None, reason), *shown(3)]
    assert "counts" in red(judged(log, written(3), gone=[2], resets=RESETS))


@pytest.mark.parametrize("reason", ["reset", "failover"])
def test_a_reset_of_a_stream_that_was_not_replaced(reason: str) -> None:
    log = [*shown(1, 2), gap(2, 3, None, reason), *shown(3)]
    assert red(judged(log, written(3))) == {"counts": 1}
    assert red(judged(log, written(3), resets=RESETS)) == {}
    others = [name for name in RESETS if name != reason]
    assert red(judged(log, written(3), resets=others)) == {"counts": 1}, "the reason counts too"


def test_order_and_strangers() -> None:
    assert red(judged(shown(1, 3, 2), written(3))) == {"order": 1}
    assert red(judged(shown(1, 2, 9), written(2))) == {"order": 1}
    stranger: list[Item] = [*shown(1), Shown("w", 2, id_of(7))]
    assert "order" in red(judged(stranger, written(2)))
    refused: list[Item] = [*shown(1), Shown("w", 2, id_of(2))]
    assert "order" in red(judged(refused, written(2, dropped=[2])))


def test_what_was_before_the_session_is_not_for_it() -> None:
    lines = written(5)
    held = {id_of(n) for n in range(1, 6)}
    fine = judge_session(shown(3, 4, 5), lines, since=id_of(2), held=held)
    early = judge_session(shown(2, 3, 4, 5), lines, since=id_of(2), held=held)
    assert (red(fine), red(early)) == ({}, {"order": 1})


# --- what a producer lost before Redis ------------------------------------------------------------


def test_a_hole_that_is_never_stated() -> None:
    assert red(judged(shown(1, 2, 5), written(5, dropped=[3, 4]))) == {"silent": 2}
    unnumbered = written(5, dropped=[3, 4], numbered=False)
    assert red(judged(shown(1, 2, 5), unnumbered)) == {}, "nobody can know"


def test_a_hole_that_is_told_twice_or_miscounted_or_misplaced() -> None:
    lines = written(9, dropped=[3, 4])
    twice = [
        *shown(1, 2),
        gap(2, 5, 2, "producer"),
        gap(2, 5, 2, "producer"),
        *shown(5, 6, 7, 8, 9),
    ]
    assert red(judged(twice, lines)) == {"counts": 2}
    more = [*shown(1, 2), gap(2, 5, 3, "producer"), *shown(5, 6, 7, 8, 9)]
    assert red(judged(more, lines)) == {"counts": 1}
    fewer = [*shown(1, 2), gap(2, 5, 1, "producer"), *shown(5, 6, 7, 8, 9)]
    assert red(judged(fewer, lines)) == {"silent": 1}
    elsewhere = [*shown(1, 2, 5, 6), gap(6, 7, 2, "producer"), *shown(7, 8, 9)]
    assert red(judged(elsewhere, lines)) == {"places": 2}


def test_what_redis_lost_is_not_the_producers() -> None:
    log = [*shown(1), gap(1, 3, 1, "producer"), *shown(3)]
    assert red(judged(log, written(3), gone=[2])) == {"silent": 1, "counts": 1}


def test_a_quiet_producers_hole_counts_beside_a_loud_one() -> None:
    loud = [Line("loud", n, f"{BEGIN + 10 * n}-5") for n in range(1, 90)]
    quiet = [Line("quiet", 1, id_of(2)), Line("quiet", 2, None), Line("quiet", 3, id_of(80))]
    held = {line.id for line in (*loud, *quiet) if line.id}
    log: list[Item] = [Shown("loud", n, f"{BEGIN + 10 * n}-5") for n in range(1, 90)]
    log += [Shown("quiet", 1, id_of(2)), Shown("quiet", 3, id_of(80))]
    log.sort(key=lambda item: int(item.id[:-2]) * 10 + int(item.id[-1]))  # type: ignore[union-attr]
    silent = judge_session(log, [*loud, *quiet], since="0-0", held=held)
    assert red(silent) == {"silent": 1}
    told = [*log, Stated("producer", 1, f"{BEGIN + 790}-5", id_of(80))]
    assert red(judge_session(told, [*loud, *quiet], since="0-0", held=held)) == {}


def test_a_hole_inside_what_redis_lost_may_be_stated_or_not() -> None:
    lines = written(8, dropped=[4])
    log = [*shown(1, 2), gap(2, 7, 3), *shown(7, 8)]
    told = [*shown(1, 2), gap(2, 7, 3), gap(2, 7, 1, "producer"), *shown(7, 8)]
    for view in (log, told):
        assert red(judged(view, lines, gone=[3, 5, 6])) == {}


def test_a_write_without_an_answer_is_either() -> None:
    lines = written(3)
    lines[1] = replace(lines[1], id=None, sure=False)
    for log in (shown(1, 3), shown(1, 2, 3), [*shown(1), gap(1, 3, 1, "producer"), *shown(3)]):
        assert red(judged(log, lines)) == {}


@pytest.mark.parametrize("reason", ["retention", "rate_limited"])
def test_a_write_without_an_answer_may_be_among_what_was_lost(reason: str) -> None:
    lines = written(9)
    lines[3] = replace(lines[3], id=None, sure=False)
    log = [*shown(1, 2), gap(2, 6, 3, reason), *shown(*range(6, 10))]
    assert red(judged(log, lines, gone=[3, 5])) == {}
    fewer = [*shown(1, 2), gap(2, 6, 2, reason), *shown(*range(6, 10))]
    assert red(judged(fewer, lines, gone=[3, 5])) == {}
    more = [*shown(1, 2), gap(2, 6, 4, reason), *shown(*range(6, 10))]
    assert red(judged(more, lines, gone=[3, 5])) == {"counts": 1}
    elsewhere = [*shown(1, 2, 3, 5, 6), gap(6, 9, 3, reason), *shown(9)]
    assert red(judged(elsewhere, lines, gone=[7, 8])) == {"counts": 1}


def test_a_write_without_an_answer_that_was_shown_is_not_lost() -> None:
    lines = written(5)
    lines[2] = replace(lines[2], id=None, sure=False)
    log = [*shown(1), gap(1, 4, 2), *shown(3, 4, 5)]
    assert red(judged(log, lines, gone=[2])) == {"counts": 1}


# --- filters --------------------------------------------------------------------------------------


def test_a_filter_says_what_must_and_what_may_be_shown() -> None:
    lines = [replace(line, level=("error", "warn")[line.n % 2]) for line in written(6)]
    held = {id_of(n) for n in range(1, 7)}
    verdicts = [
        judge_session(
            log, lines, since="0-0", held=held, must=lambda line: line.level == "error", may=may
        )
        for log, may in (
            (shown(2, 4, 6), lambda _: True),
            (shown(2, 3, 4, 6), lambda _: True),
            (shown(2, 6), lambda _: True),
            (shown(2, 3, 4, 6), lambda line: line.level == "error"),
        )
    ]
    assert [red(verdict) for verdict in verdicts] == [{}, {}, {"silent": 1}, {"order": 1}]


def test_what_a_filter_selected_at_times_leaves_room_for_what_is_gone() -> None:
    """A filter that changes: errors 6, 7 and the warning 5 came too fast; 2, 3 and 4 are gone."""
    lines = [replace(line, level=("error", "error", "warn")[line.n % 3]) for line in written(7)]
    held = {id_of(n) for n in (1, 5, 6, 7)}
    verdicts = [
        judge_session(
            [*shown(1), gap(2, 8, fast, "rate_limited"), gap(1, 9, gone)], lines,
            since="0-0", held=held, must=lambda line: line.level == "error",
        )
        for fast, gone in ((3, 3), (3, 4), (4, 3), (1, 3))
    ]  # fmt: skip
    assert [red(verdict) for verdict in verdicts] == [
        {}, {"counts": 1}, {"counts": 1}, {"silent": 1},
    ]  # fmt: skip


def test_what_is_gone_and_was_selected_at_times_is_in_either_gap() -> None:
    """The error 2 and the warning 4 came too fast; the warning 3 between them is gone."""
    lines = [replace(line, level="error" if line.n == 2 else "warn") for line in written(5)]
    held = {id_of(n) for n in (1, 2, 4, 5)}
    verdicts = [
        judge_session(
            [*shown(1), gap(1, 5, fast, "rate_limited"), gap(1, 9, gone), *shown(5)], lines,
            since="0-0", held=held, must=lambda line: line.level == "error",
        )
        for fast, gone in ((2, 1), (1, 1), (2, 2), (4, 1))
    ]  # fmt: skip
    assert [red(verdict) for verdict in verdicts] == [{}, {}, {"counts": 1}, {"counts": 2}]


# --- random views --------------------------------------------------------------------------------


@pytest.mark.parametrize(("dropped_here", "blamed"), [(2, {}), (3, {"counts": 1})])
def test_a_marker_is_lost_by_the_stream_alone(dropped_here: int, blamed: dict[str, int]) -> None:
    """A gap that counts what a filter selects holds no marker: the lines beside it must fill it."""
    lines = written(9, dropped=[5])
    lines.insert(5, Line("w", 0, id_of(5), lost=1))
    log = [*shown(1, 2), gap(2, 9, 4), gap(2, 9, dropped_here, "not_consumed"), *shown(9)]
    assert red(judged(log, lines, gone=[0, 3, 4, 6, 7, 8])) == blamed


@pytest.mark.parametrize("seed", range(40))
def test_planted_faults_never_pass(seed: int) -> None:
    """A random sound view passes; the same view with any one item changed does not."""
    chance = random.Random(seed)
    lines, n = written(60), 1
    gone: list[int] = []
    log: list[Item] = []
    while n <= 60:
        if 1 < n < 57 and chance.random() < 0.15:
            lost = chance.randint(1, 3)
            log.append(gap(n - 1, n + lost, lost))
            gone += range(n, n + lost)
            n += lost
        log += shown(n)
        n += 1
    assert red(judged(log, lines, gone=gone)) == {}
    at = chance.randrange(len(log))
    item = log[at]
    planted = [log[:at] + log[at + 1 :], [*log[:at], item, *log[at:]]]
    if isinstance(item, Stated):
        assert item.missed is not None
        changed = [replace(item, missed=n) for n in (item.missed - 1, item.missed + 1, None)]
        changed.append(replace(item, after=item.before))
        planted += [[*log[:at], other, *log[at + 1 :]] for other in changed]
    for view in planted:
        assert red(judged(view, lines, gone=gone)), view[max(0, at - 1) : at + 2]


def test_a_polls_answer_is_read_in_the_order_of_its_places() -> None:
    def event(n: int) -> dict[str, str]:
        return {"id": id_of(n), "message": f"w {n}"}

    def frame(after: str | None, before: str | None) -> dict[str, object]:
        return {"reason": "retention", "missed": 1, "after": after, "before": before}

    gaps = [frame(id_of(1), id_of(3)), frame(id_of(4), None)]
    log = merged([event(1), event(3), event(4), event(6)], gaps)
    assert [isinstance(item, Stated) for item in log] == [False, True, False, False, True, False]
