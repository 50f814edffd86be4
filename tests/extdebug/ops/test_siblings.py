"""Workers find each other in a folder: numbers are reused, whoever is silent is left out."""

import asyncio
import os
import socket
from functools import partial
from pathlib import Path

import pytest

from extdebug.ops import siblings
from extdebug.ops.siblings import Siblings


def test_each_takes_the_lowest_number_that_no_living_worker_has(tmp_path: Path):
    first, second, third = (Siblings.join(tmp_path) for _ in range(3))
    assert [first.number, second.number, third.number] == [0, 1, 2]
    second.leave()
    assert Siblings.join(tmp_path).number == 1


def test_a_worker_that_was_killed_leaves_its_number_to_the_next(tmp_path: Path):
    if not (child := os.fork()):
        Siblings.join(tmp_path)
        os._exit(0)  # nothing is cleaned up
    os.waitpid(child, 0)
    assert Siblings.join(tmp_path).number == 0


async def test_all_that_answer_are_heard_however_much_they_say(tmp_path: Path) -> None:
    long = b"x" * 3_000_000
    texts = [b"first", long, b""]
    team = [Siblings.join(tmp_path) for _ in texts]
    for each, text in zip(team, texts, strict=True):
        await each.answer(partial(bytes, text))
    assert await team[0].ask() == dict(enumerate(texts))
    team[2].leave()
    assert (await team[0].ask()).keys() == {0, 1}
    for each in team[:2]:
        each.leave()


async def test_one_that_hangs_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "ANSWER_WITHIN", 0.1)
    well = Siblings.join(tmp_path)
    await well.answer(lambda: b"well")
    with socket.socket(socket.AF_UNIX) as hangs:  # connects, and nobody answers
        hangs.bind(str(tmp_path / "1.sock"))
        hangs.listen()
        assert await well.ask() == {0: b"well"}
    assert await asyncio.wait_for(well.ask(), 5) == {0: b"well"}  # its socket is still there
    well.leave()
