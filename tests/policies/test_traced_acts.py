"""Acts of approval are spans: which, about what, with which result, and none of their words."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from extdebug.demo.sample import Cast
from policies.changes import requests
from policies.changes import verbs as verbs_of_changes
from policies.changes.second_person import ChangeRefused
from policies.grants import verbs
from policies.grants.verbs import GrantRefused
from policies.models import Membership
from tests.audit.tracing.test_otlp import traced
from tests.fixtures.otlp import Receiver
from tests.policies.conftest import TARGET, wants

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_grant_from_its_request_to_its_end(cast: Cast, otlp_receiver: Receiver):
    words = secrets.token_hex(8)
    asked: dict[str, Any] = {**TARGET, "minutes": 30, "reason": words, "ticket": words}
    with traced(otlp_receiver.url):
        row = verbs.request(cast.dan, **asked)
        with pytest.raises(GrantRefused):
            verbs.approve(row.pk, by=cast.mallory, comment=words)
        verbs.approve(row.pk, by=cast.olivia, comment=words)
        verbs.revoke(row.pk, by=cast.oscar, reason=words)
        with pytest.raises(GrantRefused):
            verbs.break_glass(cast.mallory, **asked)

    said = [(one.name, one.said("state"), one.said("refused")) for one in otlp_receiver.spans]
    assert said == [
        ("grant.request", "requested", None),
        ("grant.approve", None, said[1][2]),
        ("grant.approve", "active", None),
        ("grant.revoke", "revoked", None),
        ("grant.break_glass", None, "GrantRefused"),
    ]
    assert said[1][2] is not None
    for span in otlp_receiver.spans[:4]:
        assert span.said("grant") == row.pk
        assert not span.failed
    assert otlp_receiver.spans[0].said("tenant") == "acme"
    sent = b"".join(otlp_receiver.bodies)
    people = [cast.dan, cast.olivia, cast.oscar, cast.mallory]
    for text in (words, *(user.email for user in people)):
        assert text.encode() not in sent


def test_a_change_from_its_request_to_its_answer(cast: Cast, otlp_receiver: Receiver):
    words = secrets.token_hex(8)
    new = Membership(user=cast.olivia, tenant=cast.acme)
    row = wants(lambda: verbs_of_changes.save(new, by=cast.olivia), by=cast.olivia)
    with traced(otlp_receiver.url):
        with pytest.raises(ChangeRefused):
            requests.approve(row.pk, by=row.requester, comment=words)
        requests.deny(row.pk, by=cast.oscar, reason=words)

    refused, denied = otlp_receiver.spans
    assert (refused.name, refused.said("refused")) == ("change.approve", "ChangeRefused")
    assert (denied.name, denied.said("state")) == ("change.deny", "denied")
    assert denied.said("change") == row.pk
    assert words.encode() not in b"".join(otlp_receiver.bodies)
