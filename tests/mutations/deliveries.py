"""Planted faults on the short way of a line from a session's ring to its socket."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import PLACE, PLACE_TESTS
from tests.mutations.runner import Mutation

TURN: Final = "extdebug/sessions/turn.py"
AT_ONCE: Final = "extdebug/sessions/at_once.py"
LIFETIME: Final = "extdebug/sessions/lifetime.py"
FEED: Final = "extdebug/sessions/feed.py"
SOCKET: Final = "extdebug/ops/frame_socket.py"
TURN_TESTS: Final = "tests/extdebug/sessions/test_turn.py"
AT_ONCE_TESTS: Final = "tests/extdebug/sessions/test_at_once.py"
FEED_TESTS: Final = "tests/extdebug/sessions/test_feed_at_once.py -k 'not both'"
SOCKET_TESTS: Final = "tests/extdebug/ops/test_frame_socket.py -k 'overtakes or cannot_go'"

DELIVERIES: Final = [
    Mutation(
        "the short look passes over an end", TURN,
        "            and authority.ending is None\n", "", TURN_TESTS,
    ),
    Mutation(
        "the short look passes over a decision that nobody confirmed", TURN,
        "            and authority.confirmed\n", "", TURN_TESTS,
    ),
    Mutation(
        "lines go on when the authority has run out", TURN,
        " and not self._lifetime.due(now)", "", TURN_TESTS,
    ),
    Mutation(
        "a decision's end does not count as a moment to look at", LIFETIME,
        "min(self._ends, warn_at, decide_at)", "min(self._ends, warn_at)", TURN_TESTS,
    ),
    Mutation(
        "a line that could not be written is forgotten", AT_ONCE,
        "                    self._unwritten = message\n", "", AT_ONCE_TESTS,
    ),
    Mutation(
        "a step that fails is forgotten", AT_ONCE,
        "            self._unwritten = error\n", "", AT_ONCE_TESTS,
    ),
    Mutation(
        "what could not be written is given out after the end", FEED,
        "unwritten if unwritten and self.ending is None else", "unwritten if unwritten else",
        FEED_TESTS,
    ),
    Mutation(
        "an ack that makes room wakes nobody", FEED,
        "        if held:", "        if False:", FEED_TESTS,
    ),
    Mutation(
        "what comes twice follows", PLACE,
        "        and chunk.events[0].id > at.id\n", "", PLACE_TESTS,
    ),
    Mutation(
        "a hole before a run is passed over", PLACE,
        "and at.index + piece.filtered + piece.counted + chunk.count == through.index", "",
        PLACE_TESTS,
    ),
    Mutation(
        "an ack overtakes what waits to be read", SOCKET,
        "            or not self.queue.empty()\n", "", SOCKET_TESTS,
    ),
    Mutation(
        "a client that reads slowly is written to all the same", SOCKET,
        "            or not self.writable.is_set()\n", "", SOCKET_TESTS,
    ),
]  # fmt: skip
