"""What is said while the task sleeps is what the task would have said, in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.at_once import FRAMES_TOGETHER, AtOnce
from extdebug.sessions.bell import Bell
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.speakers import Speakers
from extdebug.wire.light_waits import LightEvent

ONE, TWO = ControlFrame("one", b"1"), ControlFrame("two", b"2")


class Session:
    """A feed's task and what it has to say."""

    def __init__(self) -> None:
        self.left: list[Any] = []
        self.written: list[Any] = []
        self.full = self.busy = False
        self.bell = Bell(asyncio.get_running_loop())
        self.at_once = AtOnce(
            self.bell, self._step, lambda: bool(self.busy), speakers=Speakers()
        )  # fmt: skip
        self.at_once.write = self._write
        self.task = asyncio.create_task(self.bell.sleep(1e9))

    def _step(self) -> Any:
        message = self.left.pop(0) if self.left else None
        if isinstance(message, Exception):
            raise message
        return message

    def _write(self, messages: Sequence[Any]) -> bool:
        if not self.full:
            self.written += messages
        return not self.full

    async def move(self, *messages: Any) -> None:
        self.left += messages
        self.at_once.moved()
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def session() -> Session:
    session = Session()
    await asyncio.sleep(0)
    return session


async def test_all_there_is_to_say_is_said_and_the_task_sleeps_on(session: Session):
    await session.move(ONE, TWO)
    assert (session.written, session.left, session.task.done()) == ([ONE, TWO], [], False)
    session.task.cancel()


async def test_nothing_is_said_before_who_moved_us_has_finished(session: Session):
    session.left.append(ONE)
    session.at_once.moved()
    assert session.written == []
    session.task.cancel()
    await asyncio.sleep(0)


async def test_a_task_that_is_awake_says_it_itself(session: Session):
    session.bell.ring()
    await session.move(ONE)
    assert (session.written, session.left) == ([], [ONE])


async def test_a_task_that_is_woken_meanwhile_says_it_itself(session: Session):
    session.left.append(ONE)
    session.at_once.moved()
    session.bell.ring()
    await session.task
    assert (session.written, session.left) == ([], [ONE])


async def test_what_cannot_be_written_is_the_task_s_once_and_comes_first(session: Session):
    session.full = True
    await session.move(ONE, TWO)
    assert (session.written, session.task.done()) == ([], True)
    assert session.at_once.unwritten() is ONE
    assert session.at_once.unwritten() is None
    assert session.left == [TWO]


async def test_the_end_wakes_the_task_and_is_not_written(session: Session):
    await session.move(close_reasons.SIGNED_OUT, ONE)
    assert (session.written, session.task.done()) == ([], True)


async def test_whatever_has_to_be_waited_for_wakes_the_task(session: Session):
    session.busy = True
    await session.move(ONE)
    assert (session.written, session.task.done()) == ([ONE], True)


async def test_a_step_that_fails_fails_the_task(session: Session):
    await session.move(ONE, ValueError("a bug"))
    assert (session.written, session.task.done()) == ([ONE], True)
    with pytest.raises(ValueError, match="a bug"):
        session.at_once.unwritten()


async def test_without_a_transport_that_writes_the_task_is_woken(session: Session):
    session.at_once.write = None
    await session.move(ONE)
    assert (session.written, session.task.done()) == ([], True)


@pytest.mark.parametrize("busy", [False, True])
async def test_behind_lines_that_were_all_nothing_is_looked_for_but_what_the_task_has_to_do(
    session: Session, busy: bool
) -> None:
    session.busy = busy
    session.at_once.told_all = lambda message: message is ONE
    session.left += [ONE, TWO]
    session.at_once.lines_came()
    for _ in range(3):
        await asyncio.sleep(0)
    assert (session.written, session.task.done()) == ([ONE, TWO] if busy else [ONE], busy)

    if not busy:
        session.at_once.moved()  # of any kind: all that could be said is looked for, once
        session.left.insert(0, ONE)
        await asyncio.sleep(0)
        assert session.written == [ONE, ONE, TWO]
        session.left += [ONE, TWO]
        session.at_once.lines_came()
        await asyncio.sleep(0)
        assert session.left == [TWO]
        session.task.cancel()
        await asyncio.sleep(0)


async def test_what_was_made_before_the_task_was_woken_is_the_task_s(session: Session) -> None:
    message = ONE
    session.left.append(message)
    made = session.at_once.make()
    assert made == (message,)
    session.bell.ring()  # as an end does
    assert not session.at_once.say(made)
    assert (session.written, session.at_once.unwritten()) == ([], message)
    await session.task


async def test_a_task_that_cannot_be_asked_for_fails_alone(session: Session) -> None:
    class Bug(list[Any]):
        def __bool__(self) -> bool:
            raise ValueError("a bug")

    session.busy = Bug()  # type: ignore[assignment]
    await session.move()
    assert session.task.done()
    with pytest.raises(ValueError, match="a bug"):
        session.at_once.unwritten()


async def test_nothing_is_made_while_the_client_takes_nothing(session: Session) -> None:
    session.at_once.room = room = LightEvent()
    await session.move(ONE)
    assert (session.left, session.task.done()) == ([ONE], True)

    waiting = asyncio.create_task(session.at_once.roomy())
    await asyncio.sleep(0)
    assert not waiting.done()
    room.set()
    await waiting
    session.task = asyncio.create_task(session.bell.sleep(1e9))
    session.bell.clear()
    await asyncio.sleep(0)
    await session.move()
    assert session.written == [ONE]
    session.task.cancel()


class Lines:
    """What follows, and how many frames of it were asked for at a time."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.asked: list[int] = []
        self.made: list[Any] = []

    @property
    def more(self) -> bool:
        return self.left > 0

    def lines(self, most: int) -> Sequence[Any]:
        self.asked.append(most)
        count = min(most, self.left)
        self.left -= count
        made = [ControlFrame("line", b"%d" % number) for number in range(count)]
        self.made += made
        return made


async def follow(session: Session, frames: int) -> Lines:
    await session.move()  # nothing but lines comes from here on
    session.at_once.following = lines = Lines(frames)  # type: ignore[assignment]
    session.at_once.lines_came()
    for _ in range(3):
        await asyncio.sleep(0)
    return lines


async def test_frames_go_together_once_one_was_written(session: Session) -> None:
    lines = await follow(session, 1 + 2 * FRAMES_TOGETHER)
    assert lines.asked == [1, FRAMES_TOGETHER, FRAMES_TOGETHER]
    assert (session.written, session.left) == (lines.made, [])
    assert not session.task.done()
    session.task.cancel()


async def test_a_client_that_takes_nothing_at_once_is_made_one_frame_at_a_time(
    session: Session,
) -> None:
    """The others would be of rules that may have changed when the first was taken."""
    session.full = True
    lines = await follow(session, 5)
    assert (lines.asked, lines.left, session.task.done()) == ([1], 4, True)
    assert session.at_once.unwritten() is lines.made[0]
    session.task = asyncio.create_task(session.bell.sleep(1e9))
    session.bell.clear()
    await asyncio.sleep(0)
    session.full = False
    session.at_once.lines_came()
    for _ in range(3):
        await asyncio.sleep(0)
    assert lines.asked[1] == 1
    assert session.written == lines.made[1:]
    session.task.cancel()


async def test_frames_that_could_not_be_written_together_are_the_task_s_in_their_order(
    session: Session,
) -> None:
    await follow(session, 1)
    lines = Lines(2)
    session.at_once.following = lines  # type: ignore[assignment]
    session.full = True
    session.at_once.lines_came()
    await asyncio.sleep(0)
    assert lines.asked == [FRAMES_TOGETHER]
    left = [session.at_once.unwritten() for _ in range(3)]
    assert left == [*lines.made, None]
    await session.task
