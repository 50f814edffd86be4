"""Whatever is put off is done a little later, never earlier, and together."""

from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.ticks import TICK, tick_after


@given(st.floats(min_value=0, max_value=1e7))
def test_a_tick_comes_behind_its_moment_and_soon(moment: float) -> None:
    assert moment < tick_after(moment) <= moment + TICK


def test_moments_that_are_near_share_a_tick() -> None:
    moments = [100 + TICK * part for part in (0.01, 0.5, 0.99)]
    assert len({tick_after(moment) for moment in moments}) == 1
