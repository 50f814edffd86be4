"""The body of POST /v1/execute is read as documented, and a wrong one is told where."""

import json
from typing import Any

import pytest

from extdebug.runner.http.execute_payload import BadPayload, read_execute, write_response
from extdebug.runner.wasm.execution import Call, HttpResponse

CONTEXT = {"tenant_id": "acme", "extension_id": "x", "content_hash": "f" * 64}


def read(http: Any = None, *, limits: Any = None, **context: Any) -> tuple[str, Call]:
    body = {
        "context": {**CONTEXT, **context}, "http": http or {}, "limits": limits or {},
        "config": {"of": "the platform's own runner"},
    }  # fmt: skip
    return read_execute(json.dumps(body).encode(), request_id="from-header")


def test_the_context_is_the_flow_and_the_header_names_the_request_where_the_body_does_not():
    content_hash, call = read(install_id="i", version_id="1.2")
    assert content_hash == call.flow.content_hash == "f" * 64
    flow = call.flow
    assert (flow.tenant, flow.extension, flow.install, flow.version, flow.request) == (
        "acme", "x", "i", "1.2", "from-header",
    )  # fmt: skip
    assert read(request_id="from-body")[1].flow.request == "from-body"


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ({}, "/"),
        ({"path": "/a"}, "/a"),
        ({"url": "/a?b=1", "path": "/ignored"}, "/a?b=1"),
        ({"path": "/a", "query": {"q": "ü &"}}, "/a?q=%C3%BC+%26"),
        ({"url": "/a?b=1", "query": {"c": "2"}}, "/a?b=1&c=2"),
    ],
)
def test_the_address_is_a_url_or_a_path_and_a_query(http: dict[str, Any], url: str):
    assert read(http)[1].http.url == url


@pytest.mark.parametrize("headers", [{"a": "1", "b": "2"}, [["a", "1"], ["b", "2"]]])
def test_headers_come_as_an_object_or_as_pairs(headers: Any):
    assert read({"headers": headers})[1].http.headers == (("a", "1"), ("b", "2"))


def test_limits_are_seconds_bytes_and_fuel():
    limits = read(limits={"timeout_ms": 1500, "memory_mb": 2, "fuel": 7})[1].limits
    assert (limits.timeout, limits.memory_bytes, limits.fuel) == (1.5, 2 * 1024 * 1024, 7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tenant_id": "a:b"}, "context: tenant"),
        ({"extension_id": ""}, "context: extension"),
        ({"tenant_id": None}, "str"),
        ({"http": {"body_b64": "%%"}}, "http.body_b64: expected base64"),
        ({"http": {"headers": 7}}, "headers"),
        ({"limits": {"fuel": 0}}, "limits: expected positive numbers"),
        ({"limits": {"timeout_ms": -1}}, "limits: expected positive numbers"),
    ],
)
def test_a_wrong_body_is_told_where_it_is_wrong(change: dict[str, Any], words: str):
    http, limits = change.pop("http", None), change.pop("limits", None)
    with pytest.raises(BadPayload, match=words):
        read(http, limits=limits, **change)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"\xff", b'{"context":{"tenant_id":"\xff"}}']
)
def test_what_is_no_such_object_is_refused(body: bytes):
    with pytest.raises(BadPayload):
        read_execute(body, request_id="r")


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"headers": {f"x-{n}": "" for n in range(1001)}}, "length <= 1000.*headers"),
        ({"headers": [["x-a", ""]] * 1001}, "length <= 1000.*headers"),
        ({"query": {str(n): "" for n in range(1001)}}, "length <= 1000.*query"),
        ({"path": "/" + "a" * 70_000}, "a url of at most 65536 characters"),
        ({"query": {"a": "ü" * 30_000}}, "a url of at most 65536 characters"),
    ],
    ids=["object", "pairs", "query", "path", "encoded"],
)
def test_what_has_no_bound_is_refused(http: Any, words: str):
    with pytest.raises(BadPayload, match=words):
        read(http)


def test_nesting_without_an_end_is_a_bad_body_and_no_failure_of_the_runner():
    deep = b'{"context": {}, "config": ' + b"[" * 200_000
    with pytest.raises(BadPayload):
        read_execute(deep, request_id="r")


@pytest.mark.parametrize(
    ("named", "known"),
    [("from-body", "from-body"), (None, None), ("a\nb", None), ("x" * 129, None)],
)
def test_a_wrong_body_is_answered_under_the_id_that_it_names(named: str | None, known: str | None):
    with pytest.raises(BadPayload) as caught:
        read({"body_b64": "%%"}, request_id=named)
    assert caught.value.request_id == known


def answer(*headers: tuple[str, str], body: bytes | None = None, status: int = 200) -> Any:
    return json.loads(write_response(HttpResponse(status=status, headers=headers, body=body)))


def test_an_answer_has_its_status_its_headers_and_its_body():
    assert answer(("X-A", "1"), ("x-b", "ü"), body=b"\xff", status=201) == {
        "status": 201, "headers": {"X-A": "1", "x-b": "ü"}, "body_b64": "/w==",
    }  # fmt: skip
    assert answer(status=204) == {"status": 204, "headers": {}, "body_b64": ""}


def test_a_header_that_comes_twice_is_joined_whatever_its_case():
    assert answer(("x-a", "1"), ("X-A", "2"), ("x-b", "3"))["headers"] == {
        "x-a": "1, 2", "x-b": "3",
    }  # fmt: skip


def test_cookies_are_kept_apart():
    first, second = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"
    assert answer(("Set-Cookie", first), ("x-a", "1"), ("set-cookie", second))["headers"] == {
        "Set-Cookie": [first, second], "x-a": "1",
    }  # fmt: skip
    assert answer(("set-cookie", second))["headers"] == {"set-cookie": second}
