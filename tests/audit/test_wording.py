"""Rows of the trail for people: no name of a model, no number of a close code."""

import re

import pytest

from audit import wording
from audit.actions import Action


@pytest.mark.parametrize("action", list(Action))
def test_every_action_reads_as_words(action: Action) -> None:
    assert re.fullmatch(r"[A-Z][a-z]+([ -][a-z]+)*", wording.action(action))


@pytest.mark.parametrize(
    ("kind", "key", "named", "said"),
    [
        ("changerequest", "3", "Add lock: on acme", "change request C-3: Add lock: on acme"),
        ("changerequest", "3", None, "change request C-3"),
        ("grant", "12", None, "grant G-12"),
        ("session", "7e0c1a2b-97c8-4f6a-9d0e-5b1c2d3e4f50", None, "session 7e0c1a2b…"),
        ("redactionrule", "4", "customer-number", "redaction rule customer-number"),
        ("access_token", "5", None, "access token 5"),
        ("tenant", "1", "acme", "tenant acme"),
        ("lock", "2", None, "lock 2"),
        ("page", "", None, "page"),
        ("", "", None, ""),
    ],
)
def test_what_a_row_is_about_is_named(kind: str, key: str, named: str | None, said: str) -> None:
    assert wording.subject(kind, key, named=named) == said


def test_the_end_of_a_session_is_a_sentence_with_its_codes_behind() -> None:
    end = (Action.SESSION_CLOSED, "grant", {"code": 4409})
    assert wording.why(*end) == "The grant ended or was revoked"
    assert wording.behind(*end) == "4409 grant"
    left = (Action.SESSION_CLOSED, "the client left", {"code": 1000})
    assert (wording.why(*left), wording.behind(*left)) == ("The client left", "1000")


def test_other_reasons_stay_as_somebody_wrote_them() -> None:
    assert wording.why(Action.GRANT_REVOKED, "time_up", {}) == "time_up"
    assert wording.why(Action.TOKEN_REFUSED, "", {"code": "expired"}) == "expired"
    assert wording.why(Action.LOCK_SET, "", {}) == ""
    assert wording.behind(Action.GRANT_REVOKED, "grant", {"code": 4409}) == ""


def test_the_end_of_a_session_names_who_ended_it() -> None:
    row = (Action.SESSION_CLOSED, "ended", {"code": 4410, "ended_by": "olivia"})
    assert wording.why(*row, actor="dan") == "Ended by olivia"
    assert wording.why(*row, actor="olivia") == "Ended by the watcher"
    old = (Action.SESSION_CLOSED, "ended", {"code": 4410})
    assert wording.why(*old, actor="dan") == "Ended by the person or an operator"


def test_what_was_read_is_said_in_words_with_its_address_behind() -> None:
    address = {"code": "/admin/policies/grant/3/history/"}
    assert wording.why(Action.AUDIT_READ, "", address, about="grant G-3") == (
        "The history of grant G-3"
    )
    assert wording.behind(Action.AUDIT_READ, "", address) == address["code"]
    words = {"code": "the desk's recent denials"}
    assert wording.why(Action.AUDIT_READ, "", words) == "The desk's recent denials"
    assert wording.behind(Action.AUDIT_READ, "", words) == ""
