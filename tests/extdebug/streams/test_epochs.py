"""One name for the life of a stream, the same for every process that looks."""

import time

import pytest

from extdebug.streams import epochs
from extdebug.streams.epochs import (
    KEPT,
    by_failover,
    current,
    moment,
    move,
    new_epoch,
    of_run,
    outdated,
    run_before,
    run_certain,
    run_mark,
)
from extdebug.wire.positions import EPOCH_DIGITS, ZERO_ID, Cursor

RUN = "ab12cd34ef567890ab12cd34ef567890ab12cd34"
OTHER = "ffff0000" * 5


def epoch(ms: int, run: str = RUN, end: str = "00000") -> str:
    return f"{ms:011x}{run_mark(run)}{end}"


def test_an_epoch_has_the_form_that_a_cursor_carries() -> None:
    made = new_epoch(RUN)
    assert len(made) == EPOCH_DIGITS
    assert Cursor.parse(f"0-0.0.{made}") == Cursor(ZERO_ID, 0, made)


def test_two_lives_that_begin_at_once_have_different_names() -> None:
    assert len({new_epoch(RUN) for _ in range(50)}) > 40


def test_an_epoch_tells_the_run_of_the_server_that_it_was_made_under() -> None:
    assert of_run(new_epoch(RUN), RUN)
    assert not of_run(new_epoch(RUN), OTHER)


def test_a_server_that_names_no_run_has_one_for_good() -> None:
    assert run_mark("") == "00000000"
    assert of_run(new_epoch(""), "")
    assert len(new_epoch("zz not hex")) == EPOCH_DIGITS


def test_an_epoch_carries_the_moment_before_which_its_run_wrote_nothing() -> None:
    assert moment(new_epoch(RUN, began_ms=1_700_000_000_123)) == 1_700_000_000_123
    before = int(time.time() * 1000)
    assert before <= moment(new_epoch(RUN)) <= int(time.time() * 1000)


def test_an_epoch_says_whether_its_server_took_anothers_place() -> None:
    assert by_failover(new_epoch(RUN, began_ms=5, failover=True))
    assert not by_failover(new_epoch(RUN, began_ms=5))
    assert of_run(new_epoch(RUN, failover=True), RUN)


@pytest.mark.parametrize("failover", [False, True])
def test_an_epoch_says_from_where_on_all_is_of_its_run(failover: bool) -> None:
    """Rounded up by a tenth at the most, and for a very long doubt as far as a name can say."""

    def certain(doubt_ms: int) -> int:
        made = new_epoch(RUN, began_ms=1000, doubt_ms=doubt_ms, failover=failover)
        assert (by_failover(made), moment(made)) == (failover, 1000)
        return run_certain(made).ms - 1000

    assert [certain(ms) for ms in (0, 1, 10**9)] == [0, 1, 289_430]
    for ms in (50, 51, 9000, 240_000):
        assert ms <= certain(ms) <= ms * 1.11


def test_names_sort_by_the_moment_of_their_run_however_many_digits_it_has() -> None:
    moments = [9, 10, 255, 256, 1_700_000_000_000, 2_500_000_000_000]
    made = [new_epoch(RUN, began_ms=ms) for ms in moments]
    assert sorted(made) == made


def test_of_several_made_at_once_all_take_the_one_whose_run_began_latest() -> None:
    """Who saw the server go knows its beginning to the millisecond, others only to the second."""
    made = [epoch(7, end="bbbbb"), epoch(7, end="aaaaa"), epoch(8, end="00000")]
    assert current(made, RUN) == current(made[::-1], RUN) == epoch(8, end="00000")
    assert current(made[:2], RUN) == current(made[1::-1], RUN) == epoch(7, end="bbbbb")


def test_an_earlier_runs_epoch_is_never_the_current_one() -> None:
    assert current([epoch(1, OTHER)], RUN) == ""
    assert current([epoch(1, OTHER), epoch(9)], RUN) == epoch(9)
    assert current([], RUN) == ""


def test_epochs_of_earlier_runs_stay_until_there_are_too_many_and_the_oldest_go() -> None:
    earlier = [epoch(ms, OTHER) for ms in range(KEPT + 2)]
    assert outdated([epoch(0), *earlier[::-1]], RUN) == earlier[:2]
    assert outdated(earlier[:KEPT], RUN) == []


def test_a_gap_between_two_runs_reaches_to_where_the_second_is_certain() -> None:
    first = epochs.new_epoch("a" * 40, began_ms=1_000)
    second = epochs.new_epoch("b" * 40, began_ms=5_000, doubt_ms=64)
    again = epochs.new_epoch("b" * 40, began_ms=5_000, doubt_ms=64)
    until = epochs.run_certain(second)
    assert until.ms >= 5_064
    assert epochs.gap_until([first, second], second) == until
    assert epochs.gap_until([second, again], second) == ZERO_ID, "one run alone"


# --- moved to another server

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


def test_a_run_that_was_replaced_meanwhile_is_over_even_if_its_server_answers_again() -> None:
    first = new_epoch(ONE)
    second = new_epoch(TWO, earlier=[first])
    assert current([first], ONE) == first
    assert current([first, second], ONE) == ""
    assert current([first, second], TWO) == second


def test_a_life_is_found_under_the_run_from_which_it_was_moved() -> None:
    life = new_epoch(ONE)
    moved = [move(TWO, ONE)]
    assert run_before([life], moved, TWO) == run_mark(ONE)
    assert run_before([life], moved, ONE) == ONE
    assert run_before([life], moved, THREE) == THREE
    further = [*moved, move(THREE, TWO)]
    assert run_before([life], further, THREE) == run_mark(ONE)


def test_what_a_later_run_named_is_no_life_of_the_run_before_the_move() -> None:
    life = new_epoch(ONE)
    newer = new_epoch(TWO, earlier=[life])
    moved = [move(TWO, ONE)]
    assert run_before([life, newer], moved, TWO) == TWO
    assert run_before([life, newer], [move(THREE, ONE)], THREE) == THREE


def test_moves_in_a_circle_end() -> None:
    moved = [move(TWO, ONE), move(ONE, TWO)]
    assert run_before([new_epoch(THREE)], moved, ONE) == ONE
    assert run_before([new_epoch(TWO)], moved, ONE) == run_mark(TWO)
