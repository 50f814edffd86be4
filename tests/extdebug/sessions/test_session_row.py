"""What may go on is let go, what is over is closed, and a row that was taken is left alone."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.account import Account
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.session_row import SessionRow
from extdebug.sessions.store import Lease
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
        (close_reasons.TAKEN, True, ("hand_in", None)),
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
    for name, given, _ in node.written:
        assert given[0] == ("s" if name == "hand_in" else LEASE)
        assert name == "hand_in" or ACCOUNT in given


@pytest.mark.parametrize("known", ["written", "passed on"])
async def test_nothing_is_handed_in_that_is_known_already(known: str) -> None:
    node = PaperNode()
    row = SessionRow(LEASE, VIEWER, TARGET, records=node.records)
    row.passed_on = known == "passed on"
    if known == "written":
        row.wrote(ACCOUNT)
    await row.finish(ACCOUNT, close_reasons.TAKEN, gone=True, code=1000, reason="left")
    assert node.written == []


LATER = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


def extendable(*, ours: bool = True) -> tuple[PaperNode, SessionRow]:
    node = PaperNode(ours=ours)
    return node, SessionRow(Lease("s", "h", NOW, NOW, LATER), VIEWER, TARGET, records=node.records)


@pytest.mark.parametrize("ttl", [600, 36_000])
async def test_an_extension_gives_the_time_again_within_what_is_allowed(ttl: int) -> None:
    node, row = extendable()
    until = await row.extend(ends=NOW, ttl=ttl)
    [(name, _, how)] = node.written
    assert (name, how) == ("extend", {"until": until})
    again = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ttl)
    assert abs((until - min(again, LATER)).total_seconds()) < 30


@pytest.mark.parametrize(
    ("ours", "ends", "said"), [(False, NOW, "is over"), (True, LATER, "cannot last longer")]
)
async def test_what_cannot_last_longer_is_refused(ours: bool, ends: dt.datetime, said: str) -> None:
    _, row = extendable(ours=ours)
    with pytest.raises(ProtocolError, match=said) as refused:
        await row.extend(ends=ends, ttl=600)
    assert refused.value.code is ErrorCode.NOT_EXTENDABLE
