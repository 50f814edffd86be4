"""How a session ends, in words: one table for every transport, the page and the audit trail."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from extdebug.protocol import server_frames
from extdebug.protocol.close_codes import CloseCode
from policies.access import Check, Decision
from policies.decisions.decide import DecisionRule


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why and how a session ends. `gone`: the client left, nobody is there to be told."""

    code: CloseCode
    reason: str  # a word for programs and the audit trail
    message: str
    hint: str = ""
    retry: float | None = None
    checks: tuple[Check, ...] = ()
    can_request: bool = False
    position: int | None = None  # of a refused filter: the character in `q`

    def frame(self) -> bytes:
        """The `closing` frame."""
        return server_frames.closing_frame(
            self.code,
            reason=self.reason,
            message=self.message,
            hint=self.hint,
            retry=self.retry,
            checks=[server_frames.CheckShown(c.rule, c.ok, c.reason, c.hint) for c in self.checks],
            can_request=self.can_request,
            position=self.position,
        )


class OpeningRefused(Exception):
    """The session does not begin; `end` says why."""

    def __init__(self, end: CloseReason) -> None:
        super().__init__(end.message)
        self.end = end


TIME_UP: Final = CloseReason(
    CloseCode.EXPIRED, "time_up", "The session's time is up.", "Connect again to go on."
)
UNAUTHENTICATED: Final = CloseReason(
    CloseCode.UNAUTHENTICATED, "not_signed_in", "You are not signed in.", "Sign in and try again."
)
SIGNED_OUT: Final = CloseReason(
    CloseCode.UNAUTHENTICATED,
    "signed_out",
    "You signed out, or your sign-in ended.",
    "Sign in and connect again.",
)
NOT_FOUND: Final = CloseReason(
    CloseCode.NOT_FOUND,
    "not_found",
    "There is no such tenant and extension.",
    "Check the ids; ask an operator if you expected access.",
)
TAKEN: Final = CloseReason(
    CloseCode.ENDED, "taken_over", "This session goes on in another connection of yours."
)

END_OF_RANGE: Final = CloseReason(
    CloseCode.ENDED, "end_of_range", "Everything up to the end of the range was told.",
    "Ask without `until` to go on from there.",
)  # fmt: skip

CLIENT_LEFT: Final = "the client left"  # in rows: it closed the connection itself, with any code
LEFT: Final = CloseReason(CloseCode.ENDED, "left", "The client left while the session was opened.")
TOO_OFTEN: Final = CloseReason(
    CloseCode.BUSY, "rate", "You reconnect too often.", "Wait a moment between reconnects.",
    retry=1.0,
)  # fmt: skip
TOO_MANY_STRANGERS: Final = CloseReason(
    CloseCode.BUSY, "rate", "Too many unknown clients came from your address.",
    "Wait a moment, then sign in and try again.", retry=2.0,
)  # fmt: skip
KNOCKED_TOO_OFTEN: Final = CloseReason(
    CloseCode.BUSY, "rate", "You open sessions too often.", "Wait a second between them.",
    retry=1.0,
)  # fmt: skip

# Final for a connection, not for its session's watcher.
_GO_ON: Final = frozenset({TAKEN.reason, LEFT.reason, CLIENT_LEFT})


def draining() -> CloseReason:
    """The process stops; everyone comes back somewhere else, not all at once."""
    return CloseReason(
        CloseCode.RESTARTING,
        "restarting",
        "This server is restarting.",
        "The page reconnects by itself and goes on where it was.",
        retry=round(random.uniform(0.2, 2.0), 2),
    )


def unavailable(message: str) -> CloseReason:
    """Something we need is away."""
    return CloseReason(
        CloseCode.UNAVAILABLE,
        "unavailable",
        message,
        "The page reconnects by itself.",
        retry=round(random.uniform(2.0, 6.0), 2),
    )


def bad_request(
    message: str, *, reason: str = "bad_request", position: int | None = None
) -> CloseReason:
    return CloseReason(CloseCode.BAD_REQUEST, reason, message, position=position)


def ended_by(who: str, *, watcher: str) -> CloseReason:
    """Ended by an operator of this name (empty: unknown), or by the watcher from another page."""
    if who and who == watcher:
        return CloseReason(
            CloseCode.ENDED, "ended", "You ended this session from another page.",
            "Start a new one when you need it.",
        )  # fmt: skip
    by = f"{who}, an operator," if who else "An operator"
    return CloseReason(
        CloseCode.ENDED, "ended", f"{by} ended this session.", "Ask them before you connect again."
    )


def as_written(code: int, reason: str) -> CloseReason | None:
    """The reason of a session that ended for good, from its row; None when it may go on anew."""
    try:
        known = CloseCode(code)
    except ValueError:  # the client left, or its connection was lost
        return None
    if not known.final or reason in _GO_ON:
        return None
    if known is CloseCode.EXPIRED:
        return TIME_UP
    if reason == END_OF_RANGE.reason:
        return END_OF_RANGE
    if known is CloseCode.UNAUTHENTICATED:
        return SIGNED_OUT
    return CloseReason(
        known,
        reason,
        "This session was ended.",
        "Open a new one, without the id of this one, if you may still watch.",
    )


def refusal(decision: Decision) -> CloseReason:
    """What a person is told when a session may not begin."""
    failed = decision.failed
    if failed is not None and failed.rule == DecisionRule.SIGNED_IN:
        return UNAUTHENTICATED
    if not decision.related or decision.code == "not_found":
        return NOT_FOUND
    if decision.code == "busy":
        return CloseReason(
            CloseCode.BUSY, failed.rule if failed else "busy", decision.reason, decision.hint,
            retry=float(decision.retry_after or 10), checks=decision.shown,
        )  # fmt: skip
    return _by_decision(CloseCode.DENIED, decision)


def cut(decision: Decision) -> CloseReason:
    """What a person is told when a running session may not go on."""
    failed = decision.failed
    if failed is not None and failed.rule == DecisionRule.SIGNED_IN:
        return SIGNED_OUT
    if not decision.related:
        return CloseReason(
            CloseCode.REVOKED, "relation", "You no longer have access to this extension.",
            "Ask its tenant's admin or an operator.",
        )  # fmt: skip
    return _by_decision(CloseCode.REVOKED, decision)


def _by_decision(code: CloseCode, decision: Decision) -> CloseReason:
    failed = decision.failed
    return CloseReason(
        code,
        failed.rule if failed else "denied",
        decision.reason,
        decision.hint,
        checks=decision.shown,
        can_request=decision.can_request,
    )
