"""A running console brings into the trail, within seconds, what was changed without a verb."""

from __future__ import annotations

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.sessions.supervisor import Supervisor

WITHIN = 3.0  # seconds; the poll for a new policy version is 0.75 s, the round without one 5 s


@pytest.mark.django_db(transaction=True)
async def test_a_change_by_sql_is_in_the_trail_of_a_running_console_within_seconds(
    cast: Cast,
) -> None:
    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO policies_lock (reason, created_at, user_id)"
                " VALUES ('x', CURRENT_TIMESTAMP, %s)",
                [cast.dan.pk],
            )

    await sync_to_async(trail.settle_notes)()
    running = Supervisor(name="here", use_rules=lambda _: None, health=dict)
    running.start()
    try:
        await asyncio.sleep(1)  # its first round is over
        began = time.monotonic()
        await sync_to_async(lock)()
        rows = AuditRecord.objects.filter(action="row.changed", subject_type="lock")
        async with asyncio.timeout(10):
            while not await rows.aexists():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.05)
        assert time.monotonic() - began < WITHIN
    finally:
        await running.stop()
