"""Rows about a subject and the latest refusals, as other apps show them."""

import pytest

from audit import queries, trail
from audit.actions import SUMMARISED
from tests.audit.conftest import record

# Summarised as well: no refusal, or one before it is known who asks.
NO_REFUSAL = {
    trail.Action.SESSION_RESUMED, trail.Action.SESSION_LINES_SAVED,
    trail.Action.SESSION_VIEW_SHARED, trail.Action.SIGN_IN_REFUSED,
}  # fmt: skip

pytestmark = pytest.mark.django_db


def test_about_finds_the_subject_and_the_sessions_named_and_nothing_else() -> None:
    grant = record(subject_type="grant", subject_id="7")
    session = record(subject_type="session", subject_id="s1")
    record(subject_type="grant", subject_id="8")
    record(subject_type="tenant", subject_id="7")
    record(action=trail.Action.AUDIT_READ, subject_type="grant", subject_id="7")
    assert list(queries.about("grant", 7)) == [grant]
    assert list(queries.about("grant", 7, sessions=["s1"])) == [session, grant]


def test_refusals_are_those_of_the_person_and_target_asked_for() -> None:
    def denied(person: str, tenant: str, extension: str) -> int:
        actor = trail.Actor(id=person)
        row = record(
            action=trail.Action.SESSION_DENIED, actor=actor, tenant=tenant, extension=extension
        )
        return row.seq

    record()  # an opening is no refusal
    ann, bob, other = denied("7", "acme", "a"), denied("8", "acme", "a"), denied("7", "acme", "b")

    def found(**asked: int | str) -> list[int]:
        return [row.seq for row in queries.refusals(**asked)]  # type: ignore[arg-type]

    assert found() == [other, bob, ann]
    assert found(person=7) == [other, ann]
    assert found(person=7, tenant="acme", extension="a") == [ann]
    assert found(tenant="globex") == []


@pytest.mark.parametrize("action", sorted(SUMMARISED - NO_REFUSAL))
def test_whatever_is_refused_to_somebody_is_among_the_refusals(action: trail.Action) -> None:
    row = record(action=action)
    assert list(queries.refusals()) == [row]
