"""Which live sessions a change would end."""

import pytest

from extdebug.demo.sample import Cast
from policies.grants import verbs
from tests.policies.at_the_desk import act, signed_in, watch
from tests.policies.conftest import TARGET, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_behaviour_20_a_session_covered_by_another_grant_is_not_counted(cast: Cast) -> None:
    first = granted(cast, cast.dan, minutes=30)
    second = verbs.request(cast.alice, **TARGET, minutes=60, reason="x", beneficiary=cast.dan)
    verbs.approve(second.pk, by=cast.olivia)
    watch(cast.dan)
    client = signed_in(cast.oscar)
    assert "This cuts 0 live sessions" in client.get(act(first, "revoke")).text
    waiting = verbs.request(cast.dan, **TARGET, minutes=60, reason="x")
    for name in ("approve", "deny"):  # these cut nothing, ever
        assert "live session" not in client.get(act(waiting, name)).text
    verbs.revoke(second.pk, by=cast.olivia, reason="x")
    assert "This cuts 1 live session at once" in client.get(act(first, "revoke")).text
