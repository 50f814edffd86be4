"""Why a session ended, in words: from its close code and the word for programs beside it."""

from __future__ import annotations

from typing import Final

# A close code, or a code and the word beside it, in words for people; {} takes who ended it. What a
# row says in a sentence ("the connection was lost and nobody came back") is shown as it is.
_ENDS: Final[dict[tuple[int, str] | int, str]] = {
    4012: "The console restarted and nobody came back",
    4400: "The request was not understood",
    4401: "Signed out",
    4403: "Access denied",
    4408: "The session's time was up",
    (4409, "grant"): "The grant ended or was revoked",
    (4409, "lock"): "A lock was set",
    (4409, "relation"): "The person lost their relation to the target",
    (4409, "capability"): "The capability was withdrawn",
    (4409, "consent"): "The tenant's consent ended or was withdrawn",
    (4409, "mode"): "Debugging in production was switched off",
    (4409, "environment"): "The environment's policy was switched off",
    (4409, "feature"): "The debug console was switched off",
    (4409, "tenant"): "The tenant was suspended",
    (4409, "token"): "The access token expired or was revoked",
    4409: "Access was revoked",
    (4410, "ended"): "Ended by {}",
    (4410, "end_of_range"): "Everything that was asked for was sent",
    (4410, "left"): "The client left",
    4410: "Ended",
    4429: "Too many sessions or requests",
    4503: "The stream or the policy was unavailable",
    1011: "An error of the console",
}


def in_words(code: int | None, reason: str, *, by: str) -> str:
    """One sentence without its full stop; `by` names who ended it, where somebody did."""
    said = _ENDS.get((code or 0, reason)) or _ENDS.get(code or 0)
    if said is None or " " in reason:
        said = reason[:1].upper() + reason[1:] or "The connection ended"
    return said.format(by) if "{}" in said else said
