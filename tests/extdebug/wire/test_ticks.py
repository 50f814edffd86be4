"""Whatever is put off is done a little later, never earlier, and together."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.ticks import TICK, next_round, round_after, tick_after


@given(st.floats(min_value=0, max_value=1e7))
def test_a_tick_comes_behind_its_moment_and_soon(moment: float) -> None:
    assert moment < tick_after(moment) <= moment + TICK


def test_moments_that_are_near_share_a_tick() -> None:
    moments = [100 + TICK * part for part in (0.01, 0.5, 0.99)]
    assert len({tick_after(moment) for moment in moments}) == 1


@given(st.floats(min_value=0, max_value=1e7), st.floats(min_value=0.01, max_value=60))
def test_a_round_comes_behind_its_moment_and_is_never_late(moment: float, every: float) -> None:
    assert moment < round_after(moment, every) <= moment + every * (1 + 1e-6)


@pytest.mark.parametrize("every", [0.25, 0.5, 0.75, 2.0, 5.0])
def test_rounds_are_ticks_and_come_together(every: float) -> None:
    at = round_after(1234.567, every)
    assert at == tick_after(at - TICK / 2)
    assert round_after(at, every) == at + every
    assert round_after(at - 0.001, every) == at


async def test_the_next_round_is_slept_for() -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await next_round(0.02)
    assert before < loop.time()
    assert loop.time() // 0.02 > before // 0.02


async def test_rounds_of_one_length_can_come_on_different_ticks() -> None:
    loop = asyncio.get_running_loop()
    await next_round(0.5, ticks=1)
    assert 0.125 <= loop.time() % 0.5 < 0.25
