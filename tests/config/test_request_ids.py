"""A request has a name in the log and in its answer; a proxy's is kept when it can be one."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from config.request_ids import RequestIds, request_id
from extdebug import log_context
from extdebug.db import in_record_threads

KNOWN = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("name", [KNOWN, "01JDM8Y6Z9-web.1", "a" * 64])
def test_a_proxys_name_is_kept(name: str):
    assert request_id([(b"host", b"x"), (b"X-Request-Id", name.encode())]) == name


@pytest.mark.parametrize(
    "sent", [[], [b"short"], [b"a" * 65], [b"two\nlines-of-log"], [b"white space"], [b"\xff" * 9],
             [KNOWN.encode()] * 2],
)  # fmt: skip
def test_what_is_no_name_is_replaced(sent: list[bytes]):
    found = {request_id([(b"x-request-id", value) for value in sent]) for _ in range(3)}
    assert len(found) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in found)


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.addFilter(log_context.InContext())
        self.seen: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        found: Any = record
        self.seen.append((record.getMessage(), found.request, found.session))


async def test_the_log_of_a_request_and_of_its_threads_names_it(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    records = Records()
    log = logging.getLogger("extdebug.tests")
    log.addHandler(records)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        log.warning("begins")
        log_context.session.set("s-1")
        await in_record_threads(log.warning, "in a thread")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"x-request-id", KNOWN.encode())]}
    await RequestIds(application)(scope, None, send)
    assert records.seen == [("begins", KNOWN, ""), ("in a thread", KNOWN, "s-1")]
    assert sent[0]["headers"] == [(b"a", b"b"), (b"x-request-id", KNOWN.encode())]
    assert log_context.request.get() == ""
    log.removeHandler(records)
