"""Grants look on every page as they are by the clock; nothing unapproved looks approved."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.demo.sample import Cast
from policies.database import clock
from policies.grants import requests, verbs
from policies.models import Grant
from policies.templatetags.grant_states import state_colour, state_words
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
TARGET = {"tenant": "acme", "extension": "invoice-sync"}


def test_words_and_colour_go_by_the_clock(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    now = clock.now()
    assert (state_words(grant, now), state_colour(grant, now)) == ("Active", "success")
    later = now + dt.timedelta(hours=2)
    assert (state_words(grant, later), state_colour(grant, later)) == ("Expired", "default")
    pending = request(cast.dora)
    assert state_colour(pending, now) == "warning"
    assert state_words(pending, pending.lapses_at) == "Expired (not answered)"


def test_break_glass_access_is_never_green(cast: Cast) -> None:
    grant = requests.break_glass(cast.olivia, **TARGET, minutes=10, reason="an outage")
    assert state_colour(grant, clock.now()) == "danger"
    client = signed_in(cast.oscar)
    for page in (
        "/admin/",
        "/admin/policies/grant/",
        f"/admin/policies/grant/{grant.pk}/change/",
        f"/admin/policies/grant/{grant.pk}/revoke/",
    ):
        text = client.get(page).text
        row = text[max(0, text.index(grant.label) - 4000) :]
        assert "break-glass" in row
        assert "mark success" not in text, page
        assert "bg-green" not in text, page
    assert "break-glass" in signed_in(cast.olivia).get("/access/").text
    assert "state success" not in signed_in(cast.alice).get("/tenant/acme/").text


def test_a_revoked_grant_ends_when_it_was_revoked(cast: Cast) -> None:
    grant = granted(cast, cast.dan, minutes=60)
    planned = grant.ends_at
    verbs.revoke(grant.pk, by=cast.olivia, reason="over")
    grant = Grant.objects.get(pk=grant.pk)
    assert planned is not None
    assert grant.closed_at is not None
    assert (grant.ends, grant.began) == (grant.closed_at, True)
    assert grant.ends_at == planned
    shown = f"{planned:%Y-%m-%d} {planned:%H:%M}"
    for user, page in (
        (cast.olivia, f"/admin/policies/grant/{grant.pk}/change/"),
        (cast.olivia, "/admin/policies/grant/"),
        (cast.dan, "/access/"),
        (cast.alice, "/tenant/acme/"),
    ):
        text = signed_in(user).get(page).text
        assert f"to {shown}" not in text, page
        assert f"to {planned:%H:%M}<" not in text, page
        assert "data-until" not in text, page


def test_a_grant_closed_before_its_start_never_began(cast: Cast) -> None:
    later = clock.now() + dt.timedelta(hours=1)
    grant = request(cast.dan, starts_after=later)
    grant = verbs.approve(grant.pk, by=cast.olivia)
    assert grant.began
    verbs.cancel(grant.pk, by=cast.dan)
    assert not Grant.objects.get(pk=grant.pk).began
    assert "never began" in signed_in(cast.dan).get("/access/").text
