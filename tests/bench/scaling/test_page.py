"""docs/scaling.md says what the newest measurement says, and its command runs."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

import pytest

from extdebug.hub.linger import STEPS
from tests.bench.scaling.cases import CASES, HUNDRED, THOUSANDS, Case, Machines
from tests.bench.scaling.costs import Constants, constants_of, fits
from tests.bench.scaling.observations import Measured, load
from tests.bench.scaling.placement import buckets_of_the_fullest
from tests.bench.scaling.prediction import predict
from tests.bench.scaling.sizing import TARGET, size
from tests.bench.scaling.tables import (
    costs_table,
    errors_table,
    restarts_table,
    sizes_table,
    used_table,
)
from tests.files import ROOT

PAGE: Final = (ROOT / "docs" / "scaling.md").read_text()


@pytest.fixture(scope="module")
def measured() -> Measured:
    return load()


@pytest.fixture(scope="module")
def constants(measured: Measured) -> Constants:
    return constants_of(fits(measured), event_bytes=measured.event_bytes)


def test_the_page_names_where_and_when(measured: Measured):
    assert f"Measured on {measured.date}:" in PAGE
    assert all(line in PAGE for line in measured.where)
    assert f"{measured.event_bytes:.0f} bytes for each event" in PAGE


def test_the_costs_are_those_that_were_fitted(measured: Measured):
    assert costs_table(fits(measured)) in PAGE


def test_the_errors_are_those_of_the_measured_points(measured: Measured, constants: Constants):
    assert errors_table([predict(point, constants) for point in measured.points]) in PAGE


@pytest.mark.parametrize("case", [HUNDRED, THOUSANDS], ids=lambda case: case.name)
def test_a_load_takes_what_the_page_says(case: Case, constants: Constants):
    """The two that are simulated in a second; the others take minutes."""
    sized = [size(case, constants, Machines())]
    tables = (
        sizes_table(sized, constants),
        used_table(sized),
        restarts_table(sized, constants, Machines()),
    )
    for table in tables:
        assert table.splitlines()[-1] in PAGE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_load_is_sized_and_its_use_is_told(case: Case):
    assert PAGE.count(f"\n| {case.name} |") >= 2


def test_buckets_of_the_fullest_shard_are_counted():
    said = re.search(r"the fullest of 2 shards has (\d+) of them", PAGE.replace("\n", " "))
    assert said is not None
    assert int(said[1]) == buckets_of_the_fullest(2)


def test_the_waits_of_a_tail_are_those_of_the_product():
    words = " ".join(PAGE.split())
    (many, long), (few, short) = STEPS
    assert f"Above {few:,} deliveries a second a tail waits {short * 1e3:.0f} ms" in words
    assert f"above {many:,} {long * 1e3:.0f} ms" in words


def test_the_target_is_the_one_that_is_aimed_at():
    assert f"at most {TARGET * 100:.0f} % full" in PAGE.replace("\n", " ")


def test_the_command_of_the_page_says_what_a_load_takes():
    """The second block of docs/scaling.md, as it stands there."""
    command = re.findall(r"^```sh\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)[1]
    program, *arguments = command.split()
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout.startswith("| load | processes | shards |")
    assert "| this load |" in done.stdout
