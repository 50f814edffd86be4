"""Events that the filter tests select from."""

from __future__ import annotations

from typing import Any

from extdebug.wire.events import Event, Level, Output


def event(message: str = "Hello World 12", **parts: Any) -> Event:
    """One event with something in every part; `parts` replaces what a test is about."""
    whole: dict[str, Any] = {
        "ts": "2026-01-01T00:00:00.000Z",
        "level": Level.WARN,
        "stream": Output.LOG,
        "tenant_id": "acme",
        "extension_id": "invoice-sync",
        "install_id": "inst-acme",
        "request_id": "Req-77",
        "fields": {
            "ms": 120, "a": {"b": ["xyz", 7]}, "user": "Bob", "a.dotted": "yes", "ok": True,
            "none": None, "text": "120", "ratio": 100.0,
        },
        "redacted": ("jwt", "aws-key"),
        **parts,
    }  # fmt: skip
    return Event(message=message, **whole)


def lines(*messages: str) -> list[Event]:
    """Events that have a message and nothing else."""
    return [Event(ts="", level=Level.INFO, stream=Output.LOG, message=text) for text in messages]
