"""A small fake of the console's server for tests of the page: pages, statics and ext-debug.v1.

It takes nothing of the product but the templates and static files it serves, so that it stays
a second reading of the protocol. A test drives it: `await fake.events(...)`, `fake.received`.
`lively_traffic.py` plays on it for looking at the page by hand.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from django.template.loader import render_to_string
from django.test import RequestFactory

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "extdebug" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
START_MS = 1_795_000_000_000
Json = dict[str, Any]


def tenant(key: str, *installs: str, **more: Any) -> Json:
    """One entry of the page config's tenants: allowed unless `more` says otherwise."""
    return {
        "tenant": key,
        "name": key.capitalize(),
        "installs": [{"id": install, "name": install.replace("-", " ")} for install in installs],
        "allowed": True,
        "environment": "staging",
        "reason": "",
        "hint": "",
        "canRequest": False,
        "checks": [],
        "request": None,
        **more,
    }


def page_config(**more: Any) -> Json:
    """The `console-config` of the page, one allowed tenant by default."""
    selected = dict.fromkeys(("tenant", "install", "request", "q", "level", "streams", "from"))
    return {
        "extension": "invoice-sync",
        "extensionName": "Invoice Sync",
        "tenants": [tenant("acme", "inst-acme", "inst-acme-eu")],
        "selected": selected,
        "wsUrl": "/ws/ext-debug/",
        "streamUrl": "/api/ext-debug/stream",
        "accessUrl": "/api/ext-debug/access",
        "grantsUrl": "/api/ext-debug/grants",
        "withdrawUrl": "/api/ext-debug/grants/withdraw",
        "refused": None,
        "prefix": "ext-debug:",
        "isOperator": False,
        "user": "dan",
        **more,
    }


class Fake:
    """One fake server. `port` is known after `start()`; every socket gets the same frames."""

    def __init__(self) -> None:
        self.config = page_config()
        self.received: list[Json] = []
        self.posted: list[tuple[str, Json]] = []
        self.sockets: list[_Socket] = []
        self.last: _Socket  # the one that spoke last
        self.opened = 0
        self.seq = itertools.count(1)
        self.counter = itertools.count(1)
        self.rev = 1
        self.cursor = f"{START_MS}-0"
        self.shown = 0
        self.auto_ready = True
        self.answer_pings = True
        self.ready_more: Json = {}
        self.history: list[Json] = []
        self.overview: Callable[[Json], Json] | None = None  # answers requests for an overview
        # The error that answers the next filters, or what says it of a filter.
        self.refuse: Json | Callable[[Json], Json | None] | None = None
        self.on_message: Callable[[Json], Any] | None = None
        self.grant_answer: tuple[int, Json] = (200, {"ok": True, "message": "Requested."})
        self.access: Json | None = None  # what /access says; None: the tenant's entry as it is
        self.access_asked: list[Json] = []  # the queries of /access

    async def start(self, port: int = 0) -> None:
        config = uvicorn.Config(
            self,
            host="127.0.0.1",
            port=port,
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
        )
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.01)
            if self.task.done():
                self.task.result()
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.should_exit = True
        self.server.force_exit = True
        await self.task

    def url(self, query: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/extensions/invoice-sync/debug{query}"

    # --- what a test makes the server say ---

    def event(self, message: str = "hello", **more: Any) -> Json:
        """One event with the next id; nothing is sent."""
        n = next(self.counter)
        ms = more.pop("ms", START_MS + n)
        return {
            "ts": iso(ms),
            "level": "info",
            "stream": "log",
            "message": message,
            "id": f"{ms}-0",
            "tenantId": "acme",
            "extensionId": "invoice-sync",
            "installId": "inst-acme",
            "requestId": "req-1",
            **more,
        }

    async def events(self, *events: Json, rev: int | None = None) -> int:
        """Send events in one frame; its seq."""
        seq = next(self.seq)
        self.cursor = events[-1]["id"]
        self.shown += len(events)
        await self.send(
            {
                "type": "events",
                "seq": seq,
                "rev": self.rev if rev is None else rev,
                "cursor": self.cursor,
                "events": list(events),
            }
        )
        return seq

    async def lines(self, count: int, prefix: str = "line", **more: Any) -> None:
        made = [self.event(f"{prefix} {n}", **more) for n in range(count)]
        for start in range(0, count, 100):
            await self.events(*made[start : start + 100])

    async def gap(self, reason: str = "producer", missed: int | None = 37, **more: Any) -> None:
        scope = "matching" if reason in ("not_consumed", "rate_limited") else "entries"
        frame = {"type": "gap", "seq": next(self.seq), "reason": reason, "scope": scope}
        place = {"after": None, "before": None, "since": None, "cursor": self.cursor}
        await self.send({**frame, "missed": missed, "detail": None, **place, **more})

    async def status(self, state: str = "live", message: str = "", **more: Any) -> None:
        ledger = {"entries": self.shown, "shown": self.shown, "filtered": 0, "lost": {}}
        await self.send(
            {"type": "status", "state": state, "message": message, "lagMs": 1, "ledger": ledger,
             "cursor": self.cursor, "expiresAt": iso(START_MS + 600_000), "ttl": 600, **more}
        )  # fmt: skip

    async def closing(self, code: int, *, final: bool = True, **more: Any) -> None:
        """Say why, then close every socket with `code`."""
        frame = {"type": "closing", "code": code, "reason": "", "message": "", "hint": "",
                 "retry": None, "final": final, **more}  # fmt: skip
        for socket in list(self.sockets):
            await socket.send(frame)
            await socket.close(code)

    async def send(self, frame: Json) -> None:
        for socket in list(self.sockets):
            await socket.send(frame)

    def refusal(self, wanted: Json) -> Json | None:
        """The error for a filter; None when it is taken."""
        return self.refuse(wanted) if callable(self.refuse) else self.refuse

    def of(self, kind: str) -> list[Json]:
        """The client's frames of one type, oldest first."""
        return [frame for frame in self.received if frame["type"] == kind]

    # --- the server itself ---

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await _Socket(self, receive, send).run(scope)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path.startswith("/static/"):
            file = (STATIC / path.removeprefix("/static/")).resolve()
            if STATIC in file.parents and file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                return await _answer(send, 200, file.read_bytes(), kind)
            return await _answer(send, 404, b"", "text/plain")
        if scope["method"] == "POST":
            body = json.loads((await receive())["body"])
            self.posted.append((path, body))
            code, answer = self.grant_answer
            return await _answer(send, code, json.dumps(answer).encode(), "application/json")
        if path == self.config["accessUrl"]:
            asked = dict(parse_qsl(scope["query_string"].decode()))
            self.access_asked.append(asked)
            entry = next(e for e in self.config["tenants"] if e["tenant"] == asked["tenant"])
            body = {"ok": True, "version": 1, **(entry if self.access is None else self.access)}
            return await _answer(send, 200, json.dumps(body).encode(), "application/json")
        if path.endswith("/debug"):
            request = RequestFactory().get(path)
            html = render_to_string("extdebug/console.html", {"config": self.config}, request)
            return await _answer(send, 200, html.encode(), "text/html; charset=utf-8")
        return await _answer(send, 404, b"", "text/plain")


class _Socket:
    def __init__(self, fake: Fake, receive: Any, send: Any) -> None:
        self.fake = fake
        self.receive = receive
        self._send = send
        self.open = False

    async def run(self, scope: Any) -> None:
        assert (await self.receive())["type"] == "websocket.connect"
        assert scope["subprotocols"] == []
        await self._send({"type": "websocket.accept"})
        self.open = True
        self.fake.opened += 1
        try:
            while (message := await self.receive())["type"] == "websocket.receive":
                await self.handle(json.loads(message["text"]))
        finally:
            self.open = False
            if self in self.fake.sockets:
                self.fake.sockets.remove(self)

    async def handle(self, frame: Json) -> None:
        fake = self.fake
        fake.last = self
        fake.received.append(frame)
        if frame["type"] == "subscribe":
            fake.rev = frame["filter"]["rev"]
            fake.seq = itertools.count(1)
            if fake.auto_ready:
                fake.sockets.append(self)
                await self.send(self.ready(frame))
                if frame["from"] != "now" and "tail" in frame["from"] and fake.history:
                    await fake.events(*fake.history)
        elif frame["type"] == "filter" and (refused := fake.refusal(frame["filter"])):
            await self.send({"type": "error", "message": "refused", "position": None, **refused})
            return
        elif frame["type"] == "filter":
            fake.rev = frame["filter"]["rev"]
            fake.shown = 0
            await fake.status()
        elif frame["type"] == "overview" and fake.overview is not None:
            answer = {"type": "overview", "seq": next(fake.seq), "id": frame["id"]}
            await self.send({**answer, **fake.overview(frame)})
        elif frame["type"] == "ping" and fake.answer_pings:
            await self.send({"type": "pong"})
        if fake.on_message is not None:
            result = fake.on_message(frame)
            if asyncio.iscoroutine(result):
                await result

    def ready(self, subscribe: Json) -> Json:
        config = self.fake.config
        key = subscribe["target"]["tenant"] or config["tenants"][0]["tenant"]
        entry = next(item for item in config["tenants"] if item["tenant"] == key)
        return {
            "type": "ready",
            "session": "s-1",
            "target": {
                "tenant": key,
                "extension": config["extension"],
                "tenantName": entry["name"],
                "extensionName": config["extensionName"],
                "installs": entry["installs"],
            },
            "expiresAt": iso(START_MS + 600_000),
            "ttl": 600,
            "extendableUntil": iso(START_MS + 3_600_000),
            "limits": {
                "eventsPerSecond": 5000,
                "bytesPerSecond": 2097152,
                "window": 262144,
                "ring": 524288,
            },
            "mode": "redis",
            "environment": entry["environment"],
            "grant": None,
            "resumed": "resume" in subscribe,
            "rev": subscribe["filter"]["rev"],
            **self.fake.ready_more,
        }

    async def send(self, frame: Json) -> None:
        if self.open:
            await self._send({"type": "websocket.send", "text": json.dumps(frame)})

    async def close(self, code: int) -> None:
        if self.open:
            self.open = False
            self.fake.sockets.remove(self)
            await self._send({"type": "websocket.close", "code": code})


async def _answer(send: Any, code: int, body: bytes, kind: str) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-security-policy", CSP.encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def iso(ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC."""
    moment = dt.datetime.fromtimestamp(ms // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
