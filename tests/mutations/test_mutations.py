"""Each planted fault turns a test red: a test that notices nothing is no test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.plan import seed_of_run
from tests.mutations.faults import MUTATIONS
from tests.mutations.runner import LONGEST, Mutation, copy_tree, noticed

# A run plants every sixth fault, the next change of the product others: all of them take some
# minutes. MUTATIONS=all, or `python -m tests.mutations`, plants each.
SHARE = MUTATIONS if os.environ.get("MUTATIONS") == "all" else MUTATIONS[seed_of_run() % 6 :: 6]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.mark.timeout(LONGEST + 30)
@pytest.mark.parametrize("mutation", SHARE, ids=[one.name for one in SHARE])
def test_a_planted_fault_turns_a_test_red(tree: Path, mutation: Mutation) -> None:
    assert not noticed(tree, mutation)


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS) >= 80
