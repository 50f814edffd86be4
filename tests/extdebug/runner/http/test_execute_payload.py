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


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_what_is_no_such_object_is_refused(body: bytes):
    with pytest.raises(BadPayload):
        read_execute(body, request_id="r")


def test_an_answer_joins_headers_that_come_twice():
    response = HttpResponse(status=201, headers=(("x-a", "1"), ("x-a", "2")), body=b"\xff")
    assert write_response(response) == {
        "status": 201, "headers": {"x-a": "1, 2"}, "body_b64": "/w==",
    }  # fmt: skip
    assert write_response(HttpResponse(status=204, headers=(), body=None))["body_b64"] == ""
