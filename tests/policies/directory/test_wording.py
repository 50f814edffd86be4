"""What a run says, to people in lines and to programs as JSON."""

from policies.directory.gate import Refused
from policies.directory.steps import Act, Step
from policies.directory.sync import Outcome
from policies.directory.wording import TWO, as_json, lines, refusal_json, refusal_lines

ADDED = Step(section="people", name="uma", words="person uma", act=Act.ADD)
GIVEN = Step(section="roles", name="r", words="role: r", act=Act.ADD, widens="It gives.", two=True)
TAKEN = Step(section="people", name="ulf", words="person ulf", act=Act.CHANGE, takes=True)


def test_a_diff_is_said_in_lines_and_as_json() -> None:
    outcome = Outcome([ADDED, TAKEN], [GIVEN], ["person eve: stays"], dry_run=True)
    assert list(lines(outcome)) == [
        "+ person uma",
        "- person ulf",
        "waiting, not made:",
        "  role: r: It gives.",
        TWO,
        "left alone: person eve: stays",
        "1 added, 1 taken away; 1 waits. This was a dry run: nothing was applied.",
    ]
    assert as_json(outcome) == {
        "ok": True,
        "dryRun": True,
        "summary": "1 added, 1 taken away; 1 waits. This was a dry run: nothing was applied.",
        "changes": [
            {"section": "people", "name": "uma", "sign": "+", "what": "person uma"},
            {"section": "people", "name": "ulf", "sign": "-", "what": "person ulf"},
        ],
        "waiting": [
            {"section": "roles", "name": "r", "sign": "+", "what": "role: r", "widens": "It gives."}
        ],
        "leftAlone": ["person eve: stays"],
    }


def test_nothing_is_said_to_be_nothing() -> None:
    assert list(lines(Outcome([], [], []))) == ["Nothing changed."]


def test_a_refusal_names_what_it_is_about() -> None:
    refused = Refused("would_widen", "no", [GIVEN])
    assert list(refusal_lines(refused)) == ["+ role: r"]
    said = refusal_json(refused)
    assert (said["ok"], said["code"], said["message"], said["error"]) == (
        False, "would_widen", "no", "no",
    )  # fmt: skip
    assert [each["name"] for each in said["changes"]] == ["r"]
