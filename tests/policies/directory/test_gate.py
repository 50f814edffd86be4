"""What a run may do without being told: take little away, give nothing."""

import pytest

from policies.directory.document import Options
from policies.directory.gate import Refused, choose
from policies.directory.steps import Act, Plan, Step

GIVES = Step(section="roles", name="a", words="a", act=Act.ADD, widens="why", two=True)
WAKES = Step(section="people", name="b", words="b", act=Act.CHANGE, widens="why")
TAKES = Step(section="people", name="c", words="c", act=Act.CHANGE, takes=True)
NAMES = Step(section="people", name="d", words="d", act=Act.CHANGE)
ALL = Plan([GIVES, WAKES, TAKES, NAMES])


def test_giving_is_said_and_what_two_decide_on_waits_for_them() -> None:
    for two_needed, refused in ((False, [GIVES, WAKES]), (True, [WAKES])):
        with pytest.raises(Refused) as error:
            choose(ALL, Options(), kept={}, two_needed=two_needed)
        assert (error.value.code, error.value.steps) == ("would_widen", refused)
    chosen = choose(ALL, Options(widen=True), kept={}, two_needed=False)
    assert (chosen.made, chosen.waiting) == (ALL.steps, [])
    chosen = choose(ALL, Options(widen=True), kept={}, two_needed=True)
    assert (chosen.made, chosen.waiting) == ([WAKES, TAKES, NAMES], [GIVES])
    for two_needed in (False, True):
        chosen = choose(ALL, Options(hold=True), kept={}, two_needed=two_needed)
        assert (chosen.made, chosen.waiting) == ([TAKES, NAMES], [GIVES, WAKES])
    # In production a run that only two could let widen does the rest of itself.
    chosen = choose(Plan([GIVES, TAKES]), Options(), kept={}, two_needed=True)
    assert (chosen.made, chosen.waiting) == ([TAKES], [GIVES])


@pytest.mark.parametrize(
    ("gone", "kept", "allowed", "fine"),
    [(20, 20, 0, True), (21, 105, 0, True), (21, 104, 0, False), (21, 104, 20, False),
     (21, 104, 21, True), (21, 0, 0, False)],
)  # fmt: skip
def test_many_rows_are_taken_only_if_that_is_meant(
    gone: int, kept: int, allowed: int, fine: bool
) -> None:
    steps = [
        Step(section="people", name=f"p{n % gone}", words="", act=Act.CHANGE, takes=True)
        for n in range(2 * gone)
    ]
    options = Options(hold=True, allow_removals=allowed)
    if fine:
        assert choose(Plan(steps), options, kept={"people": kept}, two_needed=True).made == steps
        return
    with pytest.raises(Refused, match=f"people: {gone} rows would lose access, of {kept}") as error:
        choose(Plan(steps), options, kept={"people": kept}, two_needed=True)
    assert error.value.code == "too_many_removals"
