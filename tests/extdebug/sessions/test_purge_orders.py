"""An order is on record before anything goes, and so is its result, whatever Redis does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.chain import AuditError
from audit.models import AuditRecord, Outbox
from extdebug.demo.sample import Cast
from extdebug.models import StreamPurge
from extdebug.sessions import purge_orders
from extdebug.sessions.purge_orders import Order, PurgeFailed
from extdebug.streams.purge import EVERYTHING
from extdebug.wire.keys import Target
from policies.models import Notice
from tests.fixtures.redis import RedisServer

TARGET = Target("acme", "invoice-sync")
KEY = "ext-debug:acme:invoice-sync"

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(redis_server: RedisServer, settings: Settings) -> RedisServer:
    settings.EXT_DEBUG_PURGE_REDIS_URL = redis_server.url
    with redis_server.client() as client:
        for number in range(5):
            client.xadd(KEY, {"message": f"line {number}"})
    return redis_server


def asked(cast: Cast, **more: Any) -> Order:
    held = purge_orders.look(TARGET, EVERYTHING)
    return Order(target=TARGET, held=held, by=cast.olivia, **{"reason": "a key", **more})


def actions() -> list[str]:
    rows = AuditRecord.objects.filter(action__startswith="stream.").order_by("seq")
    return list(rows.values_list("action", flat=True))


def test_an_order_removes_nothing_and_tells_the_other_operators(
    cast: Cast, server: RedisServer
) -> None:
    row = purge_orders.order(asked(cast))
    assert actions() == ["stream.purge_ordered"]
    assert (row.expected, row.removed, row.done_at) == (5, None, None)
    told = Notice.objects.filter(kind="stream_purge", channel=Notice.Channel.EMAIL)
    assert [notice.recipients for notice in told] == [[cast.oscar.email]]
    with server.client() as client:
        assert client.xlen(KEY) == 5


def test_the_result_is_on_record_with_who_what_and_why(cast: Cast, server: RedisServer) -> None:
    order = asked(cast, ip="203.0.113.9")
    row = purge_orders.order(order)
    assert purge_orders.carry_out(row, order) == 5
    assert actions() == ["stream.purge_ordered", "stream.purged"]
    done = AuditRecord.objects.get(action="stream.purged")
    assert (done.actor_name, done.ip, done.reason) == ("olivia", "203.0.113.9", "a key")
    assert (done.tenant, done.extension) == ("acme", "invoice-sync")
    assert (done.data["expected"], done.data["removed"]) == (5, 5)
    row.refresh_from_db()
    assert (row.removed, row.failure) == (5, "")
    assert row.done_at is not None


def test_a_failure_of_redis_is_said_and_on_record(cast: Cast, server: RedisServer) -> None:
    order = asked(cast)
    row = purge_orders.order(order)
    server.stop()
    with pytest.raises(PurgeFailed, match="did not remove"):
        purge_orders.carry_out(row, order)
    assert actions() == ["stream.purge_ordered", "stream.purge_failed"]
    row.refresh_from_db()
    assert row.failure
    assert row.done_at is not None
    with pytest.raises(PurgeFailed, match="could not be asked"):
        purge_orders.look(TARGET, EVERYTHING)


def test_without_a_redis_nothing_can_be_purged(cast: Cast, settings: Settings) -> None:
    settings.EXT_DEBUG_PURGE_REDIS_URL = ""
    with pytest.raises(PurgeFailed, match="no Redis is configured"):
        purge_orders.look(TARGET, EVERYTHING)


def test_what_the_chain_does_not_take_waits_and_the_purge_does_not(
    cast: Cast, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AuditError("the chain takes nothing")

    monkeypatch.setattr("audit.writer.append_all", refuse)
    order = asked(cast)
    assert purge_orders.carry_out(purge_orders.order(order), order) == 5
    assert {item.entry["action"] for item in Outbox.objects.all()} >= {"stream.purge_ordered"}


def test_nothing_is_ordered_that_leaves_no_record(
    cast: Cast, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AuditError("neither chain nor outbox")

    monkeypatch.setattr("audit.trail.record_change", refuse)
    with pytest.raises(AuditError):
        purge_orders.order(asked(cast))
    assert not StreamPurge.objects.exists()
    assert not Notice.objects.filter(kind="stream_purge").exists()


def test_a_secret_in_the_reason_is_masked_before_anybody_reads_it(
    cast: Cast, server: RedisServer
) -> None:
    row = purge_orders.order(asked(cast, reason="printed AKIA" + "Z" * 16))
    assert "ZZZZ" not in row.reason
    assert "ZZZZ" not in str(AuditRecord.objects.get(action="stream.purge_ordered").row())


def test_orders_are_remembered_as_long_as_somebody_may_be_told(
    cast: Cast, server: RedisServer, settings: Settings
) -> None:
    order = asked(cast)
    row = purge_orders.order(order)
    assert [found[:3] for found in purge_orders.recent()] == [(row.pk, False, TARGET)]
    purge_orders.carry_out(row, order)
    ((_, done, _, purged),) = purge_orders.recent()
    assert (done, purged.reason, purged.stretch) == (True, "a key", order.held.stretch)
    late = timezone.now() + dt.timedelta(hours=3)
    assert purge_orders.recent(now=late) == []
    settings.EXT_DEBUG_RETENTION_SECONDS = 24 * 3600
    assert len(purge_orders.recent(now=late)) == 1
