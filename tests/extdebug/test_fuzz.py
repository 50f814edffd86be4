"""Whatever a client or a guest writes: the server answers in frames, and ends what it began."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.hub.selection import make_chunk
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.protocol.server_frames import error_frame
from extdebug.sessions.close_reasons import bad_request
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports.consumers import SessionConsumer
from extdebug.transports.sse import write
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw
from tests.extdebug.stage import NAMES, TARGET, Stage
from tests.extdebug.transports.test_consumers import SUBSCRIBE, Wire

# --- what clients say ---------------------------------------------------------------------------

any_text = st.text(st.characters(exclude_categories=()), max_size=60)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
kinds = st.sampled_from(
    [
        "subscribe", "ack", "filter", "pause", "resume", "extend", "fetch", "overview", "ping",
        "events", "",
    ]
)  # fmt: skip
names = st.sampled_from(
    [
        "seq", "filter", "from", "id", "limit", "after", "before", "rev", "q", "target", "until",
        "speed", "since", "bucket",
    ]
)  # fmt: skip
values = (
    any_json
    | st.sampled_from(["0-0", "1-1.1", "now", "9" * 30, 2**53 - 1, 2**64, -1])
    | st.fixed_dictionaries({}, optional={"q": any_text, "rev": st.integers(), "tail": any_json})
)
almost = st.builds(lambda kind, rest: {"type": kind, **rest}, kinds,
                   st.dictionaries(names, values, max_size=3))  # fmt: skip
well_formed = st.sampled_from(
    [
        {"type": "ping"}, {"type": "pause"}, {"type": "resume"}, {"type": "ack", "seq": 0},
        {"type": "ack", "seq": 7}, {"type": "filter", "filter": {"rev": 2, "q": "a"}},
        {"type": "filter", "filter": {"q": "/(/"}}, {"type": "fetch", "id": "p", "limit": 10},
        {"type": "fetch", "id": "h", "hidden": True, "filter": {"q": "-a", "request": "r*"}},
        {"type": "filter", "filter": {"rev": 3}, "from": {"tail": 5}}, json.loads(SUBSCRIBE),
        {"type": "filter", "filter": {"rev": 4}, "from": {"tail": 5}, "speed": 4},
        {"type": "filter", "filter": {"rev": 5}, "until": "2026-01-01T00:00:00Z"},
        {"type": "overview", "id": "o"}, {"type": "overview", "id": "o", "bucket": 60},
    ]
)  # fmt: skip


def as_text(value: Any) -> dict[str, Any]:
    return {"text": json.dumps(value)}


messages = st.one_of(
    any_text.map(lambda text: {"text": text}),
    st.binary(max_size=60).map(lambda data: {"bytes": data}),
    any_json.map(as_text),
    almost.map(as_text),
    well_formed.map(as_text),
    st.integers(0, 40_000).map(lambda size: {"text": "[" * size}),
    st.just({"text": None, "bytes": None}),
)
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def stage() -> Stage:
    """Each connection gets a real feed on a stand-in hub, with rows that are only noted."""
    return Stage()


async def conversation(stage: Stage, said: list[dict[str, Any]]) -> Wire:
    """One whole connection: what was said, a ping, and goodbye once that was answered."""

    async def anyone(*_: Any) -> Any:
        return SimpleNamespace()

    async def open_session(*_: Any) -> Any:
        opened = stage.open()
        return opened, opened.ready(NAMES)

    wire = Wire()
    for one in (*said, {"text": '{"type":"ping"}'}):
        wire.incoming.put_nowait({"type": "websocket.receive", **one})
    consumer = SessionConsumer(find_viewer=anyone, open_session=open_session)
    task = asyncio.create_task(consumer({}, wire.incoming.get, wire.send))
    async with asyncio.timeout(10):
        while not task.done():
            kinds = [frame["type"] for frame in wire.frames] if wire.incoming.empty() else []
            if kinds.count("pong") > sum(one.get("text") == PING for one in said):
                wire.leave(1000)
                await task
            await asyncio.sleep(0)
    task.result()
    return wire


def check_answers(wire: Wire, stage: Stage) -> None:
    """Frames only, of the protocol; a close is told before; whatever was opened has ended."""
    for frame in wire.frames:
        assert frame["type"] in ANSWERS
        if frame["type"] == "error":
            assert frame["code"]
            assert frame["message"]
    if wire.closed is not None:
        assert wire.closed == 4400, "a client's mistake, never our failure"
        assert (wire.frames[-1]["type"], wire.frames[-1]["code"]) == ("closing", 4400)
        assert wire.sent[-1]["type"] == "websocket.close"
    ended = [name for name, _, _ in stage.node.written if name in ("close", "detach")]
    assert ended == ["close"] * len(stage.feeds)
    assert all(one.finished for one in stage.feeds)
    assert stage.hub.subscriptions == []


ANSWERS = {"ready", "status", "error", "pong", "page", "closing", "events", "expiring", "overview"}
PING = json.dumps({"type": "ping"})


@FUZZ
@given(said=st.lists(messages, max_size=14))
async def test_nothing_a_subscribed_client_says_breaks_the_server(
    stage: Stage, said: list[dict[str, Any]]
) -> None:
    stage.feeds.clear()
    stage.node.written.clear()
    wire = await conversation(stage, [{"text": SUBSCRIBE}, *said])
    assert len(stage.feeds) == 1
    assert wire.frames
    check_answers(wire, stage)


@FUZZ
@given(first=messages)
async def test_nothing_a_client_says_first_breaks_the_server(
    stage: Stage, first: dict[str, Any]
) -> None:
    stage.feeds.clear()
    stage.node.written.clear()
    wire = await conversation(stage, [first])
    assert wire.closed == 4400 or stage.feeds
    check_answers(wire, stage)


@FUZZ
@given(said=st.lists(any_text.map(lambda text: "?" + text), min_size=1, max_size=10))
async def test_each_frame_that_is_refused_is_answered_and_the_session_goes_on(
    stage: Stage, said: list[str]
) -> None:
    stage.feeds.clear()
    stage.node.written.clear()
    wire = await conversation(stage, [{"text": SUBSCRIBE}, *({"text": text} for text in said)])
    errors = [frame for frame in wire.frames if frame["type"] == "error"]
    assert [error["code"] for error in errors] == [ErrorCode.NOT_JSON] * len(said)
    assert wire.closed is None
    check_answers(wire, stage)


async def test_a_client_that_is_only_ever_refused_is_shown_out(stage: Stage) -> None:
    wire = await conversation(stage, [{"text": SUBSCRIBE}, *({"text": "?"} for _ in range(60))])
    assert wire.closed == 4400
    check_answers(wire, stage)


# --- what guests write, in SSE ------------------------------------------------------------------


def parse_sse(stream: bytes) -> list[dict[str, list[str]]]:
    """As a browser reads it (WHATWG HTML, 9.2.6): lines end in CR LF, LF or CR; then the blocks."""
    blocks: list[dict[str, list[str]]] = []
    block: dict[str, list[str]] = {}
    text = stream.decode("utf-8")  # strict: the writer owes valid UTF-8
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if block:
                blocks.append(block)
            block = {}
            continue
        name, _, value = line.partition(":")
        block.setdefault(name, []).append(value.removeprefix(" "))
    assert not block, "the last message was not finished"
    return blocks


nasty = st.lists(
    st.sampled_from(
        ["\r", "\n", "\r\n", "\n\n", "id: 9-9~other", "event: closing", "data: {}", "retry: 1", ":",
         "\0", "\ud800", "\udfff", "\u2028", "\x85", "\ufeff", "\x1b[0m", '"', "\\n"]
    ) | any_text,
    max_size=8,
).map("".join)  # fmt: skip
SESSION = "0f4c7e0a-0000-4000-8000-000000000001"


def feed_at(place: Cursor) -> Any:
    return SimpleNamespace(
        lease=SimpleNamespace(id=SESSION), flow=SimpleNamespace(position=place)
    )  # fmt: skip


def guests(texts: list[str]) -> list[list[bytes]]:
    """Entries with a guest's text wherever an entry holds text."""
    entries = []
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        entries.append(raw(message=data, request=data, version=data, ts=data, level=data))
        fields = json.dumps({text: text, "deep": [{text: text}]})
        entries.append(raw(message=data, stream=data, fields=fields))
    return entries


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(nasty, min_size=1, max_size=4))
def test_no_text_of_a_guest_makes_a_field_of_its_own(texts: list[str]) -> None:
    prepare = RedactingDecoder(Redactor(key=None), TARGET)
    rows = [(EntryId(n, 0), entry) for n, entry in enumerate(guests(texts), start=1)]
    shown = [one for row in rows if (one := prepare(row)).event is not None]
    if not shown:
        return
    chunk = make_chunk(shown, range(len(shown)))
    last = Cursor(shown[-1].id, len(shown))
    flow = FlowControl(
        position=last, rev=0, window=1 << 30, events_per_second=0,
        bytes_per_second=0,
    )  # fmt: skip
    frame: Events = flow.show([chunk], [last], now=0.0)
    blocks = parse_sse(write(frame, feed_at(last)))
    assert [sorted(block) for block in blocks] == [["data", "id"]] * len(shown)
    for number, (block, prepared) in enumerate(zip(blocks, shown, strict=True), start=1):
        assert block["id"] == [f"{prepared.id}.{number}~{SESSION}"]
        [data] = block["data"]
        read = json.loads(data)
        assert prepared.event is not None
        assert read["message"] == prepared.event.message
        assert read.get("fields") == prepared.event.fields


@settings(max_examples=300, deadline=None)
@given(text=nasty.map(lambda text: text.encode("utf-8", "replace").decode()))
def test_no_text_in_a_notice_makes_a_field_of_its_own(text: str) -> None:
    place = Cursor.parse("5-0.5")
    error = ProtocolError(ErrorCode.BAD_MESSAGE, text)
    gap = Gap(GapReason.UNREADABLE, 1, "4-0", "6-0", None, text)
    expected: list[tuple[Any, str, str, bool]] = [
        (ControlFrame("error", error_frame(error)), "error", "message", False),
        (ControlFrame("status", error_frame(error)), "status", "message", True),
        (bad_request(text), "closing", "message", False),
        (GapNotice(1, gap, place), "gap", "detail", True),
    ]
    for message, name, attribute, placed in expected:
        [block] = parse_sse(write(message, feed_at(place)))
        assert block["event"] == [name]
        assert block.get("id") == ([f"{place}~{SESSION}"] if placed else None)
        assert block.keys() <= {"event", "data", "id"}
        [data] = block["data"]
        assert json.loads(data)[attribute] == text
