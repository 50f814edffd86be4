"""What the console stands on is judged by what database and Redis say of themselves."""

from typing import Any

import pytest
from django.db import connection

from extdebug.ops import readiness
from tests.fixtures.database import without_triggers
from tests.fixtures.redis import RedisServer

INFO = b"# Server\r\nredis_version:%b\r\n# Memory\r\nmaxmemory_policy:%b\r\n"


@pytest.mark.parametrize(
    ("version", "policy", "expected"),
    [
        (b"7.2.4", b"noeviction", []),
        (b"8.0.1", b"volatile-lru", []),
        (b"7.0.15", b"noeviction", ["extdebug.W002"]),
        (b"6.2.14", b"noeviction", ["extdebug.E001"]),
        (b"7.4.0", b"allkeys-lru", ["extdebug.W003"]),
        (b"nobody knows", b"noeviction", []),
    ],
)
def test_the_server_is_judged_by_what_it_says(version: bytes, policy: bytes, expected: list[str]):
    assert [message.id for message in readiness.judge(INFO % (version, policy))] == expected


@pytest.mark.django_db
def test_missing_triggers_are_errors_in_production_and_warnings_elsewhere(settings: Any):
    for production in (True, False):
        settings.PRODUCTION = production
        with without_triggers(connection):
            found = readiness.database_problems()
        missing = [message for message in found if message.id in ("audit.E001", "policies.E001")]
        assert [message.is_serious() for message in missing] == [production] * len(missing)
        assert missing or not production


async def test_a_redis_that_answers_is_asked_and_one_that_is_away_is_named(
    settings: Any, redis_server: RedisServer
):
    settings.REDIS_URL = redis_server.url
    assert [m for m in await readiness.redis_problems() if m.is_serious()] == []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(readiness.RedisAway, match="ConnectionError"):
        await readiness.redis_problems()
    settings.EXT_DEBUG_STREAM_MODE = "runner"
    assert await readiness.redis_problems() == [], "it is not used, so nobody asks"
