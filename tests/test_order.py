"""Tests that wait are spread among those that work, and no module is taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from tests.fixtures.order import WAITING, spread


@dataclass(frozen=True)
class Test:
    __test__ = False
    nodeid: str


def made(*modules: tuple[str, int]) -> list[Test]:
    return [Test(f"{name}::test_{n}") for name, count in modules for n in range(count)]


def test_each_test_runs_once_and_a_module_stays_together() -> None:
    all_of_them = made(("a.py", 30), (WAITING[0], 4), ("b.py", 1), (WAITING[1], 6), ("c.py", 50))
    order = spread(all_of_them)
    assert sorted(order, key=str) == sorted(all_of_them, key=str)
    others = [test for test in order if not test.nodeid.startswith(WAITING)]
    assert others == [test for test in all_of_them if not test.nodeid.startswith(WAITING)]
    for module in ("a.py", "b.py", "c.py"):
        places = [n for n, test in enumerate(order) if test.nodeid.startswith(module)]
        assert places == list(range(places[0], places[-1] + 1))


def test_no_third_of_the_run_is_without_its_share_of_what_waits() -> None:
    order = spread(made(*((f"m{n}.py", 5) for n in range(60)), (WAITING[0], 30)))
    third = len(order) // 3
    for start in (0, third, 2 * third):
        waiting = sum(t.nodeid.startswith(WAITING) for t in order[start : start + third])
        assert 8 <= waiting <= 12
    together = [len(list(run)) for waits, run in groupby(
        order, key=lambda test: test.nodeid.startswith(WAITING)) if waits]  # fmt: skip
    assert max(together) == 1


def test_without_either_kind_nothing_changes() -> None:
    assert spread([]) == []
    for alone in (made(("a.py", 3)), made((WAITING[0], 3))):
        assert spread(alone) == alone
