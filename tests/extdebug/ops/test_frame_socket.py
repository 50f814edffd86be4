"""The shortcuts past the WebSocket library change nothing that a client or a session could see."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from extdebug.ops.frame_socket import FrameSocket
from extdebug.ops.server import config
from extdebug.transports import frame_extension
from extdebug.wire.ticks import TICK

REQUEST = (
    b"GET /ws/ HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MASK = b"\x01\x02\x03\x04"


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, parts: Any) -> None:
        self.written += b"".join(parts)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def get_extra_info(self, name: str) -> None:
        return None

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def accepts(scope: Any, receive: Any, send: Any) -> None:
    """An application that accepts, and leaves the rest to the test."""
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def opened(kind: type[WebSocketsSansIOProtocol]) -> tuple[Any, Transport]:
    """A connection after its handshake."""
    chosen = uvicorn.Config(accepts, ws_per_message_deflate=False, log_config=None)
    socket, transport = kind(chosen, ServerState(), {}), Transport()
    socket.connection_made(transport)  # type: ignore[arg-type]
    socket.data_received(REQUEST)
    while not socket.handshake_complete:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0)
    transport.written.clear()
    return socket, transport


async def closed(*sockets: Any) -> None:
    for socket in sockets:
        for task in socket.tasks:
            task.cancel()
        socket.connection_lost(RuntimeError("the test is over"))
    await asyncio.sleep(0)


sizes = st.sampled_from([0, 1, 60, 124, 125, 126, 127, 4095, 4096, 4097, 65_535, 65_536, 70_000])
parts_of = st.lists(
    sizes.map(lambda size: b"x" * size) | st.text(max_size=9).map(str.encode), max_size=4
)


@settings(max_examples=40, deadline=None)
@given(st.lists(parts_of, min_size=1, max_size=3))
def test_a_frame_of_parts_is_the_frame_of_their_text(frames: list[list[bytes]]):
    async def check() -> None:
        ours, shortly = await opened(FrameSocket)
        plain, plainly = await opened(WebSocketsSansIOProtocol)
        for parts in frames:
            assert ours.write_text(parts)
            await plain.send({"type": "websocket.send", "text": b"".join(parts).decode()})
        assert shortly.written == plainly.written
        await closed(ours, plain)

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(st.lists(parts_of.filter(bool), min_size=1, max_size=4))
def test_frames_together_are_the_frames_one_by_one(frames: list[list[bytes]]):
    async def check() -> None:
        together, at_once = await opened(FrameSocket)
        each, one_by_one = await opened(FrameSocket)
        assert together.write_texts(frames)
        for parts in frames:
            assert each.write_text(parts)
        assert at_once.written == one_by_one.written
        await closed(together, each)

    asyncio.run(check())


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    size = len(payload)
    first = bytes([opcode | (0x80 if fin else 0)])
    head = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
    masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return first + head + MASK + masked


ACK = b'{"type":"ack","seq":7}'
short = st.sampled_from([ACK, b"", b"other", b"x" * 125]).map(lambda text: [frame(1, text)])
said = st.one_of(
    short, short, short,
    st.just([frame(1, b"y" * 300)]),
    st.just([frame(2, b"binary")]),
    st.just([frame(9, b"ping")]),
    # one message of two frames; what lies between them, and a payload that looks like a frame
    st.just([frame(1, b'{"type":', fin=False), frame(9, b""), frame(0, b'"ack"}')]),
    st.just([frame(1, b"aa" + frame(1, ACK))]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(said, max_size=8), st.lists(st.integers(1, 40), max_size=30))
def test_what_a_client_says_arrives_once_and_in_its_order_however_it_is_cut(
    messages: list[list[bytes]], cuts: list[int]
):
    data = b"".join(part for message in messages for part in message)

    async def heard_by(kind: type[WebSocketsSansIOProtocol]) -> list[bytes]:
        socket, _ = await opened(kind)
        log: list[bytes] = []

        def heard(text: bytes) -> bool:
            if text == ACK:
                log.append(text)
            return text == ACK

        if isinstance(socket, FrameSocket):
            socket.hear(heard)
        at = 0
        for size in [*cuts, len(data)]:
            if at < len(data):
                socket.data_received(data[at : at + size])
            at += size
            while not socket.queue.empty():
                message = await socket.queue.get()
                log.append((message.get("text") or "").encode() or message.get("bytes") or b"")
        await closed(socket)
        return log

    ours, plain = (
        asyncio.run(heard_by(FrameSocket)),
        asyncio.run(heard_by(WebSocketsSansIOProtocol)),
    )
    assert ours == plain


async def test_nothing_overtakes_what_waits_to_be_read():
    socket, _ = await opened(FrameSocket)
    overtaking: list[bytes] = []
    socket.hear(lambda text: text == ACK and not overtaking.append(text))

    socket.data_received(frame(1, b"other"))
    socket.data_received(frame(1, ACK))
    assert overtaking == []

    while not socket.queue.empty():
        await socket.queue.get()
    socket.data_received(frame(1, ACK))
    assert overtaking == [ACK]
    await closed(socket)


@pytest.mark.parametrize("trouble", ["slow", "said goodbye", "heard goodbye", "gone"])
async def test_a_frame_that_cannot_go_now_is_left_to_the_plain_way(trouble: str):
    socket, transport = await opened(FrameSocket)
    if trouble == "slow":
        socket.pause_writing()
    elif trouble == "said goodbye":
        await socket.send({"type": "websocket.close", "code": 1000})
    elif trouble == "heard goodbye":
        socket.data_received(frame(8, struct.pack("!H", 1000)))
    else:
        transport.closing = True
    before = bytes(transport.written)

    assert not socket.write_text([b"{}"])
    assert not socket.write_texts([[b"{}"], [b"{}"]])
    assert transport.written == before
    if socket.close_timer is not None:
        socket.close_timer.cancel()
    await closed(socket)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_message_waits_for_a_client_that_reads_slowly(lost: bool):
    socket, transport = await opened(FrameSocket)
    socket.pause_writing()
    sending = asyncio.create_task(socket.send({"type": "websocket.send", "text": "later"}))
    await asyncio.sleep(0.01)
    assert not sending.done()
    assert not transport.written
    if lost:
        await closed(socket)
        with pytest.raises(ClientDisconnected):
            await asyncio.wait_for(sending, 1)
        return
    socket.resume_writing()
    await asyncio.wait_for(sending, 1)
    assert transport.written == b"\x81\x05later"
    await closed(socket)


async def test_a_connection_keeps_nothing_in_a_dict_of_its_own():
    socket, _ = await opened(FrameSocket)
    assert not vars(socket), "name it among what uvicorn keeps"
    await closed(socket)


async def test_a_client_reads_frames_of_parts_and_both_say_goodbye():
    sizes = [3, 125, 126, 5_000, 65_536, 300_000]

    async def talks(scope: Any, receive: Any, send: Any) -> None:
        frames = frame_extension.of(scope)
        assert frames is not None
        await receive()
        await send({"type": "websocket.accept"})
        assert isinstance(frames, FrameSocket)
        request, headers = frames.request, scope["headers"]
        frames.forget_request()
        assert not scope
        assert not headers, "a middleware may have copied the scope with this list"
        assert not request.headers, "the parser holds it as long as the connection lives"
        for size in sizes:
            if not frames.write_text([b"<", b"x" * size, b">"]):
                await send({"type": "websocket.send", "text": f"<{'x' * size}>"})
        assert (await receive())["text"] == "thanks"
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})

    chosen = config(trusted_proxies=[])
    chosen.app, chosen.lifespan, chosen.port = talks, "off", 0
    server = uvicorn.Server(chosen)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with connect(f"ws://127.0.0.1:{port}/") as client:
        read = [await client.recv() for _ in sizes]
        await client.send("thanks")
        await client.wait_closed()
    server.should_exit = True
    await serving
    assert read == [f"<{'x' * size}>" for size in sizes]
    assert (client.close_code, client.close_reason) == (4000, "enough")


async def test_clients_are_asked_together_whether_they_are_there() -> None:
    """Each after its interval, or a tick later; nobody before it."""
    one, _ = await opened(FrameSocket)
    loop = asyncio.get_running_loop()
    for rtt in (0.0, 0.3):
        one.stop_keepalive()
        one.last_ping_rtt = rtt
        now = loop.time()
        one.schedule_ping()
        at = one.ping_timer.when()
        assert at % TICK == 0
        assert 0 < at - (now + one.ping_interval - rtt) <= TICK + 0.05
    await closed(one)
