"""People, roles and capabilities of a document: given to whom is named, and taken first."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from policies.directory.document import BadDocument, Options
from policies.directory.gate import Refused
from policies.models import ExtensionDeveloper
from tests.policies.directory.documents import WHOLE, said, synced

pytestmark = pytest.mark.django_db


def test_a_developer_is_narrowed_at_once_and_widened_apart() -> None:
    synced(**WHOLE)
    ines = ExtensionDeveloper.objects.get(user__username="ines")
    role = {"person": "ines", "role": "developer", "extension": "mailer"}

    outcome = synced(
        Options(hold=True), roles=[{**role, "installs": ["mail-i"]}, WHOLE["roles"][0]]
    )
    assert said(outcome) == ["- role: ines develops mailer: mail-u becomes no install"]
    assert [step.words for step in outcome.waiting] == [
        "role: ines develops mailer: no install becomes mail-i"
    ]
    assert not ines.installs.exists()
    synced(roles=[{**role, "installs": "all"}, WHOLE["roles"][0]])
    ines.refresh_from_db()
    assert ines.all_installs
    assert said(synced(Options(), roles=[{**role, "installs": ["mail-u"]}, WHOLE["roles"][0]])) == [
        "- role: ines develops mailer: all installs becomes mail-u"
    ]
    ines.refresh_from_db()
    assert (ines.all_installs, [each.key for each in ines.installs.all()]) == (False, ["mail-u"])


def test_names_and_addresses_follow_and_what_is_not_said_stays() -> None:
    synced(**WHOLE)
    row = {"username": "uma", "first_name": "Uma", "email": "u@umbrella.test"}
    assert said(synced(Options(), people=[row, {"username": "ines"}])) == [
        "~ person uma: first name '' becomes 'Uma', email 'uma@umbrella.test' becomes"
        " 'u@umbrella.test'"
    ]
    assert said(synced(Options(), people=WHOLE["people"][1:])) == ["- person uma: deactivated"]
    assert User.objects.get(username="uma").first_name == "Uma"


def test_where_an_operators_alerts_go_is_not_changed_unasked(cast: Cast) -> None:
    row = {"username": "olivia", "email": "eve@evil.test", "last_name": "O"}
    with pytest.raises(Refused):
        synced(Options(), people=[row])
    outcome = synced(Options(hold=True), people=[row])
    assert [step.widens for step in outcome.waiting] == ["It redirects an operator's alerts."]
    cast.olivia.refresh_from_db()
    assert (cast.olivia.email, cast.olivia.last_name) == ("olivia@example.test", "O")


ADMIN: dict[str, Any] = {"person": "uma", "role": "admin", "tenant": "umbrella"}
DEVELOPER: dict[str, Any] = {"person": "uma", "role": "developer", "extension": "mailer"}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"roles": [{**ADMIN, "person": "ulf"}]},
            "roles, row 1, person: expected one of the people of the database; got 'ulf'",
        ),
        (
            {"roles": [ADMIN], "people": [{"username": "ines"}]},
            "roles, row 1, person: expected one of the people of the document; got 'uma'",
        ),
        (
            {"roles": [ADMIN, {**DEVELOPER, "installs": ["mail-u", "inst-reports"]}]},
            "roles, row 2, installs: expected installs of mailer; got 'inst-reports'",
        ),
        (
            {"capabilities": [{"extension": "mailer", "install": "inst-reports"}]},
            "capabilities, row 1, install: expected an install of mailer; got 'inst-reports'",
        ),
        (
            {
                "capabilities": [{"extension": "mailer", "install": "mail-u"}],
                "installs": [{**WHOLE["installs"][0], "active": False}],
            },
            "capabilities, row 1, install: expected an install that is active; got 'mail-u'",
        ),
    ],
)
def test_what_a_row_refers_to_is_there(cast: Cast, sections: dict[str, Any], message: str) -> None:
    synced(**WHOLE)
    with pytest.raises(BadDocument) as error:
        synced(**sections)
    assert str(error.value) == message
