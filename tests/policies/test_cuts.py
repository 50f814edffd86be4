"""Hints to decide again: after the commit, never before it, and never in anybody's way."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from extdebug.demo.sample import Cast
from policies import changes, cuts
from policies.grants import verbs
from policies.models import Lock
from tests.policies.conftest import granted


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What went to the layer, in order."""
    messages: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        messages.append(message)

    monkeypatch.setattr(cuts, "_group_send", keep)
    return messages


def hint_and_fail() -> None:
    with transaction.atomic():
        cuts.hint("never")
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_hint_goes_out_on_commit_and_not_before(sent: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        cuts.hint("grant", grant_id=1)
        assert sent == []
    assert sent == [{"type": "cut.hint", "kind": "grant", "grant_id": 1}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_sends_nothing(sent: list[dict[str, Any]]) -> None:
    with pytest.raises(ZeroDivisionError):
        hint_and_fail()
    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_verbs_and_changes_hint(cast: Cast, production: Any, sent: list[dict[str, Any]]) -> None:
    grant = granted(cast, cast.dan)
    sent.clear()
    verbs.revoke(grant.pk, by=cast.olivia, reason="over")
    assert sent == [
        {
            "type": "cut.hint",
            "kind": "grant",
            "grant_id": grant.pk,
            "user_id": cast.dan.pk,
            "tenant": "acme",
            "extension": "invoice-sync",
        }
    ]
    sent.clear()
    changes.save(Lock(tenant=cast.acme, reason="x"), by=cast.olivia)
    assert [(message["kind"], message["tenant"]) for message in sent] == [("policy", "acme")]


@pytest.mark.django_db(transaction=True)
def test_a_dead_layer_costs_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: object) -> None:
        raise ConnectionRefusedError("redis is away")

    monkeypatch.setattr(cuts, "_group_send", fail)
    cuts.hint("grant")
    assert "redis is away" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_listener_of_the_group_hears_it() -> None:
    layer = get_channel_layer()
    assert layer is not None
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)(cuts.LAYER_GROUP, channel)
    cuts.hint("logout", session_hash="ab", final=True)
    message = async_to_sync(layer.receive)(channel)
    assert message == {"type": "cut.hint", "kind": "logout", "session_hash": "ab", "final": True}
