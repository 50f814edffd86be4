"""No answer of a guest is passed on that no HTTP can carry or that has no bound."""

from typing import Any

import pytest

from extdebug.runner.wasm.answer import HEADER_BYTES, MOST_BODY, MOST_HEADERS, check_answer
from extdebug.runner.wasm.execution import ExecutionFailed, Failure
from tests.extdebug.runner.answering import answering


def lifted(
    status: int = 200, *headers: tuple[str, str], body: bytes | None = None
) -> dict[str, Any]:
    pairs = [{"name": name, "value": value} for name, value in headers]
    return {"status": status, "headers": pairs, "body": body}


@pytest.mark.parametrize("status", [100, 204, 599])
def test_a_sound_answer_is_taken_over_as_it_is(status: int):
    pairs = (("X-A", "é\t1"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-empty", ""))
    answer = check_answer(lifted(status, *pairs, body=b"\x00\xff"))
    assert (answer.status, answer.headers, answer.body) == (status, pairs, b"\x00\xff")
    assert check_answer(lifted()).body is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lifted(0), "its status is 0, expected 100 to 599"),
        (lifted(99), "status is 99"),
        (lifted(600), "status is 600"),
        (lifted(65_535), "status is 65535"),
        (lifted(200, ("x-a", "1\r\nset-cookie: forged=1")), r"header x-a .* U\+000D at 1"),
        (lifted(200, ("x-a", "1\n")), r"U\+000A"),
        (lifted(200, ("x-a", "\x00")), r"U\+0000"),
        (lifted(200, ("x-a", "\x7f")), r"U\+007F"),
        (lifted(200, ("x-a", "\x85")), r"U\+0085"),
        (lifted(200, ("x-a", "1\N{LINE SEPARATOR}2")), r"U\+2028"),
        (lifted(200, ("x-a\r\nx-b", "1")), "is no name of a header"),
        (lifted(200, ("x a", "1")), "is no name of a header"),
        (lifted(200, ("", "1")), "is no name of a header"),
        (lifted(200, ("ü", "1")), "is no name of a header"),
        (lifted(200, ("x-a", "1" * HEADER_BYTES)), "more than 65,536 bytes"),
        (lifted(200, *[("a", "")] * (MOST_HEADERS + 1)), "it has 257 headers, at most 256"),
        (lifted(200, body=bytes(MOST_BODY + 1)), "its body has 2,621,441 bytes, at most 2,621,440"),
    ],
)
def test_what_no_http_can_carry_is_named_and_not_sent(answer: dict[str, Any], words: str):
    with pytest.raises(ExecutionFailed, match=words) as caught:
        check_answer(answer)
    assert caught.value.failure is Failure.BAD_RESPONSE


def test_a_value_that_cannot_be_sent_is_not_repeated():
    with pytest.raises(ExecutionFailed) as caught:
        check_answer(lifted(200, ("authorization", "Tr0ub4dor\n")))
    assert "Tr0ub4dor" not in str(caught.value)


@pytest.mark.parametrize(
    ("guest", "words"),
    [
        (answering(99), "its status is 99"),
        (answering(200, [("x-a", "1\r\n2")]), "header x-a"),
        (answering(200, [("x-a", "v" * 1000)] * 20_000), "20,000 list elements or more"),
        (answering(200, body=8 << 20), "it is too large, at most 2,621,440 bytes of body"),
    ],
    ids=["status", "line break", "headers", "body"],
)
def test_the_flow_says_why_an_answer_was_not_sent(bench, guest: bytes, words: str):
    with pytest.raises(ExecutionFailed, match=words) as caught:
        bench.run(bench.host.components.load(guest), "/", request="r-answer")
    assert caught.value.failure is Failure.BAD_RESPONSE
    told = [e for e in bench.events() if (e.fields or {}).get("event") == "bad_response"]
    assert [(e.request_id, words in e.message) for e in told] == [("r-answer", True)]


def test_an_answer_of_the_largest_body_is_sent(bench):
    answer = bench.run(bench.host.components.load(answering(201, body=MOST_BODY)), "/")
    assert (answer.status, len(answer.body or b"")) == (201, MOST_BODY)
