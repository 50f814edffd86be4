"""Lets the fake server select lines with the product's own filter: what does a query find?"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from extdebug.filters.filter import Filter, FilterError
from extdebug.hub.selection import Selection
from extdebug.wire.events import Event
from tests.e2e.protocol_server import Fake

Json = dict[str, Any]


def read_filter(wanted: Json) -> Filter:
    """FilterError when the product refuses it."""
    parts: Any = {name: value for name, value in wanted.items() if name != "rev"}
    return Filter.parse(parts)


class RealFilter:
    """Answers `filter` and `fetch` frames with those of `lines` that they ask for."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.lines: list[Json] = []
        self.filter = Filter()
        fake.refuse = self.refuse
        fake.on_message = self.answer

    def refuse(self, wanted: Json) -> Json | None:
        try:
            self.filter = read_filter(wanted)
        except FilterError as error:
            return {"code": error.code, "message": error.message, "position": error.position}
        return None

    async def answer(self, frame: Json) -> None:
        if frame["type"] == "subscribe":
            self.filter = read_filter(frame["filter"])
        if frame["type"] in ("subscribe", "filter"):
            await self.show()
        elif frame["type"] == "fetch" and frame.get("hidden"):
            await self.page(frame)

    async def show(self) -> None:
        """The lines that match, and the account."""
        chosen = [self.lines[i] for i in self.selection.choose(self.events)]
        if chosen:
            await self.fake.events(*chosen)
        every, shown = len(self.lines), len(chosen)
        ledger = {"entries": every, "shown": shown, "filtered": every - shown, "lost": {}}
        await self.fake.status(ledger=ledger)

    async def page(self, frame: Json) -> None:
        before = frame.get("before")
        hidden = [
            (self.lines[i], part)
            for i, part in self.selection.hidden(self.events)
            if before is None or self.lines[i]["id"] < before
        ]
        found = hidden[-frame["limit"] :]
        await self.fake.send(
            {"type": "page", "seq": next(self.fake.seq), "id": frame["id"],
             "cursor": found[0][0]["id"] if found else None, "done": found == hidden,
             "events": [line for line, _ in found],
             "hiddenBy": [{"part": part.name, "term": part.term} for _, part in found]}
        )  # fmt: skip

    @property
    def selection(self) -> Selection:
        return Selection(None, self.filter)

    @property
    def events(self) -> list[Event]:
        return [msgspec.json.decode(json.dumps(line), type=Event) for line in self.lines]
