"""Only pages of a listed origin open a WebSocket; scheme and port belong to the origin."""

import pytest

from config.origins import handshake_allowed

ORIGINS = ["https://console.example", "http://127.0.0.1:8000"]
COOKIE = (b"cookie", b"a=b; sessionid=abc")


def allowed(*headers: tuple[bytes, bytes]) -> bool:
    return handshake_allowed(headers, origins=ORIGINS)


@pytest.mark.parametrize(
    "origin",
    [
        b"https://console.example", b"https://console.example:443", b"HTTPS://CONSOLE.example",
        b"http://127.0.0.1:8000",
    ],
)  # fmt: skip
def test_listed_origins_may_open(origin: bytes):
    assert allowed((b"origin", origin), COOKIE)


@pytest.mark.parametrize(
    "origin",
    [
        b"http://console.example", b"https://console.example:8443", b"http://127.0.0.1",
        b"http://localhost:8000", b"https://console.example.evil.test", b"https://evil.test",
        b"https://x.console.example", b"null", b"", b"https://", b"console.example",
        b"https://console.example/", b"https://console.example/path",
        b"https://console.example@evil.test", b"https://user@console.example",
        b"wss://console.example", b"https://console.example:99999", b"https://console.example:x",
        b"https://console.example?", b"https://*", b"*", "https://cönsole.example".encode(),
        b"https://[::1", b"\xff\xfe",
    ],
)  # fmt: skip
def test_other_and_malformed_origins_are_refused(origin: bytes):
    assert not allowed((b"origin", origin))
    assert not allowed((b"origin", origin), COOKIE)


def test_two_origins_are_refused_even_if_both_are_known():
    first, second = ((b"origin", text.encode()) for text in ORIGINS)
    assert not allowed(first, second)
    assert not allowed(first, first)


def test_a_session_cookie_without_origin_is_refused():
    assert not allowed(COOKIE)
    assert not allowed((b"cookie", b"theme=dark"), COOKIE)


def test_a_client_without_cookie_needs_no_origin():
    assert allowed()
    assert allowed((b"cookie", b"theme=dark"))


def test_nothing_is_known_when_no_origin_is_listed():
    assert not handshake_allowed([(b"origin", b"https://console.example")], origins=[])
