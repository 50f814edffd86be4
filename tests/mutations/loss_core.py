"""Planted faults in the code that owns promise 2, each with the tests that must notice it."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

CONTINUITY: Final = "extdebug/streams/continuity.py"
EPOCHS: Final = "extdebug/streams/epochs.py"
NUMBERS: Final = "extdebug/streams/sequence_gaps.py"
RING: Final = "extdebug/hub/ring_buffer.py"
PLACE: Final = "extdebug/sessions/place.py"
FLOW: Final = "extdebug/sessions/flow_control.py"
DELIVERY: Final = "extdebug/sessions/delivery.py"
WATCHED: Final = "extdebug/hub/watched_stream.py"
READER: Final = "extdebug/hub/stream_reader.py"
HISTORY: Final = "extdebug/hub/history.py"
TAIL: Final = "extdebug/hub/tail.py"

CONTINUITY_TESTS: Final = (
    "tests/extdebug/streams/test_continuity.py -k 'not (every or looks or late)'"
)
EPOCH_TESTS: Final = "tests/extdebug/streams/test_epochs.py"
NUMBER_TESTS: Final = "tests/extdebug/streams/test_sequence_gaps.py"
RING_TESTS: Final = "tests/extdebug/hub/test_ring_buffer.py"
PLACE_TESTS: Final = "tests/extdebug/sessions/test_place.py"
FLOW_TESTS: Final = "tests/extdebug/sessions/test_flow_control.py"
DELIVERY_TESTS: Final = "tests/extdebug/sessions/test_delivery.py"
WATCHED_TESTS: Final = "tests/extdebug/hub/test_watched_stream.py"
READER_TESTS: Final = "tests/extdebug/hub/test_stream_reader.py"
HISTORY_TESTS: Final = "tests/extdebug/hub/test_history.py"
TAIL_TESTS: Final = "tests/extdebug/hub/test_tail.py"
MODEL: Final = "tests/extdebug/model"

MUTATIONS: Final = [
    # --- the sum
    Mutation(
        "a loss counts what was read", CONTINUITY,
        "return through.index - stood.index - entries",
        "return through.index - stood.index", CONTINUITY_TESTS,
    ),
    Mutation(
        "places of two lives are subtracted", CONTINUITY,
        "if stood.index is None or through.index is None or stood.epoch != through.epoch:",
        "if stood.index is None or through.index is None:", CONTINUITY_TESTS,
    ),
    Mutation(
        "a forged count passes", CONTINUITY,
        "beyond = stood.id > snapshot.top or (stood.index or 0) > snapshot.added",
        "beyond = stood.id > snapshot.top", CONTINUITY_TESTS,
    ),
    Mutation(
        "another life is the same if it grew", CONTINUITY,
        "if stood.epoch in snapshot.epochs and epochs.of_run(stood.epoch, run_id):",
        "if stood.id <= snapshot.top:", CONTINUITY_TESTS,
    ),
    Mutation(
        "after a restart the place stays above the top", CONTINUITY,
        "place = min(stood.id, snapshot.top)\n        reason",
        "place = stood.id\n        reason", CONTINUITY_TESTS,
    ),
    Mutation(
        "after a restart the count is believed", CONTINUITY,
        "at = Cursor(place, None, life)", "at = Cursor(place, stood.index, life)",
        CONTINUITY_TESTS,
    ),
    Mutation(
        "a trim at the front is not told", CONTINUITY,
        "elif missed is None or missed > 0:", "elif missed is None:", CONTINUITY_TESTS,
    ),
    Mutation(
        "a whole look does not count", CONTINUITY,
        "            elif missed:\n", "            elif False:\n", CONTINUITY_TESTS,
    ),
    Mutation(
        "a late loss is placed where the reader stands", CONTINUITY,
        "missed, min(self._proved, self.at.id), bound", "missed, self.at.id, bound",
        CONTINUITY_TESTS,
    ),
    Mutation(
        "what was explained is stated again", CONTINUITY,
        "explained = min(self._explained, missed or 0)", "explained = 0", CONTINUITY_TESTS,
    ),
    Mutation(
        "a front that entries deleted further on disguise is placed there", CONTINUITY,
        "doubt = first is not None and snapshot.deleted > first", "doubt = False",
        f"{CONTINUITY_TESTS}",
    ),
    # --- the life's name
    Mutation(
        "an earlier run's epoch is current", EPOCHS,
        "return min((epoch for epoch in epochs if of_run(epoch, run_id)), default=\"\")",
        "return min(epochs, default=\"\")", EPOCH_TESTS,
    ),
    Mutation(
        "this run's epochs are removed", EPOCHS,
        "earlier = sorted(epoch for epoch in epochs if not of_run(epoch, run_id))",
        "earlier = sorted(epochs)", EPOCH_TESTS,
    ),
    # --- the producers' numbers
    Mutation(
        "a hole is one too small", NUMBERS,
        "hole = n - last - 1", "hole = n - last - 2", NUMBER_TESTS,
    ),
    Mutation(
        "a marker and its hole are both told", NUMBERS,
        "producer.credit += lost - known", "pass", NUMBER_TESTS,
    ),
    Mutation(
        "a marker after its hole is told again", NUMBERS,
        "producer.ahead += hole", "pass", NUMBER_TESTS,
    ),
    Mutation(
        "the stream's loss is told again as a producer's", NUMBERS,
        "hole -= taken", "hole -= 0", NUMBER_TESTS,
    ),
    Mutation(
        "a loss excuses holes for ever", NUMBERS,
        "if excused is not None and at >= excused:\n            producer.excused = None",
        "if excused is not None and at >= excused:\n            pass", NUMBER_TESTS,
    ),
    Mutation(
        "a loss told ahead does not excuse a source first seen then", NUMBERS,
        "producer.excused = self._until if self._until and at < self._until else None", "pass",
        NUMBER_TESTS,
    ),
    # --- the ring
    Mutation(
        "what is dropped is not counted", RING,
        "last.matching += piece.chunk.count", "last.matching += 0", RING_TESTS,
    ),
    Mutation(
        "filtered entries vanish with what is dropped", RING,
        "last.filtered += piece.filtered", "pass", RING_TESTS,
    ),
    Mutation(
        "a producer's gap vanishes with what is dropped", RING,
        "            _state(last.stated, gap)\n\n    def take", "            pass\n\n    def take",
        RING_TESTS,
    ),
    Mutation(
        "a reset that falls out while parked is no matter", RING,
        "self.parked = False  # history ends", "pass  # history ends", RING_TESTS,
    ),
    Mutation(
        "the floor stays when the parked ring drops", RING,
        "self.floor = piece.through", "pass", RING_TESTS,
    ),
    Mutation(
        "entries behind a reset are counted before it", RING,
        "if piece.replaced or not piece.moves:", "if not piece.moves:", RING_TESTS,
    ),
    # --- the session's place
    Mutation(
        "nobody says that the stream was replaced", PLACE,
        "return Meeting(piece) if piece.replaced else _replaced(at, piece)",
        "return Meeting(piece)", PLACE_TESTS,
    ),
    Mutation(
        "a loss that lies before our place is passed over", PLACE,
        "return None if behind and not _more(at, piece) else piece",
        "return None if behind else piece", PLACE_TESTS,
    ),
    Mutation(
        "what was told is told again", PLACE,
        "kept = [i for i, decoded in enumerate(chunk.events) if decoded.id > at.id]",
        "kept = [i for i, decoded in enumerate(chunk.events)]", PLACE_TESTS,
    ),
    Mutation(
        "a stated loss is not corrected", PLACE,
        "fresh.gap = msgspec.structs.replace(fresh.gap, missed=lost, after=after)", "pass",
        PLACE_TESTS,
    ),
    Mutation(
        "what a producer was told for is told again", PLACE,
        "lost -= fresh.explained", "pass", PLACE_TESTS,
    ),
    Mutation(
        "the count of a place goes back", PLACE,
        "index = max(known, default=None)", "index = min(known, default=None)",
        f"{PLACE_TESTS} {DELIVERY_TESTS} {MODEL}",
    ),
    # --- what is told
    Mutation(
        "the position runs ahead of what was refused", FLOW,
        "self._refused.filtered += piece.filtered\n        self.at = passed(self.at, piece)",
        "self._refused.filtered += piece.filtered\n"
        "        self.at = self.position = passed(self.at, piece)", FLOW_TESTS,
    ),
    Mutation(
        "refused events are not counted", FLOW,
        "self._refused.missed += chunk.count", "pass", FLOW_TESTS,
    ),
    Mutation(
        "what was refused is kept when the place is read again", FLOW,
        "self.position = self.at = place\n        self._refused = None",
        "self.position = self.at = place", FLOW_TESTS,
    ),
    Mutation(
        "a loss is told after what was refused behind it", DELIVERY,
        "if tells and flow.refused_since is not None:", "if False:", DELIVERY_TESTS,
    ),
    Mutation(
        "what follows a loss is forgotten", DELIVERY,
        "            if rest is not None:\n                catch_up.put_back(rest)",
        "            pass", DELIVERY_TESTS,
    ),
    Mutation(
        "an admitted piece pays twice", DELIVERY,
        "rest.admitted = True", "rest.admitted = False", DELIVERY_TESTS,
    ),
    # --- the watch
    Mutation(
        "a hole is told before the stream's account is known", WATCHED,
        "numbers.unknown(origin) or (not known and numbers.shows_loss(origin))",
        "numbers.unknown(origin)", f"{WATCHED_TESTS} {MODEL}",
    ),
    Mutation(
        "an unreadable entry is in no count", WATCHED,
        "self._push_gap(unreadable_gap(decoded), place, counted=1)",
        "self._push_gap(unreadable_gap(decoded), place)", f"{WATCHED_TESTS} {MODEL}",
    ),
    Mutation(
        "losses of a look are not told", WATCHED,
        "            self.lose(loss)\n        # Nothing", "            pass\n        # Nothing",
        f"{WATCHED_TESTS} {MODEL}",
    ),
    Mutation(
        "a hole that was told is told again to who comes back", WATCHED,
        "lost = NOTHING_MISSING", "pass", HISTORY_TESTS + " -k hole",
    ),
    Mutation(
        "what is pending is dropped when the stream ends", WATCHED,
        "return self._run(self.pending, known=True)\n\n    def unknown_source",
        "return 0\n\n    def unknown_source", WATCHED_TESTS,
    ),
    # --- the reader and history
    Mutation(
        "the reader goes on in another life", READER,
        "            if ours and epochs.of_run(at.epoch, run_id):", "            if True:",
        HISTORY_TESTS + " -k earlier_life",
    ),
    Mutation(
        "a change of life is not told", READER,
        "            watched.lose(loss)\n        account.move",
        "            pass\n        account.move",
        f"{MODEL}",
    ),
    Mutation(
        "history reads on in another life", HISTORY,
        "            if not self._same(account.at, snapshot):", "            if False:", f"{MODEL}",
    ),
    Mutation(
        "history ends before the boundary", HISTORY,
        "wanted = [row for row in rows if row[0] <= boundary.id]",
        "wanted = [row for row in rows if row[0] < boundary.id]", f"{MODEL}",
    ),
    Mutation(
        "the floor of an overflowing ring is ignored", HISTORY,
        "floor = self._live.ring.floor or self._live.boundary", "floor = self._live.boundary",
        f"{MODEL}",
    ),
    Mutation(
        "a full reply of the tail counts as the end", TAIL,
        "delivered += known.took(rows, full=len(rows) >= count)",
        "delivered += known.took(rows[:50], full=False)", TAIL_TESTS + " -k page",
    ),
]  # fmt: skip
