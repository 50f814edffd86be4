"""docs/runbooks/key-rotation.md, REDACTION_KEY: masked throughout, by another token afterwards."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from policies.redaction.redactor import Redactor
from tests.faults.numbered_guest import Guest, written
from tests.faults.oracle import judge
from tests.faults.stage import Stage
from tests.faults.watcher import Door, Watcher
from tests.faults.writer import Writer
from tests.fixtures.redis import RedisServer
from tests.runbooks.rolling import roll

SECRET = "ghp_" + "a1B2" * 9
OLD = "redaction-key-for-tests-0123456789-abcdef"
NEW = "another-key-of-redaction-0123456789-abcdef"


class Reader(Watcher):
    """Keeps what stands behind the number of each line, by the line's source, with its day."""

    def __init__(self, doors: list[Door]) -> None:
        super().__init__(doors)
        self.said: list[tuple[str, str, str]] = []

    def _show(self, frame: dict[str, Any]) -> None:
        for event in frame["events"]:
            src, _, rest = event["message"].partition(" ")
            n, _, mask = rest.partition(" ")
            if n.isdigit():
                ms = int(event["id"].partition("-")[0])
                day = dt.datetime.fromtimestamp(ms / 1000, dt.UTC).date().isoformat()
                self.said.append((src, day, mask))
                event["message"] = f"{src} {n}"
        super()._show(frame)


class Unmasked(Writer):
    """A producer that masks nothing, so that the console's own key shows."""

    def entry(self, n: int, *, level: str = "info") -> dict[str, str]:
        entry = super().entry(n, level=level)
        return {**entry, "message": f"{self.src} {n} {SECRET}"}


def keys_of(reader: Reader, src: str) -> list[str]:
    """Which key made the mask of each line of this source; "" for anything but such a mask."""
    redactors = {key: Redactor(key=key.encode()) for key in (OLD, NEW)}
    made = {
        (day, redactor.text(SECRET, redactor.mask("acme:invoice-sync", day))[0]): key
        for key, redactor in redactors.items()
        for day in {day for _, day, _ in reader.said}
    }
    return [made.get((day, mask), "") for name, day, mask in reader.said if name == src]


@pytest.mark.timeout(120)
async def test_another_key_of_redaction(
    stage: Stage, redis_server: RedisServer, tmp_path: Path
) -> None:
    def runner(key: str) -> dict[str, str]:
        return {"RUNNER_DEBUG_REDIS_URL": redis_server.url, "REDACTION_KEY": key}

    old = await stage.console(redis_server.url, REDACTION_KEY=OLD)
    fresh = await stage.console(redis_server.url, REDACTION_KEY=NEW)
    writer = Unmasked(redis_server.port)
    stage.writers.append(writer)
    first, second = (Guest(tmp_path, name=name, says=SECRET) for name in ("first", "second"))
    reader = Reader([await stage.door(old, stage.cast.dan)])
    async with reader:
        await reader.live()
        writer.start()
        try:
            await first.start(runner(OLD))
            await reader.until(lambda: {"first"} & {one.src for one in reader.shown})
            lines = written(redis_server, await first.stop(), name="first")
            await second.start(runner(NEW))
            await reader.until(lambda: {"second"} & {one.src for one in reader.shown})
            await roll(old, fresh, reader)
            await stage.recovery(reader)
            lines += written(redis_server, await second.stop(), name="second")
        finally:
            first.close()
            second.close()
        writer.stop()
        await stage.settle(reader, writer=writer)
        last = lines[-1].n
        await reader.until(lambda: any((i.src, i.n) == ("second", last) for i in reader.shown))

    verdict = judge(reader.log, [*lines, *writer.written])
    assert (verdict.wrong, reader.wrong, reader.gaps) == ([], [], [])
    assert set(keys_of(reader, "first")) == {OLD}
    assert set(keys_of(reader, "second")) == {NEW}
    unmasked = keys_of(reader, writer.src)
    switch = unmasked.index(NEW)
    assert unmasked == [OLD] * switch + [NEW] * (len(unmasked) - switch)
    assert 0 < switch < len(unmasked) - 1
