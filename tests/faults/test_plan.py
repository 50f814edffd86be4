"""What a run plays: everything at least once, the same in every process, again by its seed."""

from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.plan import SHARES, WATCHERS, chosen, plays, seed_of_run
from tests.faults.traffic import MIXES


@pytest.mark.parametrize("seed", range(20))
def test_three_runs_in_a_row_have_every_fault_watcher_and_producer(seed: int) -> None:
    runs = [plays({"FAULTS_SEED": str(one)}) for one in range(seed, seed + SHARES)]
    found = [play for run in runs for play in run]
    assert {play.fault for play in found} == set(FAULTS)
    assert len(found) == len(FAULTS), "each once"
    assert {play.producers for play in found} == set(MIXES)
    assert all(set(play.watchers) == set(WATCHERS) for play in found)
    assert runs[0] == plays({"FAULTS_SEED": str(seed)})


def test_seeds_ask_for_the_whole_product() -> None:
    found = plays({"FAULTS_SEED": "5", "FAULTS_SEEDS": "3"})
    pairs = {(play.fault, play.producers, play.seed) for play in found}
    assert len(found) == len(pairs) == 3 * len(FAULTS) * len(MIXES)


def test_minutes_ask_for_more_samples() -> None:
    many = plays({"FAULTS_SEED": "5", "FAULTS_LONG": "60"})
    assert len(many) > 5 * len(FAULTS)
    assert len({play.name for play in many}) == len(many)


def test_the_same_code_is_played_with_the_same_seed_and_other_code_with_another(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = seed_of_run({}, code=tmp_path)
    assert seed_of_run({}, code=tmp_path) == first
    assert seed_of_run({"FAULTS_SEED": "9"}, code=tmp_path) == 9
    (tmp_path / "a.py").write_text("x = 2")
    assert seed_of_run({}, code=tmp_path) != first
    assert seed_of_run({}) == seed_of_run({}), "of the product itself, in every process"


def test_a_play_is_played_again_by_its_own_command() -> None:
    play = plays({"FAULTS_SEED": "5"})[3]
    words = play.again.split()
    only = words[words.index("--only") + 1]
    again = plays({"FAULTS_SEED": str(play.seed), "FAULTS_SEEDS": "1", "FAULTS_ONLY": only})
    assert again == [play]


@pytest.mark.parametrize("only", ["faults=del", "fault=dle", "watcher=live+nobody"])
def test_unknown_names_are_refused(only: str) -> None:
    with pytest.raises(ValueError, match=r"unknown|no axis"):
        chosen(only)
