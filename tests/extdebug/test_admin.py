"""Live sessions in the admin: ended by POST after a confirmation, each on its own terms."""

from typing import Any

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from tests.policies.at_the_desk import signed_in, watch
from tests.policies.conftest import actions, granted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


def test_behaviour_20_an_end_is_confirmed_and_only_then_requested(cast: Cast) -> None:
    granted(cast, cast.dan)
    row = watch(cast.dan)
    client = signed_in(cast.olivia)
    url = f"/admin/extdebug/debugsession/{row.pk}/end/"
    assert "This cuts 1 live session" in client.get(url).text
    assert client.post(url).status_code == 302
    row.refresh_from_db()
    assert row.end_requested_by == "olivia"
    assert actions(subject_id=str(row.pk)) == ["session.opened", "session.end_requested"]
    again = client.post(url)
    assert again.status_code == 409
    assert actions(subject_id=str(row.pk)).count("session.end_requested") == 1


def test_behaviour_20_ending_many_checks_each(cast: Cast) -> None:
    granted(cast, cast.dan)
    live, over = watch(cast.dan), watch(cast.dan)
    DebugSession.objects.filter(pk=over.pk).update(closed_at=timezone.now())
    client = signed_in(cast.olivia)
    url = "/admin/extdebug/debugsession/"
    chosen = {"action": "end_selected", "_selected_action": [str(live.pk), str(over.pk)]}
    asked = client.post(url, chosen)
    assert "This cuts 1 live session:" in asked.text
    assert "Over already" in asked.text
    live.refresh_from_db()
    assert live.end_requested_at is None
    done = client.post(url, {**chosen, "confirmed": "1"}, follow=True)
    assert "was over already" in done.text
    live.refresh_from_db()
    over.refresh_from_db()
    assert (live.end_requested_by, over.end_requested_by) == ("olivia", "")
