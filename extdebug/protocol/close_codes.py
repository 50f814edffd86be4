"""The close codes of ext-debug.v1, and which of them are final."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """How a session ends, as a WebSocket close code."""

    RESTARTING = 4012
    BAD_REQUEST = 4400
    UNAUTHENTICATED = 4401
    DENIED = 4403
    NOT_FOUND = 4404
    EXPIRED = 4408
    REVOKED = 4409
    ENDED = 4410
    BUSY = 4429
    UNAVAILABLE = 4503

    @property
    def final(self) -> bool:
        """Whether the client should stay away instead of reconnecting."""
        return self not in (CloseCode.RESTARTING, CloseCode.BUSY, CloseCode.UNAVAILABLE)
