"""Hints to decide again: after the commit, never before it, and never in anybody's way."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from extdebug.demo.sample import Cast
from policies import cuts
from policies.changes import verbs as changes
from policies.grants import verbs
from policies.models import Lock
from tests.policies.conftest import granted


class Listener:
    """A member of the group of all processes; `heard` takes what has arrived, in order."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        assert self._layer is not None
        self._channel = async_to_sync(self._layer.new_channel)()
        async_to_sync(self._layer.group_add)(cuts.LAYER_GROUP, self._channel)

    def heard(self) -> list[dict[str, Any]]:
        return async_to_sync(self._take)()

    async def _take(self) -> list[dict[str, Any]]:
        assert self._layer is not None
        messages = []
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.02):  # the layer is in memory: what is there is there
                    messages.append(await self._layer.receive(self._channel))
        return messages


class DeadLayer:
    """A channel layer whose server is away."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionRefusedError("redis is away")


class SlowLayer:
    """A channel layer whose server accepts and never answers."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def listener(db: None) -> Listener:
    return Listener()


def hint_and_fail() -> None:
    with transaction.atomic():
        cuts.hint("never")
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_hint_goes_out_on_commit_and_not_before(listener: Listener) -> None:
    with transaction.atomic():
        cuts.hint("grant", grant_id=1)
        assert listener.heard() == []
    assert listener.heard() == [{"type": "cut.hint", "kind": "grant", "grant_id": 1}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_sends_nothing(listener: Listener) -> None:
    with pytest.raises(ZeroDivisionError):
        hint_and_fail()
    assert listener.heard() == []


@pytest.mark.django_db(transaction=True)
def test_verbs_and_changes_hint(cast: Cast, production: Any, listener: Listener) -> None:
    grant = granted(cast, cast.dan)
    listener.heard()
    verbs.revoke(grant.pk, by=cast.olivia, reason="over")
    assert listener.heard() == [
        {
            "type": "cut.hint",
            "kind": "grant",
            "grant_id": grant.pk,
            "user_id": cast.dan.pk,
            "tenant": "acme",
            "extension": "invoice-sync",
        }
    ]
    changes.save(Lock(tenant=cast.acme, reason="x"), by=cast.olivia)
    assert [(hint["kind"], hint["tenant"]) for hint in listener.heard()] == [("policy", "acme")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("layer", "said"), [(DeadLayer, "redis is away"), (SlowLayer, "")])
def test_a_layer_that_is_away_costs_a_warning(
    layer: type[DeadLayer | SlowLayer], said: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.{layer.__name__}"}}
    cuts.hint("grant")
    assert "the hint grant was not sent" in caplog.text
    assert said in caplog.text


@pytest.mark.django_db(transaction=True)
def test_without_a_layer_nothing_is_sent_and_nothing_fails(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHANNEL_LAYERS = {}
    cuts.hint("logout", session_hash="ab")
    assert caplog.text == ""
