"""A flood so small that it takes a second: compiled watchers, a peer, and a count that is whole."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.peers.peers import Peer
from tests.bench.rows.flood import flood
from tests.bench.runs import Run
from tests.fixtures.programs import redis_program, unavailable


@pytest.mark.redis
def test_two_watchers_get_every_event_once_and_in_order(tmp_path: Path):
    redis_program()
    if shutil.which("gcc") is None:
        unavailable("gcc is not installed: the watchers are a program in C")
    with closing(Run(tmp_path)) as run:
        sample = flood(run, Peer.UVICORN, name="flood-2", watchers=2, events=400)

    assert sample.broken == ""
    assert sample.figures["flood-2"] > 0
