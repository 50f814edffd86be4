"""One act on many grants: confirmed once, then judged one by one."""

import pytest

from extdebug.demo.sample import Cast
from policies.models import Grant
from tests.policies.at_the_desk import signed_in, state, watch
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_behaviour_20_bulk_actions_check_each_object(cast: Cast) -> None:
    """Of four chosen, the two that can be denied are; the others say why and stay."""
    dora, dan = request(cast.dora), request(cast.dan)
    own = request(cast.olivia)
    active = granted(cast, cast.alice)
    chosen = [g.pk for g in (dora, dan, own, active)]
    client = signed_in(cast.olivia)
    url = "/admin/policies/grant/"
    asked = client.post(url, {"action": "deny_selected", "_selected_action": chosen})
    assert "Deny 2 grants" in asked.text
    assert "cannot judge it" in asked.text
    assert f"{active.label} is active" in asked.text
    assert state(dora) == state(dan) == Grant.State.REQUESTED
    posted = {
        "action": "deny_selected", "_selected_action": chosen, "confirmed": "1", "reason": "no",
        **{f"version_{g.pk}": g.version for g in (dora, dan, own, active)},
    }  # fmt: skip
    done = client.post(url, posted, follow=True)
    assert state(dora) == state(dan) == Grant.State.DENIED
    assert state(own) == Grant.State.REQUESTED
    assert state(active) == Grant.State.ACTIVE
    assert f"{own.label}: Who requests a grant" in done.text


def test_behaviour_20_a_bulk_revocation_says_how_many_it_cuts_and_skips_the_stale(
    cast: Cast,
) -> None:
    one, two = granted(cast, cast.dan), granted(cast, cast.alice)
    watch(cast.dan)
    watch(cast.alice)
    client = signed_in(cast.olivia)
    url = "/admin/policies/grant/"
    chosen = [one.pk, two.pk]
    asked = client.post(url, {"action": "revoke_selected", "_selected_action": chosen})
    assert "This cuts 2 live sessions at once" in asked.text
    done = client.post(
        url,
        {
            "action": "revoke_selected", "_selected_action": chosen, "confirmed": "1",
            "reason": "enough", f"version_{one.pk}": one.version, f"version_{two.pk}": 0,
        },
        follow=True,
    )  # fmt: skip
    assert state(one) == Grant.State.REVOKED
    assert state(two) == Grant.State.ACTIVE
    assert "was changed since you opened it" in done.text
