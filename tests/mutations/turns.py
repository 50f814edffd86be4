"""Planted faults in how sessions and processes get from one run of the server into the next."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import (
    AGREEMENT,
    AGREEMENT_TESTS,
    CONTINUITY,
    CONTINUITY_TESTS,
    EPOCH_TESTS,
    EPOCHS,
    HISTORY,
    LIFE,
    LIFE_TESTS,
    NUMBER_TESTS,
    NUMBERS,
    PIECES,
    PLACE,
    PLACE_TESTS,
    RING,
    RING_TESTS,
    WATCHED,
    WATCHED_TESTS,
)
from tests.mutations.runner import Mutation

SCAN: Final = "extdebug/hub/sequence_scan.py"
SCAN_TESTS: Final = "tests/extdebug/hub/test_sequence_scan.py"
IDENTITY: Final = "extdebug/streams/server_identity.py"
IDENTITY_TESTS: Final = "tests/extdebug/streams/test_server_identity.py"
MODEL_TESTS: Final = "tests/extdebug/model/test_model.py -k 'not TestLosses'"

TURNS: Final = [
    Mutation(
        "what was read in time and waits counts as lost", CONTINUITY,
        "saved = bisect.bisect_right(ids, edge_id)", "saved = 0", WATCHED_TESTS,
    ),
    Mutation(
        "what waits is passed by with the loss beside it", CONTINUITY,
        "edge_id = self.at.id if saved else edge_id", "pass", WATCHED_TESTS,
    ),
    Mutation(
        "what a faster process showed is shown again", PLACE,
        "return shown if shown > piece.through.id else None", "return None", PLACE_TESTS,
    ),
    Mutation(
        "another stream is taken for the one that was shown", PLACE,
        "if piece.kept is None or piece.ends is None or piece.ends.epoch != at.epoch:",
        "if piece.ends is None or piece.ends.epoch != at.epoch:", PLACE_TESTS,
    ),
    Mutation(
        "each process places the loss between two runs by what it saw", LIFE,
        "following = await self._read_rest(account, began)",
        "following = await self._read_rest(account, account.at.id)", LIFE_TESTS,
    ),
    Mutation(
        "a run that was slept through is taken for the one before", LIFE,
        "began = epochs.next_began(now.epochs, account.at.epoch, life)",
        "began = epochs.run_began(life)", LIFE_TESTS,
    ),
    Mutation(
        "two processes name one run", LIFE,
        "if not theirs or self.current(snapshot):", "if True:", LIFE_TESTS,
    ),
    Mutation(
        "a name says that its run began before the one that went before", EPOCHS,
        "default=0)\n    ms, doubt_ms", "default=0) * 0\n    ms, doubt_ms", LIFE_TESTS,
    ),
    Mutation(
        "a name says that its run is certain before it is", EPOCHS,
        "bisect.bisect_left(_DOUBTS_MS, doubt_ms)", "bisect.bisect_left(_DOUBTS_MS, doubt_ms / 2)",
        EPOCH_TESTS,
    ),
    Mutation(
        "a late reader believes that the server still lived", IDENTITY,
        "self._heard = self._monotonic() if asked is None else asked",
        "self._heard = self._monotonic()", IDENTITY_TESTS,
    ),
    Mutation(
        "a late reader believes that the server was gone already", IDENTITY,
        "asked = self._monotonic() if asked is None else asked", "asked = self._monotonic()",
        IDENTITY_TESTS,
    ),
    Mutation(
        "what went behind a place without a count is not told", HISTORY,
        "if account.claims and account.at.index is None:", "if False:", MODEL_TESTS,
    ),
    Mutation(
        "what was deleted ahead of a place without a count is not told", HISTORY,
        "lost = None if account.claims and at.id < deleted <= boundary.id else 0", "lost = 0",
        MODEL_TESTS,
    ),
    Mutation(
        "a look that reads no more proves what was read without one", CONTINUITY,
        "return not self._blind and snapshot.deleted <= self._proved",
        "return snapshot.deleted <= self._proved", WATCHED_TESTS,
    ),
    Mutation(
        "what was deleted ahead counts as gone before", CONTINUITY,
        "        if doubt:\n            edge", "        if False:\n            edge", MODEL_TESTS,
    ),
    Mutation(
        "a stream that our process does not know is read as if it did", AGREEMENT,
        "if not boundary.epoch or (ours and boundary.epoch in known):",
        "if not present or (ours and boundary.epoch in known):", MODEL_TESTS,
    ),
    Mutation(
        "lines that another process told lost are shown by one that still has them", AGREEMENT,
        "if not stood.ahead or boundary.id >= before(stood.until):", "if True:",
        AGREEMENT_TESTS,
    ),
    Mutation(
        "a history does not know what the live stream knew of markers", SCAN,
        "numbers.recall(live.sequence_gaps.log, at=at.id)", "pass", SCAN_TESTS,
    ),
    Mutation(
        "what a marker stated and nobody told is not told to who comes back", SCAN,
        "numbers.owe(at.untold)", "pass", SCAN_TESTS,
    ),
    Mutation(
        "a place behind a marker that was not told does not say so", NUMBERS,
        "at = msgspec.structs.replace(at, untold=self._untold)", "pass",
        "tests/extdebug/streams/test_begun_in_the_middle.py",
    ),
    Mutation(
        "a session's place forgets what was not told", PLACE,
        "until=until, untold=at.untold", "until=until", PLACE_TESTS,
    ),
    Mutation(
        "what the server lost of what we read is told as if the stream had dropped it", HISTORY,
        "if await lives.unnoticed_loss(", "if False and await lives.unnoticed_loss(",
        AGREEMENT_TESTS,
    ),
    Mutation(
        "a session that begins again forgets what it had found", HISTORY,
        "if told := self._pieces():", "if told := []:", AGREEMENT_TESTS,
    ),
    Mutation(
        "a session that could not begin again goes on as it was", HISTORY,
        "self._open()  # the next page begins again where we are", "pass", AGREEMENT_TESTS,
    ),
    Mutation(
        "where a history begins is forgotten with its first page", "extdebug/sessions/catch_up.py",
        "self._begun, self._found = True, place", "self._begun = True",
        "tests/extdebug/sessions/test_catch_up.py",
    ),
    Mutation(
        "what the server lost is told as the stream's once our process has noticed", AGREEMENT,
        "return any(place < ring.id", "return False and any(place < ring.id", AGREEMENT_TESTS,
    ),
    Mutation(
        "nobody remembers what a server kept of our reading", LIFE,
        "kept[at.epoch] = rolled_back.known", "pass", AGREEMENT_TESTS,
    ),
    Mutation(
        "what the server lost is told as the stream's by a process that notices late", AGREEMENT,
        'raise RedisConnectionError("the live stream does not know what the server lost yet")',
        "return False", AGREEMENT_TESTS,
    ),
    Mutation(
        "a reading group behind us in the same run is waited for", AGREEMENT,
        "if epochs.of_run(life, run_id):", "if False:", AGREEMENT_TESTS,
    ),
    Mutation(
        "the marker at which a client stands is told again by a process behind", PIECES,
        "piece.own or (at.stated and through.stated)", "at.stated and through.stated", PLACE_TESTS,
    ),
    Mutation(
        "a marker's gap counts as one before the next entry", RING,
        "counted=counted, own=counted > 0", "counted=counted", RING_TESTS,
    ),
    Mutation(
        "a hole told before uses up a loss of the stream", NUMBERS,
        "if not (taken or sure) and excused", "if not taken and excused", NUMBER_TESTS,
    ),
    Mutation(
        "what went with a life of the stream is told as if that had dropped it", PLACE,
        "reason = piece.gap.reason if piece.gap else GapReason.RESET",
        "reason = GapReason.RETENTION", PLACE_TESTS,
    ),
    Mutation(
        "a hole that reaches out of the stream's loss is its producer's for certain", NUMBERS,
        "at <= span.after or spoke >= span.until", "not span.after < at < span.until",
        NUMBER_TESTS,
    ),
    Mutation(
        "a late marker is told though another producer's hole was told for it", NUMBERS,
        "known += self._exchange(producer, lost - known)", "pass", NUMBER_TESTS,
    ),
    Mutation(
        "what waits and is still in the stream counts as read without a look", WATCHED,
        "if gone := [row for row in self.pending if first is None or row[0] < first]:",
        "if (gone := list(self.pending)) and (first is None or first > account.at.id):",
        WATCHED_TESTS,
    ),
    Mutation(
        "a stream that holds all since the last proof leaves a doubt", CONTINUITY,
        "self._blind = False  # nothing was trimmed of what was read since", "pass",
        CONTINUITY_TESTS,
    ),
    Mutation(
        "a count that is the stream's own leaves a doubt", CONTINUITY,
        "self._provisional = self._blind = False  # the stream's own count is ours", "pass",
        CONTINUITY_TESTS,
    ),
]  # fmt: skip
