"""Rows of the trail in words for people: what was done, to what, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from audit import readings, session_ends
from audit.actions import Action

# What rows call their subjects, where that is no word of people's.
_KINDS: Final = {
    "access_token": "access token",
    "changerequest": "change request",
    "environmentpolicy": "environment policy",
    "extensiondeveloper": "developer",
    "membership": "tenant admin",
    "productionmode": "production mode",
    "redactionrule": "redaction rule",
}
_LABELS: Final = {"grant": "G-", "changerequest": "C-"}
SHORT_ID: Final = 8  # characters of a session's id that tell it from others on one page


def action(name: str) -> str:
    """ "Grant approved" for `grant.approved`."""
    said = name.replace(".", " ").replace("_", " ")
    return said.replace("sign in", "sign-in").replace("break glass", "break-glass").capitalize()


def subject(kind: str, key: str, *, named: object = None) -> str:
    """What a row is about: the name that it had, its label, or its number where neither is kept."""
    words = _KINDS.get(kind, kind.replace("_", " "))
    if kind == "session":
        key = key[:SHORT_ID] + ("…" if len(key) > SHORT_ID else "")
    elif kind in _LABELS and key:
        key = f"{_LABELS[kind]}{key}"
        return f"{words} {key}: {named}" if named else f"{words} {key}"
    return " ".join(part for part in (words, str(named or key)) if part)


def why(
    name: str, reason: str, data: Mapping[str, Any], *, actor: str = "", about: str = ""
) -> str:
    """The reason. A session's end, whose row has a word for programs, in a sentence that names who
    ended it; what was read, whose row has an address, in words. `about`: `subject`, in words."""
    code = data.get("code")
    if name == Action.SESSION_CLOSED:
        number = code if isinstance(code, int) else None
        # Rows of earlier versions do not say it; the request to end it is a row of its own.
        by = str(data.get("ended_by") or "the person or an operator")
        return session_ends.in_words(number, reason, by="the watcher" if by == actor else by)
    if name == Action.AUDIT_READ:
        return readings.in_words(str(code or ""), about)
    return reason or str(code or "")


def behind(name: str, reason: str, data: Mapping[str, Any]) -> str:
    """What `why` puts into words: a close code with its word for programs, an address that was
    read; empty for other rows."""
    code = data.get("code")
    if name == Action.AUDIT_READ:
        return code if isinstance(code, str) and code.startswith("/") else ""
    if name != Action.SESSION_CLOSED:
        return ""
    return " ".join(str(part) for part in (code, "" if " " in reason else reason) if part)
