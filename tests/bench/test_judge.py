"""The bench's own judgement: what is whole, what is met, what is noise, and how it is written."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.bench.cases import OURS, Case, Round, Row, Sample, measure
from tests.bench.goals import FIGURES, Figure, Unit, least, most
from tests.bench.judge import Outcome, judge, measure_of, ratios
from tests.bench.peers.peers import Peer
from tests.bench.record import keep, page
from tests.bench.rows.decisions import figures_of
from tests.bench.table import table, written
from tests.bench.watchers import Counted, not_whole

WHOLE: Final = Counted(
    watchers=2, events=18, missed=2, least=10, gaps=1, uncounted=0, disorder=0, holes=2, closed=0,
    frames=4, seconds=1.0, first=0.1, last=1.1, cpu=0.1, p50=1.0, p99=2.0,
)  # fmt: skip


def test_a_round_is_whole_when_each_event_was_delivered_or_told():
    assert not_whole(WHOLE, published=10) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"events": 17, "least": 9}, "19 of 20 events delivered or told"),
        (
            {"events": 17, "least": 9, "missed": 3},
            "20 of 20",
        ),  # one has too few, the other too many
        ({"events": 19}, "21 of 20 events"),
        ({"disorder": 1}, "1 events twice or out of order"),
        ({"uncounted": 1}, "1 gap notices without a number"),
        ({"holes": 3}, "3 events skipped, 2 told"),
    ],
)
def test_a_round_is_not_whole_when_anything_is_missing_double_or_untold(changed, said):
    assert said in not_whole(msgspec.structs.replace(WHOLE, **changed), published=10)


def rounds(*figures: float, theirs: float = 100.0) -> list[Round]:
    return [{("speed", OURS): value, ("speed", Peer.NCHAN): theirs} for value in figures]


SPEED: Final = Figure("row", "speed", "how fast", Unit.RATE)


@pytest.mark.parametrize(
    ("goal", "values", "outcome"),
    [
        (least(100), (100, 101, 102), Outcome.MET),
        (least(100), (90, 91, 92), Outcome.MISSED),
        (least(100), (98, 98, 98), Outcome.WITHIN_NOISE),  # 3 % are always granted
        (least(100), (60, 91, 120), Outcome.WITHIN_NOISE),  # noise 16 %
        (least(100), (60, 70, 71), Outcome.MISSED),
        (least(100), (90, 90), Outcome.NOT_JUDGED),
        (least(100), (110,), Outcome.NOT_JUDGED),
        (most(100), (100, 99, 98), Outcome.MET),
        (most(100), (110, 111, 112), Outcome.MISSED),
        (most(0), (0, 0, 0), Outcome.MET),
        (most(0), (0, 1, 2), Outcome.MISSED),  # nothing of none is no noise
        (least(0.9, per=Peer.NCHAN), (91, 92, 93), Outcome.MET),
        (least(0.9, per=Peer.NCHAN), (70, 71, 72), Outcome.MISSED),
        (least(0.9, per=Peer.SEED), (70, 71, 72), Outcome.NOT_MEASURED),
        (least(0.9, per="speed"), (70, 71, 72), Outcome.MET),
    ],
)
def test_a_goal_is_missed_by_more_than_the_noise_alone(goal, values, outcome):
    assert judge(SPEED, goal, rounds(*values)).outcome is outcome


def test_noise_is_half_the_range_between_the_quartiles_of_the_rounds():
    measured = measure_of([80.0, 90.0, 100.0, 110.0, 120.0])
    assert measured is not None
    assert measured.median == 100
    assert measured.noise == pytest.approx(0.1)


def test_a_ratio_is_of_the_same_round():
    """A slow round is slow for both, and a round without the peer has no ratio."""
    pairs: list[Round] = [
        {("speed", OURS): 10.0, ("speed", Peer.NCHAN): 20.0},
        {("speed", OURS): 100.0},
        {("speed", OURS): 1000.0, ("speed", Peer.NCHAN): 2000.0},
    ]
    assert ratios(pairs, "speed", Peer.NCHAN) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_372_000.0, Unit.RATE, "1.37M/s"), (83_400.0, Unit.RATE, "83.4k/s"),
        (0.7134, Unit.US, "0.713 us"), (1_650.0, Unit.US, "1,650 us"),
        (33.04, Unit.SECONDS, "33 s"), (0.0, Unit.COUNT, "0"), (15.23, Unit.PERCENT, "15.2 %"),
    ],
)  # fmt: skip
def test_three_digits_of_a_figure_are_written(value, unit, text):
    assert written(value, unit) == text


def test_the_table_has_medians_ratios_goals_and_verdicts():
    figure = dataclasses.replace(SPEED, goals=(least(0.9, per=Peer.NCHAN), least(1000)))
    lines = table(
        [figure, Figure("row", "other", "not measured", Unit.MS)], rounds(50, 51, 52)
    ).splitlines()

    assert lines[0] == "| figure | ours | seed's design | Nchan | bare uvicorn | goal | reached |"
    assert lines[2:] == [
        "| how fast | 51/s ±3 % |  | 100/s (0.51x) |  | >= 0.9 of Nchan; >= 1,000 "
        "| 0.51 MISSED (noise 3 %); MISSED (noise 3 %) |"
    ]


def test_cases_alternate_and_one_that_fails_is_told_and_ends_nothing():
    calls: list[str] = []

    def case(name: str, sample: Sample | Exception) -> Case:
        def run() -> Sample:
            calls.append(name)
            if isinstance(sample, Exception):
                raise sample
            return sample

        return Case(name, OURS, run)

    row = Row(
        [
            case("a", Sample({"x": 2.0})),
            case("b", OSError("gone")),
            case("c", Sample({"y": 1.0}, "lost 1")),
        ],
        derived=lambda values: {"z": values["x", OURS] * 10},
    )
    measured = measure(row, rounds=2, tell=lambda line: None)

    assert calls == ["a", "b", "c"] * 2
    assert measured.rounds == [{("x", OURS): 2.0, ("y", OURS): 1.0, ("z", OURS): 20.0}] * 2
    assert measured.broken[:2] == ["b, ours, round 1: OSError: gone", "c, ours, round 1: lost 1"]


def test_a_second_page_of_a_day_does_not_replace_the_first(tmp_path: Path):
    first, second = (keep(text, folder=tmp_path) for text in ("one", "two"))

    assert (first.read_text(), second.read_text()) == ("one", "two")
    assert second.name == f"{first.stem}-2.md"


def test_the_page_says_what_was_not_whole_and_what_was_left_out():
    text = page("| table |", broken=["flood: 1 of 2 events"], left_out=["Nchan: no nginx"])

    assert "## Not whole\n\n- flood: 1 of 2 events\n" in text
    assert "## Left out\n\n- Nchan: no nginx\n" in text
    assert "Every round was whole" not in text
    assert "Every round was whole" in page("", broken=[], left_out=[])


def test_of_the_lists_the_worst_counts_and_of_a_call_the_first():
    found = [
        ("a, wall", 3.0, "ms"), ("a, CPU", 90.0, "ms"), ("a", 14.0, "queries"),
        ("b, wall", 5.0, "ms"), ("b, CPU", 1.0, "ms"), ("b", 2.0, "queries"),
    ]  # fmt: skip
    assert figures_of("lists", found) == {"lists-ms": 5.0, "lists-queries": 14.0}
    assert figures_of("decide", found) == {"decide-ms": 3.0, "decide-queries": 14.0}


def test_every_figure_has_its_own_key():
    keys = [figure.key for figure in FIGURES]
    assert len(set(keys)) == len(keys)
    for figure in FIGURES:
        for goal in figure.goals:
            assert goal.per is None or isinstance(goal.per, Peer) or goal.per in keys
