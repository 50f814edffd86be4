"""A stream that a cluster moved to another node goes on; without proof it is another server."""

from __future__ import annotations

import pytest

from extdebug.wire.keys import MOVED_PREFIX
from tests.extdebug.hub.test_stream_life import Stage, stage

__all__ = ["stage"]  # a fixture


def another(stage: Stage, name: str = "h2") -> Stage:
    return Stage(stage.server, name)


async def test_a_stream_that_was_moved_whole_goes_on_without_a_word(stage: Stage) -> None:
    epoch, place = stage.epoch, stage.process.watched.cursor
    stage.write("c")
    stage.process.sent_on()
    stage.server.move()
    stage.write("d")
    await stage.look()
    assert stage.told() == ["c", "d"]
    assert stage.process.watched.cursor.epoch == epoch == place.epoch
    assert stage.process.watched.cursor.index == 5
    assert stage.server.life is not None
    names = [name for name in stage.server.life.groups if name.startswith(MOVED_PREFIX.encode())]
    assert len(names) == 1


async def test_who_did_not_see_it_move_believes_who_did(stage: Stage) -> None:
    """Those who come later, and one that slept through it."""
    asleep = another(stage)
    await asleep.look()
    stage.process.sent_on()
    stage.server.move()
    stage.write("c")
    await stage.look()
    asleep.process.cut_off()
    await asleep.look()
    late = another(stage, "h3")
    await late.look()
    stage.write("d")
    for one, told in ((stage, ["c", "d"]), (asleep, ["c", "d"]), (late, ["d"])):
        await one.look()
        assert one.told() == told
        assert one.epoch == stage.epoch


async def test_it_may_move_on_and_back(stage: Stage) -> None:
    epoch, runs = stage.epoch, [stage.server.run]
    for number in range(3):
        stage.process.sent_on()
        stage.server.move()
        runs.append(stage.server.run)
        stage.write(f"moved {number}")
        await stage.look()
    stage.process.sent_on()
    stage.server.run = runs[0]  # the first server, which ran on
    stage.write("back")
    await stage.look()
    assert stage.told() == ["moved 0", "moved 1", "moved 2", "back"]
    assert stage.epoch == epoch
    late = another(stage)
    await late.look()
    assert late.epoch == epoch


async def test_it_may_move_on_before_anybody_reads_it_where_it_was_moved(stage: Stage) -> None:
    epoch = stage.epoch
    for number in range(3):
        stage.process.sent_on()
        stage.server.move()
        stage.write(f"moved {number}")
        stage.process._connected()
    await stage.look()
    assert stage.told() == ["moved 0", "moved 1", "moved 2"]
    assert stage.epoch == epoch
    late = another(stage)
    await late.look()
    assert late.epoch == epoch


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_of_several_moves_that_nobody_read_each_must_be_proved(
    stage: Stage, lost: int
) -> None:
    for number in range(3):
        if number == lost:
            stage.process.cut_off()
        else:
            stage.process.sent_on()
        stage.server.move()
        stage.process._connected()
    stage.write("c")
    await stage.look()
    assert [one for one in stage.told() if ":" in one] == ["failover:None"]


@pytest.mark.parametrize("said", [False, True])
async def test_what_nobody_saw_move_may_have_lost_its_end(stage: Stage, said: bool) -> None:
    """The connection broke, or another node than the one it was sent to has the stream now."""
    epoch = stage.epoch
    stage.process.cut_off()
    if said:
        stage.process.identity.gave("who died meanwhile")
    stage.server.move()
    stage.write("c")
    await stage.look()
    assert [one for one in stage.told() if ":" in one] == ["failover:None"]
    assert stage.epoch != epoch


async def test_after_a_move_the_next_server_may_fail_too(stage: Stage) -> None:
    stage.process.sent_on()
    stage.server.move()
    stage.write("c")
    await stage.look()
    epoch = stage.epoch
    stage.process.cut_off()
    stage.server.restart(0, nameless=False)
    stage.write("d")
    await stage.look()
    told = stage.told()
    assert [one for one in told if ":" in one] == ["reset:None"]
    assert [one for one in told if ":" not in one] == ["c", "d"]
    assert stage.epoch != epoch
    assert stage.server.life is not None
    assert not any(name.startswith(MOVED_PREFIX.encode()) for name in stage.server.life.groups)


async def test_all_tell_the_same_where_one_that_saw_nothing_named_the_life_first(
    stage: Stage,
) -> None:
    stage.process.sent_on()
    stage.server.move()
    late = another(stage)
    await late.look()
    stage.write("c")
    await stage.look()
    assert stage.epoch == late.epoch
    told = stage.told()
    assert sorted(told) == ["c", "reset:None"]
