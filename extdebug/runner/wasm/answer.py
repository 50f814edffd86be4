"""Checks a guest's answer before anything passes it on: status, names and values, sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from extdebug.runner.wasm.execution import ExecutionFailed, Failure, HttpResponse

MOST_HEADERS: Final = 256
HEADER_BYTES: Final = 64 * 1024  # of all names and values
# The engine itself lifts no list of bytes beyond about 2.6 MiB.
MOST_BODY: Final = 2_621_440  # bytes, 2.5 MiB
STATUSES: Final = range(100, 600)

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, a token
# Controls (the tab is none), and characters that are no byte of a header.
_NOT_IN_A_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]|[^\x00-\xff]")
_SHOWN: Final = 60  # characters of a name in a message


def check_answer(result: Any) -> HttpResponse:
    """The lifted `execute-response` as a response; ExecutionFailed names what cannot be sent."""
    status = int(result["status"])
    if status not in STATUSES:
        raise bad_answer(f"its status is {status}, expected 100 to 599")
    raw = result["headers"]
    check_count(len(raw))
    headers = tuple((header["name"], header["value"]) for header in raw)
    _check_headers(headers)
    body = result["body"]
    if body is not None and len(body) > MOST_BODY:
        raise bad_answer(f"its body has {len(body):,} bytes, at most {MOST_BODY:,} can be sent")
    return HttpResponse(
        status=status, headers=headers, body=bytes(body) if body is not None else None
    )


def check_count(headers: int) -> None:
    """ExecutionFailed when an answer has more headers than may be sent."""
    if headers > MOST_HEADERS:
        raise bad_answer(f"it has {headers:,} headers, at most {MOST_HEADERS} can be sent")


def bad_answer(why: str) -> ExecutionFailed:
    return ExecutionFailed(Failure.BAD_RESPONSE, f"the answer of the guest was not sent: {why}")


def _check_headers(headers: Iterable[tuple[str, str]]) -> None:
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if size > HEADER_BYTES:
            raise bad_answer(f"its headers have more than {HEADER_BYTES:,} bytes")
        if not _NAME.fullmatch(name):
            raise bad_answer(f"{name[:_SHOWN]!r} is no name of a header")
        found = _NOT_IN_A_VALUE.search(value)
        if found:
            # The value itself may be a secret.
            raise bad_answer(
                f"the value of header {name[:_SHOWN]} has a character that no header may carry, "
                f"U+{ord(found[0]):04X} at {found.start()}"
            )
