"""The vocabulary of the trail: names that can stand in a row, each of them written somewhere."""

import re
from pathlib import Path

import pytest

from audit.actions import SUMMARISED, Action, ActorKind
from audit.models import AuditRecord

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("action", Action)
def test_a_name_is_a_subject_and_a_verb_that_fits_its_column(action: Action) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", action)
    assert len(action) <= (AuditRecord._meta.get_field("action").max_length or 0)


def test_kinds_of_actors_fit_their_column() -> None:
    longest = AuditRecord._meta.get_field("actor_kind").max_length
    assert longest is not None
    assert all(len(kind) <= longest for kind in ActorKind)


def test_every_action_is_written_by_some_code() -> None:
    """A word that nothing writes would promise a record that never comes."""
    code = "".join(
        path.read_text()
        for app in ("audit", "policies", "extdebug")
        for path in (ROOT / app).rglob("*.py")
        if path.name != "actions.py"
    )
    assert [action.name for action in Action if f"Action.{action.name}" not in code] == []


def test_what_is_summarised_anyone_can_cause_at_will() -> None:
    assert {str(action) for action in SUMMARISED} == {
        "session.denied", "session.resumed", "session.lines_saved", "session.view_shared",
        "page.refused",
        "grant.request_refused", "grant.refused", "token.refused", "ticket.refused",
        "sign_in.refused", "second_factor.refused",
    }  # fmt: skip
