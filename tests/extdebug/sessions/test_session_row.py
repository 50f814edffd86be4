"""What may go on is let go, what is over is closed, and a row that was taken is left alone."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.session_row import SessionRow
from extdebug.sessions.store import Account, Lease
from tests.extdebug.stage import TARGET, VIEWER, PaperNode

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LEASE = Lease("s", "h", NOW, NOW, NOW)
ACCOUNT = Account(3, 0, {}, (), "1-0.1", ())


@pytest.mark.parametrize(
    ("end", "gone", "written"),
    [
        (None, True, ("detach", None)),
        (None, False, ("close", 1000)),
        (close_reasons.TIME_UP, True, ("close", 4408)),
        (close_reasons.draining(), False, ("detach", None)),
        (close_reasons.TAKEN, True, None),
    ],
)
async def test_the_reason_of_the_end_decides_what_is_written(
    end: CloseReason | None, gone: bool, written: tuple[str, int | None] | None
) -> None:
    node = PaperNode()
    row = SessionRow(LEASE, VIEWER, TARGET, records=node.records)
    await row.finish(ACCOUNT, end, gone=gone, code=1000, reason="left")
    assert [(name, how.get("code")) for name, _, how in node.written] == (
        [] if written is None else [written]
    )
    for _, given, _ in node.written:
        assert given[0] is LEASE
        assert ACCOUNT in given


@pytest.mark.parametrize("ours", [True, False])
async def test_an_extension_says_whether_the_row_is_still_ours(ours: bool) -> None:
    node = PaperNode(ours=ours)
    row = SessionRow(LEASE, VIEWER, TARGET, records=node.records)
    assert await row.extend(NOW) is ours
    assert [(name, how) for name, _, how in node.written] == [("extend", {"until": NOW})]
