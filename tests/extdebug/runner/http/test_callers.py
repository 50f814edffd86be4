"""Programs with the token come in; web pages do not, by whatever name they reach the loopback."""

from __future__ import annotations

import pytest

from extdebug.runner.http.callers import authorize
from extdebug.runner.http.responses import Answer

TOKEN = "an-auth-token-of-the-tests"
GOOD = {"host": "127.0.0.1:8090", "x-runner-auth": TOKEN}


def status(headers: dict[str, str], *, host: str = "127.0.0.1") -> int:
    try:
        authorize(headers, token=TOKEN, host=host)
    except Answer as answer:
        return answer.status
    return 200


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "127.0.0.1:8090", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8090"]
)
def test_a_program_with_the_token_comes_in(name: str):
    assert status({**GOOD, "host": name}) == 200


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "x", "é"])
def test_the_token_is_always_wanted(token: str):
    assert status({**GOOD, "x-runner-auth": token}) == 401
    assert status({"host": "localhost"}) == 401


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8090"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_page_is_refused_even_with_the_token(page: dict[str, str]):
    assert status({**GOOD, **page}) == 403
    assert status({**GOOD, **page}, host="0.0.0.0") == 403


@pytest.mark.parametrize(
    "name", ["", "evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil"]
)
def test_a_name_that_was_made_to_resolve_here_is_refused_on_the_loopback(name: str):
    assert status({**GOOD, "host": name}) == 403
    assert status({**GOOD, "host": name}, host="10.0.0.4") == 200
