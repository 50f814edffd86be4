"""Where the loss of a restart is told, by the numbers of what may be of either run."""

from __future__ import annotations

import pytest

from extdebug.hub.run_beginning import Beginning, behind_what_was_read
from extdebug.wire.positions import EntryId
from tests.extdebug.hub.test_stream_life import Stage


class Numbered(Stage):
    """A stage whose lines carry their producer's number."""

    def say(self, src: str, *numbers: int, later: int = 1, lost: int = 0) -> None:
        for n in numbers:
            self.server.now += later
            fields = {
                "tenant": "acme", "extension": "invoice-sync", "message": f"{src}{n}",
                "src": src, "n": str(n), **({"lost": str(lost)} if lost else {}),
            }  # fmt: skip
            self.server.add(fields, kind="event", even=False, dropped=0)

    def goes(self) -> None:
        """The server goes, we notice at once, and it is back, with all that it held."""
        self.process.cut_off()
        self.server.restart(0, nameless=False)


@pytest.fixture
async def stage() -> Numbered:
    one = Numbered()
    one.say("w", 1)
    await one.look()
    one.say("w", 2, 3)
    await one.look()
    assert one.told() == ["w2", "w3"]
    return one


async def test_unread_lines_that_go_on_come_before_the_gap_and_the_hole_lies_in_it(
    stage: Numbered,
) -> None:
    stage.say("w", 4, 5)
    old = stage.server.life.held[-1].id if stage.server.life else None
    stage.goes()
    stage.say("w", 9, 10)  # 6 to 8 while the server was away
    await stage.look()
    assert stage.told() == ["w4", "w5", "reset:None", "w9", "w10"]
    [gap] = stage.gaps
    assert EntryId.parse(gap.after or "") == old


async def test_many_unread_lines_that_go_on_are_all_of_the_time_before(
    stage: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extdebug.hub.run_beginning.PAGE", 3)
    stage.say("w", *range(4, 12))
    stage.goes()
    stage.say("w", 20)
    await stage.look(6)
    assert stage.told() == [*(f"w{n}" for n in range(4, 12)), "reset:None", "w20"]


async def test_a_line_behind_a_hole_may_be_of_either_run(stage: Numbered) -> None:
    stage.say("w", 4, 7)
    stage.goes()
    stage.say("w", 8)
    await stage.look()
    assert stage.told() == ["w4", "reset:None", "w7", "w8"]
    [gap] = stage.gaps
    assert EntryId.parse(gap.before or "") > stage.server.lives[0].held[-2].id


@pytest.mark.parametrize(
    ("src", "n", "lost", "lines"),
    [("x", 4, 0, ["x4"]), ("w", 3, 0, ["w3"]), ("w", 4, 2, [])],
    ids=["unknown producer", "written twice", "marker"],
)
async def test_what_proves_nothing_comes_behind_the_gap(
    stage: Numbered, src: str, n: int, lost: int, lines: list[str]
) -> None:
    stage.say(src, n, lost=lost)
    stage.goes()
    await stage.look()
    first, *rest = stage.told()
    assert first == "reset:None"
    assert [line for line in rest if line[0] in "wx"] == lines
    assert EntryId.parse(stage.gaps[0].before or "") > stage.server.lives[0].held[-1].id


async def test_of_one_moment_what_goes_on_does_not_draw_the_rest_to_it(stage: Numbered) -> None:
    """A place in a name is a millisecond: what stands in one with a hole's line comes with it."""
    stage.say("w", 4)
    stage.say("w", 9, later=0)
    stage.goes()
    stage.say("w", 10)
    await stage.look()
    assert stage.told() == ["reset:None", "w4", "w9", "w10"]


def test_a_run_began_behind_what_was_read_of_the_one_before() -> None:
    doubt = Beginning(1_000, 500)
    assert behind_what_was_read(EntryId(1_200, 3), doubt) == Beginning(1_201, 299)
    assert behind_what_was_read(EntryId(900, 0), doubt) == doubt
    assert behind_what_was_read(EntryId(9_000, 0), doubt) == Beginning(1_500, 0)
    assert behind_what_was_read(EntryId(9_000, 0), Beginning(None, 0)) == Beginning(None, 0)
