"""What deployed runners write without a tenant: operators watch it under a grant, nobody else does.

Decided and recorded like any session, and redacted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.grants import verbs
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]
SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
# As the platform's deployed runners write stderr: no tenant, no extension, no numbers.
ENTRY = {
    "ts": "1732356000000", "level": "error", "stream": "stderr",
    "message": f"upload failed, token {SECRET}", "truncated": "0",
}  # fmt: skip


def poll(console: Console, user: Any, **target: str) -> httpx.Response:
    return httpx.post(
        f"{console.url}/api/ext-debug/stream", json={"lastId": "0", **target},
        headers=console.headers(user), timeout=10,
    )  # fmt: skip


def test_only_an_operator_with_a_grant_sees_it_and_it_is_on_record(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, settings: Any
) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "staging"
    with redis_server.client() as client:
        client.xadd("ext-debug:unknown", ENTRY)
    console = live_console(redis_url=redis_server.url, EXT_DEBUG_ENVIRONMENT="staging")
    target = {"extensionId": "unknown"}
    for user in (cast.alice, cast.dan, cast.mallory):
        there, nothing = poll(console, user, **target), poll(console, user, extensionId="nothing")
        assert (there.status_code, there.content) == (404, nothing.content)
        named = poll(console, user, **target, tenantId="-")
        assert (named.status_code, named.content) == (404, nothing.content)
    refused = poll(console, cast.olivia, **target)
    assert refused.status_code == 403
    assert SECRET not in refused.text
    verbs.approve(
        verbs.request(
            cast.olivia, tenant="-", extension="unknown", minutes=10, reason="an outage"
        ).pk,
        by=cast.oscar,
    )
    got = poll(console, cast.olivia, **target)
    assert got.status_code == 200, got.text
    (event,) = got.json()["events"]
    assert event["message"].startswith("upload failed, token [redacted:")
    assert SECRET not in got.text
    assert "tenantId" not in event
    assert poll(console, cast.oscar, **target).status_code == 403, "the grant is hers alone"
    about = AuditRecord.objects.filter(tenant="-", extension="unknown")
    assert set(about.values_list("action", "actor_name")) >= {
        ("session.opened", "olivia"), ("grant.approved", "oscar"),
    }  # fmt: skip
