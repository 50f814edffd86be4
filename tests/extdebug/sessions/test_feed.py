"""A session ends on time, keeps its place and its account, and shows nothing without authority."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import pytest

from extdebug.filters.filter import Filter
from extdebug.protocol.client_frames import ErrorCode, Fetch, FilterSpec, ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.wire.positions import Cursor, EntryId, Start
from policies.redaction.redactor import Redactor
from policies.redaction.rules import Rule
from tests.extdebug.entries import raw
from tests.extdebug.stage import NAMES, Clock, PaperHub, Stage, allowed, kinds, said, shown, status

KEEP = Filter.parse({"q": "keep"})


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- time -----------------------------------------------------------------------------------------


async def test_the_end_is_announced_once_a_minute_before_and_then_comes(stage: Stage) -> None:
    clock = Clock()
    one = stage.open(ttl=600, clock=clock)
    assert set(kinds(await said(one))) == {"status"}
    clock.forward(539)
    assert "expiring" not in kinds(await said(one))
    clock.forward(2)
    messages = await said(one)
    assert kinds(messages).count("expiring") == 1
    assert "expiring" not in kinds(await said(one))
    clock.forward(60)
    assert await said(one) == [close_reasons.TIME_UP]
    stage.hub.write("too late")
    assert await said(one) == [close_reasons.TIME_UP]


async def test_a_session_is_extended_to_its_maximum_and_not_beyond(stage: Stage) -> None:
    clock = Clock()
    one = stage.open(ttl=100, most=300, clock=clock)
    clock.forward(50)
    assert "expiring" in kinds(await said(one))
    await one.extend()
    assert one.lifetime.expires_at == one.lease.extendable_until
    assert [(name, how["until"]) for name, _, how in stage.node.written] == [
        ("extend", one.lease.extendable_until)
    ]
    assert status(await said(one))["ttl"] == pytest.approx(300, abs=2)
    with pytest.raises(ProtocolError) as refused:
        await one.extend()
    assert refused.value.code is ErrorCode.NOT_EXTENDABLE
    assert len(stage.node.written) == 1
    clock.forward(245)
    assert "expiring" in kinds(await said(one)), "the new end is announced, too"
    clock.forward(60)
    assert await said(one) == [close_reasons.TIME_UP]


async def test_one_extension_gives_as_much_time_as_a_session_begins_with(stage: Stage) -> None:
    one = stage.open(ttl=100, most=3600)
    before = dt.datetime.now(dt.UTC)
    await one.extend()
    assert (one.lifetime.expires_at - before).total_seconds() == pytest.approx(600, abs=2)


async def test_a_row_that_is_no_longer_ours_is_not_extended(stage: Stage) -> None:
    one = stage.open(ttl=100)
    stage.node.ours = False
    until = one.lifetime.expires_at
    with pytest.raises(ProtocolError) as refused:
        await one.extend()
    assert refused.value.code is ErrorCode.NOT_EXTENDABLE
    assert one.lifetime.expires_at == until


# --- authority ------------------------------------------------------------------------------------


async def test_nothing_is_shown_before_the_supervisor_has_decided(stage: Stage) -> None:
    stage.hub.write("a")
    one = stage.open(decided=False)
    assert await said(one) == []
    one.apply(one.decision)
    assert shown(await said(one)) == ["a"]


async def test_authority_that_ended_by_time_stops_delivery_until_the_supervisor_decides(
    stage: Stage,
) -> None:
    clock = Clock()
    one = stage.open(clock=clock)
    now = dt.datetime.now(dt.UTC)
    one.apply(allowed(now=now, until=now + dt.timedelta(seconds=30)))
    stage.hub.write("within")
    assert shown(await said(one)) == ["within"]
    assert stage.node.soon == []
    clock.forward(31)
    stage.hub.write("after")
    assert await said(one) == []
    assert set(stage.node.soon) == {one}
    one.apply(allowed(now=now, until=now + dt.timedelta(seconds=30)), asked_at=clock.time())
    assert shown(await said(one)) == ["after"]


async def test_authority_that_is_not_renewed_ends_the_session_with_nothing_more_shown(
    stage: Stage,
) -> None:
    clock = Clock()
    one = stage.open(clock=clock)
    now = dt.datetime.now(dt.UTC)
    one.apply(allowed(now=now, until=now + dt.timedelta(seconds=30)))
    await said(one)
    clock.forward(31)
    stage.hub.write("not yours any more")
    one.apply(allowed(allowed=False, code="denied", reason="the grant ended"))
    [end] = await said(one)
    assert isinstance(end, CloseReason)
    assert int(end.code) == 4409


async def test_the_first_reason_to_end_stands(stage: Stage) -> None:
    one = stage.open()
    one.end(close_reasons.SIGNED_OUT)
    one.end(close_reasons.TIME_UP)
    assert await said(one) == [close_reasons.SIGNED_OUT]


# --- filters --------------------------------------------------------------------------------------


async def test_a_new_filter_goes_on_from_the_last_place_sent_and_keeps_what_was_queued(
    stage: Stage,
) -> None:
    stage.hub.write("keep 1", "skip 1")
    one = stage.open()
    assert shown(await said(one)) == ["keep 1", "skip 1"]
    stage.hub.write("keep 2", "skip 2")  # queued, not sent
    one.set_filter(KEEP, rev=4)
    stage.hub.write("keep 3", "skip 3")
    messages = await said(one)
    assert shown(messages) == ["keep 2", "keep 3"]
    assert {m.rev for m in messages if isinstance(m, Events)} == {4}
    await said(one)
    account = one.account
    assert (account.shown, account.filtered, account.lost) == (4, 2, {})


async def test_a_filter_with_a_start_begins_an_account_anew_and_the_total_adds_up(
    stage: Stage,
) -> None:
    stage.hub.write("keep 1", "skip 1", "keep 2")
    one = stage.open()
    assert len(shown(await said(one))) == 3
    one.set_filter(KEEP, rev=1, start=Start(cursor=Cursor.parse("0-0.0")))
    messages = await said(one)
    assert shown(messages) == ["keep 1", "keep 2"]
    ledger = status(messages)["ledger"]
    assert (ledger["entries"], ledger["shown"], ledger["filtered"]) == (3, 2, 1)
    assert (one.account.shown, one.account.filtered) == (5, 1)


async def test_every_filter_is_named_in_the_account(stage: Stage) -> None:
    one = stage.open()
    one.set_filter(KEEP, rev=1)
    one.set_filter(KEEP, rev=2)
    assert [used.get("q") for used in one.account.filters] == ["", "keep"]


async def test_pages_of_another_filter_are_named_in_the_account(stage: Stage) -> None:
    one = stage.open(wanted=KEEP)
    one.fetch(Fetch(id="a"))
    assert [used.get("q") for used in one.account.filters] == ["keep"]
    one.fetch(Fetch(id="b", filter=FilterSpec(q="other")))
    one.fetch(Fetch(id="c", hidden=True))
    assert [used.get("q") for used in one.account.filters] == ["keep", "other", ""]


# --- pause ----------------------------------------------------------------------------------------


async def test_a_pause_keeps_the_place_and_holds_no_ring(stage: Stage) -> None:
    stage.hub.write("a")
    one = stage.open()
    assert shown(await said(one)) == ["a"]
    stage.hub.write("queued")
    one.pause()
    assert stage.hub.subscriptions == []
    stage.hub.write("meanwhile")
    messages = await said(one)
    assert shown(messages) == []
    assert status(messages)["state"] == "paused"
    one.resume()
    messages = await said(one)
    assert shown(messages) == ["queued", "meanwhile"]
    assert status(messages)["state"] == "live"
    assert one.account.shown == 3


async def test_a_filter_set_while_paused_holds_no_ring_either(stage: Stage) -> None:
    stage.hub.write("keep 1", "skip 1")
    one = stage.open()
    await said(one)
    one.pause()
    one.set_filter(KEEP, rev=1)
    assert stage.hub.subscriptions == []
    stage.hub.write("keep 2", "skip 2")
    assert shown(await said(one)) == []
    one.resume()
    assert shown(await said(one)) == ["keep 2"]


async def test_resume_without_a_pause_reads_nothing_twice(stage: Stage) -> None:
    stage.hub.write("a")
    one = stage.open()
    await said(one)
    one.resume()
    assert shown(await said(one)) == []


# --- "now" ----------------------------------------------------------------------------------------


def late_stage() -> tuple[Stage, int]:
    """A stage whose stream cannot be read yet, and the present moment in ms."""
    one = Stage()
    one.node.hub = PaperHub(attached=False)
    return one, int(time.time() * 1000)


@pytest.mark.parametrize("meanwhile", ["nothing", "a filter", "a pause", "another scope"])
async def test_now_is_the_moment_of_ready_even_if_the_stream_attaches_later(meanwhile: str) -> None:
    stage, now = late_stage()
    stage.hub.write("before", ms=now - 5000)
    one = stage.open(start=Start(tail=0))
    assert one.ready(NAMES).kind == "ready"
    stage.hub.write("while nobody could read", ms=int(time.time() * 1000))
    assert shown(await said(one)) == []
    await asyncio.sleep(0.01)  # the moment of ready is over
    if meanwhile == "a filter":
        one.set_filter(Filter.parse({"q": "while"}), rev=1)
    elif meanwhile == "a pause":
        one.pause()
        one.resume()
    elif meanwhile == "another scope":
        one.apply(allowed(installs=frozenset({"inst-acme"})))
        one.apply(allowed())
    stage.hub.attach()
    assert shown(await said(one)) == ["while nobody could read"]


async def test_now_stays_where_it_was_though_authority_changes_before_the_first_read(
    stage: Stage,
) -> None:
    stage.hub.write("before")
    one = stage.open(start=Start(tail=0))
    stage.hub.write("after ready")
    one.apply(allowed(installs=frozenset({"inst-acme"})))
    one.apply(allowed())
    assert shown(await said(one)) == ["after ready"]


# --- new redaction rules --------------------------------------------------------------------------

HIDES = Redactor([Rule(name="own", pattern=r"secret-\d+", example="secret-1")], key=None)


def change_rules(stage: Stage, one: Feed) -> None:
    """As the node does it."""
    stage.hub.use(HIDES)
    one.read_again()


async def test_what_waits_in_a_full_ring_leaves_under_the_new_rules(stage: Stage) -> None:
    one = stage.open()
    await said(one)
    stage.hub.write(*(f"line {n} secret-{n}" for n in range(500)))
    change_rules(stage, one)
    messages = shown(await said(one))
    assert len(messages) == 500
    assert not any("secret-" in message for message in messages)


async def test_a_history_that_is_being_read_goes_on_under_the_new_rules(stage: Stage) -> None:
    stage.hub.write(*(f"line {n} secret-{n}" for n in range(500)))
    one = stage.open()
    task = asyncio.create_task(one.next())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the page is on its way
    change_rules(stage, one)
    messages = shown([await task, *(await said(one))])
    assert len(messages) == 500
    assert not any("secret-" in message for message in messages)


async def test_runner_lines_that_wait_leave_under_the_new_rules(stage: Stage) -> None:
    one = stage.open()
    await said(one)
    stage.hub.watched.begin_fallback()
    row = raw(message="straight secret-1", ts="2026-11-26T00:00:00.000Z")
    stage.hub.watched.runner_row((EntryId(5, 0), row))
    change_rules(stage, one)
    [message] = shown(await said(one))
    assert message.startswith("straight ")
    assert "secret-" not in message


async def test_a_gap_that_waits_says_why_under_the_new_rules(stage: Stage) -> None:
    one = stage.open()
    await said(one)
    stage.hub.mark_lost(3, why="too much of secret-7")
    change_rules(stage, one)
    [gap] = [message.gap for message in await said(one) if isinstance(message, GapNotice)]
    assert gap.missed == 3
    assert "secret-7" not in str(gap.detail)


# --- the account and the end ----------------------------------------------------------------------


async def test_the_account_adds_all_connections_of_a_session(stage: Stage) -> None:
    stage.hub.write("a", "b")
    one = stage.open(shown=10, filtered=4, lost={"retention": 3}, resumed=True)
    await said(one)
    account = one.account
    assert (account.shown, account.filtered, account.lost) == (12, 4, {"retention": 3})
    assert account.cursor.startswith("2-0")


async def test_a_session_that_never_stood_anywhere_names_no_place(stage: Stage) -> None:
    assert stage.open(decided=False).account.cursor == ""


RESTARTING = close_reasons.draining()


@pytest.mark.parametrize(
    ("end", "gone", "written"),
    [
        (None, True, ("detach", None, None)),
        (None, False, ("close", 1000, "left")),
        (close_reasons.TIME_UP, True, ("close", 4408, "time_up")),
        (close_reasons.SIGNED_OUT, True, ("close", 4401, "signed_out")),
        (RESTARTING, False, ("detach", None, None)),
        (close_reasons.TAKEN, False, ("hand_in", None, None)),
        (close_reasons.TAKEN, True, ("hand_in", None, None)),
    ],
)
async def test_what_may_go_on_is_detached_and_what_is_over_is_closed(
    stage: Stage, end: CloseReason | None, gone: bool, written: Any
) -> None:
    one = stage.open()
    if end is not None:
        one.end(end)
    await one.finish(gone=gone, code=1000, reason="left")
    await one.finish(gone=not gone)
    rows = [(name, how.get("code"), how.get("reason")) for name, _, how in stage.node.written]
    assert rows == ([] if written is None else [written])
    assert stage.hub.subscriptions == []
    assert [feed for feed, _ in stage.node.over] == [one]
