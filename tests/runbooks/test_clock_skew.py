"""docs/runbooks/clock-skew.md, step 3: Redis' clock jumped into the future and back.

A stream's ids never go back, so an id that lies ahead is all that such a jump leaves behind. One is
written here; Redis numbers what follows as it does after a real jump.
"""

from __future__ import annotations

import time

import httpx
from asgiref.sync import sync_to_async

from tests.extdebug.test_live import KEY
from tests.faults.stage import Stage, poll
from tests.fixtures.redis import RedisServer
from tests.runbooks.rolling import noticed_nothing, sessions

MINUTE = 60_000  # ms
SAYS = "lies in the future; an operator must delete it"


def from_now(ms: int) -> int:
    return int(time.time() * 1000) + ms


async def test_minutes_ahead_lines_come_in_order_with_ids_of_that_time(
    stage: Stage, redis_server: RedisServer
) -> None:
    watcher = await stage.watcher(await stage.console(redis_server.url))
    writer, ahead = stage.writer(redis_server.port), from_now(4 * MINUTE)
    writer.write(20)
    writer.write(1, ids=[f"{ahead}-0"])
    writer.start()
    await stage.steady()
    await noticed_nothing(stage, watcher, writer)
    assert {item.id.partition("-")[0] for item in watcher.shown[20:]} == {str(ahead)}


async def test_hours_ahead_the_stream_waits_until_its_key_is_deleted(
    stage: Stage, redis_server: RedisServer
) -> None:
    console = await stage.console(redis_server.url)
    watcher = await stage.watcher(console)
    writer = stage.writer(redis_server.port)
    writer.write(20)
    await stage.settle(writer=writer)
    writer.write(1, ids=[f"{from_now(120 * MINUTE)}-0"])
    writer.start()
    await watcher.until(lambda: watcher.state == "degraded")
    assert SAYS in watcher.message
    desk = await sync_to_async(console.headers)(stage.cast.olivia)

    url = f"{console.url}/admin/extdebug/process/"
    await poll(
        lambda: SAYS in httpx.get(url, headers=desk, timeout=20).text,
        within=20, what="Streams shows it: each process reports every 5 s",
    )  # fmt: skip
    known = writer.last  # what was read until it was noticed has been shown
    await stage.steady()
    writer.stop()
    assert writer.last > known
    assert max(item.n for item in watcher.shown) <= known
    withheld = writer.last - known

    with redis_server.client() as operator:
        assert operator.delete(KEY) == 1
    writer.start()
    await watcher.live()
    await stage.recovery(watcher)
    writer.stop()
    await stage.settle(writer=writer)
    (verdict,) = stage.judge(reasons=("reset",))
    assert [(gap.reason, gap.missed) for gap in watcher.gaps] == [("reset", None)]
    assert (verdict.doubled, verdict.lost_total >= withheld, len(sessions(watcher))) == (0, True, 1)
    newest = int(watcher.shown[-1].id.partition("-")[0])
    assert newest < from_now(MINUTE), "the ids are of the present again"
