"""Planted faults in readers that begin in the middle of a stream, or whose stream ends there."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import (
    HISTORY,
    LIFE,
    LIFE_TESTS,
    NUMBERS,
    PLACE,
    PLACE_TESTS,
    RING,
    RING_TESTS,
    WATCHED,
    WATCHED_TESTS,
)
from tests.mutations.runner import Mutation

LOG: Final = "extdebug/streams/marker_log.py"
LOG_TESTS: Final = "tests/extdebug/streams/test_marker_log.py"
MIDDLE_TESTS: Final = "tests/extdebug/streams/test_begun_in_the_middle.py"
EXAMPLES: Final = "tests/extdebug/model/test_examples.py"

MIDDLES: Final = [
    Mutation(
        "who begins behind what was trimmed does not know the last number", NUMBERS,
        "producer.last = None if stand is None else stand.last", "pass", MIDDLE_TESTS,
    ),
    Mutation(
        "who begins behind what was trimmed does not know the markers", NUMBERS,
        "producer.markers = stand.markers", "pass", MIDDLE_TESTS,
    ),
    Mutation(
        "what the memory knows is looked for in the stream", NUMBERS,
        "return shows and (stand is None or (origin.n is not None and stand.last is None))",
        "return shows",
        MIDDLE_TESTS,
    ),
    Mutation(
        "a hole that may be the stream's loss is remembered as its producer's", NUMBERS,
        "alone = self.certain and producer.excused is None and not spoke < self.run_began <= at",
        "alone = self.certain", MIDDLE_TESTS,
    ),
    Mutation(
        "a hole is remembered that was told before the stream's account was whole", NUMBERS,
        "alone = self.certain and producer", "alone = producer", MIDDLE_TESTS,
    ),
    Mutation(
        "a loss of the stream explains again what is remembered as its producer's", NUMBERS,
        "sure=told or remembered", "sure=told", MIDDLE_TESTS,
    ),
    Mutation(
        "what the memory does not know is not looked for", NUMBERS,
        "return shows and (stand is None or (origin.n is not None and stand.last is None))",
        "return shows and stand is None", MIDDLE_TESTS,
    ),
    Mutation(
        "a new stream with its clock behind is remembered by the old one's places", NUMBERS,
        "        if back:\n            self.begin(ZERO_ID)\n", "", MIDDLE_TESTS,
    ),
    Mutation(
        "the memory says how a producer stands behind its entry", LOG,
        "if who == src and id < at:", "if who == src and id <= at:", LOG_TESTS,
    ),
    Mutation(
        "the memory reaches back behind its beginning", LOG,
        "markers = self._at_first.get(src) if before(at) >= self._since else None",
        "markers = self._at_first.get(src)", LOG_TESTS,
    ),
    Mutation(
        "what another process showed is dropped as unread", RING,
        "        return fresh_part(told, piece)\n", "        return piece\n", RING_TESTS,
    ),
    Mutation(
        "what was told in one life counts in the next", RING,
        "if told is None or not piece.moves or piece.through.epoch != told.epoch:",
        "if told is None or not piece.moves:", RING_TESTS,
    ),
    Mutation(
        "the ring does not know that the session stands ahead of it", HISTORY,
        "            self._live.ring.told = account.at\n", "            pass\n", EXAMPLES,
    ),
    Mutation(
        "what went with the stream before it was read is in no gap", HISTORY,
        "if gone and uncounted and account.at.id < boundary.id:", "if False:", EXAMPLES,
    ),
    Mutation(
        "a place that cannot be counted from is counted from", HISTORY,
        "uncounted = account.at.index is None or not account.claims",
        "uncounted = account.at.index is None", EXAMPLES,
    ),
    Mutation(
        "what only the stream could explain is told as its producer's", WATCHED,
        "if undecided and not told:", "if False:", WATCHED_TESTS,
    ),
    Mutation(
        "the reason for which a stream ended is guessed", WATCHED,
        "lost = Missing(0, 0, unknown=ended)", "lost = Missing(0, 0, unknown=GapReason.RESET)",
        WATCHED_TESTS,
    ),
    Mutation(
        "what waited without doubt may be the stream's loss when it ends", WATCHED,
        "if account is not None and lost.hole and not self.sequence_gaps.certain:",
        "if account is not None and lost.hole:", WATCHED_TESTS,
    ),
    Mutation(
        "a stream that is replaced while it is named has no name", LIFE,
        "if tries and not self.current(snapshot) and self._group.usable:", "if False:", LIFE_TESTS,
    ),
    Mutation(
        "a run may have begun before the last line of the run before it", LIFE,
        "return behind_what_was_read(at.id, doubt) if anew else doubt", "return doubt", LIFE_TESTS,
    ),
    Mutation(
        "who joins behind a loss told ahead does not know how far it reaches",
        "extdebug/hub/subscription.py", "self.watched.sequence_gaps.told(self.watched.cursor)",
        "self.watched.cursor", "tests/extdebug/hub/test_subscription.py -k told_ahead",
    ),
    Mutation(
        "a loss that others were told ahead is placed before what was dropped with it", PLACE,
        "ahead = piece.through.ahead > at.ahead", "ahead = False", PLACE_TESTS,
    ),
    Mutation(
        "what was told ahead of our own place makes every later loss wide", PLACE,
        "piece.through.ahead > at.ahead", "bool(piece.through.ahead)", PLACE_TESTS,
    ),
    Mutation(
        "what a runner dropped is told by each process that reads it", "extdebug/hub/pieces.py",
        "(piece.own or (at.stated and through.stated))", "piece.own", PLACE_TESTS,
    ),
    Mutation(
        "whoever leaves between a hole's gap and its marker's is not told the second",
        "extdebug/hub/gaps.py",
        "if lost.hole and lost.stated and decoded.event is not None:", "if False:",
        "tests/extdebug/hub/test_gaps.py",
    ),
]  # fmt: skip
