"""Access tokens: shown once, kept as a digest, cut to a scope, dead at once when revoked."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import trail
from extdebug.demo.sample import Cast
from policies import access
from policies.identity import tokens
from policies.identity.tokens import TokenRefused
from policies.models import AccessToken
from tests.policies.conftest import TARGET, actions

pytestmark = pytest.mark.django_db


def viewer(raw: str) -> access.Viewer | None:
    return access.viewer_from_token(raw, transport="sse", ip="192.0.2.7")


def test_a_token_opens_within_its_scope_only(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    who = viewer(issued.raw)
    assert who is not None
    assert (who.user_id, who.username, who.token_id) == (cast.dan.pk, "dan", issued.token.pk)
    assert access.decide(who, **TARGET).allowed
    elsewhere = access.decide(who, tenant="globex", extension="invoice-sync")
    assert (elsewhere.code, elsewhere.shown) == ("not_found", ())
    assert access.choices(who, extension="invoice-sync") == ["acme"]


def test_a_token_never_has_more_than_its_owner(cast: Cast) -> None:
    who = viewer(tokens.issue(cast.mallory, name="ci", tenant=cast.acme).raw)
    assert who is not None
    assert access.decide(who, **TARGET).code == "not_found"


def test_the_text_is_nowhere_but_in_the_answer(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    row = AccessToken.objects.filter(pk=issued.token.pk).values_list().get()
    assert issued.raw not in [str(value) for value in row]
    assert issued.raw.startswith("edc_")
    assert len(issued.raw) >= 40
    assert issued.raw not in str(list(trail.slice_for(["acme"]).values()))


def test_a_revoked_token_is_dead_for_running_sessions_too(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    who = viewer(issued.raw)
    assert who is not None
    for stranger in (cast.dora, cast.alice):
        with pytest.raises(TokenRefused):
            tokens.revoke(issued.token, by=stranger)
    tokens.revoke(issued.token, by=cast.olivia, reason="leaked")
    assert access.decide(who, **TARGET).code == "denied"
    assert viewer(issued.raw) is None
    with pytest.raises(TokenRefused, match="before"):
        tokens.revoke(issued.token, by=cast.dan)
    assert actions(action__startswith="token.")[:2] == ["token.issued", "token.revoked"]


def test_a_deleted_token_is_dead_for_running_sessions_too(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    who = viewer(issued.raw)
    assert who is not None
    issued.token.delete()
    assert not access.decide(who, **TARGET).allowed


def test_a_token_is_no_use_to_another_person(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    forged = access.Viewer(
        user_id=cast.alice.pk, username="alice", transport="sse", token_id=issued.token.pk
    )
    assert not access.decide(forged, **TARGET).allowed


def test_a_token_expires_and_bounds_the_decision(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme, lifetime=dt.timedelta(hours=1))
    who = viewer(issued.raw)
    assert who is not None
    assert access.decide(who, **TARGET).until == issued.token.expires_at
    now = timezone.now()
    AccessToken.objects.update(created_at=now - dt.timedelta(hours=2), expires_at=now)
    assert viewer(issued.raw) is None
    assert not access.decide(who, **TARGET).allowed


def test_an_inactive_owners_token_opens_nothing(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    User.objects.filter(pk=cast.dan.pk).update(is_active=False)
    assert viewer(issued.raw) is None


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"tenant": None}, "scope"),
        ({"name": " "}, "name"),
        ({"lifetime": dt.timedelta(days=91)}, "at most 90 days"),
        ({"lifetime": dt.timedelta(0)}, "at most 90 days"),
    ],
)
def test_a_token_without_bounds_is_refused(cast: Cast, what: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenRefused, match=words):
        tokens.issue(cast.dan, **{"name": "ci", "tenant": cast.acme, **what})
    assert not AccessToken.objects.exists()


def test_the_database_wants_a_scope_and_an_end(cast: Cast) -> None:
    token = tokens.issue(cast.dan, name="ci", tenant=cast.acme).token
    for broken in ({"tenant": None}, {"expires_at": token.created_at}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessToken.objects.filter(pk=token.pk).update(**broken)


def test_the_last_use_is_noted_once_a_minute(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme)
    viewer(issued.raw)
    issued.token.refresh_from_db()
    first = issued.token.last_used_at
    assert first is not None
    assert issued.token.last_used_ip == "192.0.2.7"
    viewer(issued.raw)
    issued.token.refresh_from_db()
    assert issued.token.last_used_at == first
    AccessToken.objects.update(last_used_at=first - dt.timedelta(minutes=2))
    viewer(issued.raw)
    issued.token.refresh_from_db()
    assert issued.token.last_used_at is not None
    assert issued.token.last_used_at >= first


@pytest.mark.django_db(transaction=True)
def test_a_refused_token_stays_in_the_trail_when_the_request_is_rolled_back(cast: Cast) -> None:
    for raw in ("", "edc_wrong", "x" * 5000):
        assert viewer(raw) is None
    assert actions() == ["token.refused"]  # and repeats are counted, not chained
