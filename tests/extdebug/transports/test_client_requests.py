"""A client's frames do what they say; too many are refused before they cost anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.protocol import client_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.transports.client_requests import (
    ACKS,
    COMMANDS,
    FETCHES,
    LATE,
    RequestRates,
    obey,
)

PING, ACK = client_frames.Ping(), client_frames.Ack(seq=1)
FETCH = client_frames.Fetch(id="a")


def admitted(rates: RequestRates, message: client_frames.ClientMessage, *, at: float = 1.0) -> int:
    count = 0
    while rates.admits(message, at):
        count += 1
    return count


def test_acks_and_commands_have_rates_of_their_own():
    rates = RequestRates()
    assert (admitted(rates, PING), admitted(rates, ACK)) == (COMMANDS * LATE, ACKS * LATE)
    assert admitted(rates, PING, at=2.0) == COMMANDS


def test_what_was_said_while_we_could_not_read_is_not_too_fast():
    rates = RequestRates()
    assert admitted(rates, PING) > 0
    for _ in range(int(COMMANDS * LATE)):  # read at once, after so many seconds
        assert rates.admits(PING, 1.0 + LATE)


def test_what_is_costly_is_refused_and_the_session_goes_on():
    rates = RequestRates()
    for _ in range(int(FETCHES * LATE)):
        assert rates.admits(FETCH, 1.0)
    with pytest.raises(ProtocolError) as refused:
        rates.admits(FETCH, 1.0)
    assert refused.value.code is ErrorCode.TOO_FAST
    assert rates.admits(PING, 1.0)


def test_what_was_refused_counts_as_a_command():
    rates = RequestRates()
    for strikes in range(1, int(COMMANDS * LATE) + 1):
        assert rates.admits_refused(1.0)
        assert rates.strikes == strikes
    assert not rates.admits_refused(1.0)


async def test_a_second_subscribe_is_out_of_place():
    feed: Any = SimpleNamespace()
    subscribe = client_frames.Subscribe(target=client_frames.TargetSpec(extension="a"))
    with pytest.raises(ProtocolError) as refused:
        await obey(feed, subscribe)
    assert refused.value.code is ErrorCode.OUT_OF_PLACE


async def test_an_ack_reaches_the_feed():
    acked: list[int] = []
    feed: Any = SimpleNamespace(ack=acked.append)
    await obey(feed, ACK)
    assert acked == [1]
