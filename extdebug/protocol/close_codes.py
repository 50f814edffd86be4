"""The close codes of ext-debug.v1, and which of them are final."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """How a session ends; the numbers are WebSocket close codes. Below 4411 final, except 4012."""

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
        return self not in (CloseCode.RESTARTING, CloseCode.BUSY, CloseCode.UNAVAILABLE)
