"""The sign of a step in a diff."""

from policies.directory.steps import Act, Step


def test_a_sign_says_what_a_step_does_to_access() -> None:
    def sign(act: Act, *, takes: bool = False, widens: str = "") -> str:
        return Step(section="s", name="n", words="", act=act, takes=takes, widens=widens).sign

    assert sign(Act.ADD) == "+"
    assert sign(Act.ADD, takes=True) == "-", "a lock"
    assert sign(Act.CHANGE) == sign(Act.NOTHING) == "~"
    assert sign(Act.CHANGE, widens="why") == sign(Act.DELETE, widens="why") == "+"
    assert sign(Act.DELETE, takes=True) == "-"
