"""A planned change as the row it asks for, and in words."""

import pytest

from extdebug.demo.sample import Cast
from policies.changes import plans, requests, verbs
from policies.changes.second_person import NeedsSecond
from policies.models import Membership


@pytest.mark.django_db
@pytest.mark.usefixtures("production")
def test_a_plan_names_rows_and_becomes_one(cast: Cast) -> None:
    with pytest.raises(NeedsSecond) as needs:
        verbs.save(Membership(user=cast.mallory, tenant=cast.acme), by=cast.olivia)
    asked = requests.ask(needs.value.plan, by=cast.olivia, reason="x")
    assert asked.shown["changed"]["user"] == {"from": "–", "to": "mallory"}
    assert (asked.tenant_key, asked.summary) == (
        "acme",
        "Add tenant admin: mallory is admin of acme",
    )
    row = plans.target(asked)
    assert isinstance(row, Membership)
    assert (row.pk, row.user, row.tenant) == (None, cast.mallory, cast.acme)
