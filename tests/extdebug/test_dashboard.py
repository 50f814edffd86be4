"""The admin's first page: for operators everything that waits or lives, for other staff nothing."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from extdebug.sessions import store
from extdebug.wire.keys import Target
from policies import access
from tests.policies.at_the_desk import act, signed_in, watch
from tests.policies.conftest import TARGET, granted, request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


def test_the_first_page_shows_what_waits_what_is_granted_who_watches_and_who_was_refused(
    cast: Cast,
) -> None:
    waiting, active = request(cast.dora), granted(cast, cast.dan)
    row = watch(cast.dan)
    viewer = access.viewer_of(cast.alice, transport="ws")
    store.open_session(viewer, Target(**TARGET), process="p", filters=[])
    page = signed_in(cast.olivia).get("/admin/").text
    assert act(waiting, "approve") in page
    assert act(active, "revoke") in page
    assert f"/admin/extdebug/debugsession/{row.pk}/end/" in page
    assert "You have no grant for this target." in page
    live = signed_in(cast.olivia).get("/admin/?live=1").text
    assert "You have no grant for this target." not in live


def test_staff_without_the_right_see_nothing_of_it(cast: Cast) -> None:
    granted(cast, cast.dan)
    page = signed_in(User.objects.create_user("stefan", is_staff=True)).get("/admin/").text
    assert "not an operator" in page
    assert "dan" not in page
