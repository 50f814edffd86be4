"""Planted faults in the code that owns promise 2, each with the tests that must notice it."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

CONTINUITY: Final = "extdebug/streams/continuity.py"
EPOCHS: Final = "extdebug/streams/epochs.py"
NUMBERS: Final = "extdebug/streams/sequence_gaps.py"
RING: Final = "extdebug/hub/ring_buffer.py"
PIECES: Final = "extdebug/hub/pieces.py"
PLACE: Final = "extdebug/sessions/place.py"
FLOW: Final = "extdebug/sessions/flow_control.py"
DELIVERY: Final = "extdebug/sessions/delivery.py"
WATCHED: Final = "extdebug/hub/watched_stream.py"
GAPS: Final = "extdebug/hub/gaps.py"
AGREEMENT: Final = "extdebug/hub/life_agreement.py"
AGREEMENT_TESTS: Final = "tests/extdebug/hub/test_life_agreement.py"
READER: Final = "extdebug/hub/stream_reader.py"
HISTORY: Final = "extdebug/hub/history.py"
BOUNDARY: Final = "extdebug/hub/boundary_reads.py"
AGENDA: Final = "extdebug/hub/agenda.py"
TAIL: Final = "extdebug/hub/tail.py"
LIFE: Final = "extdebug/hub/stream_life.py"
GROUP: Final = "extdebug/hub/reader_group.py"
LANES: Final = "extdebug/runner/publish/lanes.py"
OUTGOING: Final = "extdebug/runner/publish/outgoing.py"
SENDER: Final = "extdebug/runner/publish/sender.py"
PASS: Final = "extdebug/runner/wrap/pass_through.py"
WRAP: Final = "extdebug/runner/wrap/command.py"

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
HISTORY_TESTS: Final = "tests/extdebug/hub/test_history.py"
READER_TESTS: Final = "tests/extdebug/hub/test_stream_reader.py"
AGENDA_TESTS: Final = "tests/extdebug/hub/test_agenda.py"
DEADLINE_TESTS: Final = "tests/extdebug/wire/test_deadlines.py"
TAIL_TESTS: Final = "tests/extdebug/hub/test_tail.py"
LIFE_TESTS: Final = "tests/extdebug/hub/test_stream_life.py"
GROUP_TESTS: Final = "tests/extdebug/hub/test_reader_group.py"
LANES_TESTS: Final = "tests/extdebug/runner/publish/test_lanes.py"
OUTGOING_TESTS: Final = "tests/extdebug/runner/publish/test_outgoing.py"
SENDER_TESTS: Final = "tests/extdebug/runner/publish/test_sender.py"
PASS_TESTS: Final = "tests/extdebug/runner/wrap/test_pass_through.py"

LOSS_CORE: Final = [
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
        "return stood.id > snapshot.top or (stood.index or 0) > snapshot.added",
        "return stood.id > snapshot.top", CONTINUITY_TESTS,
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
        CONTINUITY_TESTS,
    ),
    # --- the life's name
    Mutation(
        "an earlier run's epoch is current", EPOCHS,
        'return newest if newest and of_run(newest, run_id) else ""', "return newest", EPOCH_TESTS,
    ),
    Mutation(
        "of several names the earliest is current", EPOCHS,
        'newest = max(epochs, default="")', 'newest = min(epochs, default="")', EPOCH_TESTS,
    ),
    Mutation(
        "a name says nothing of when its run began", EPOCHS,
        "int(time.time() * 1000) if began_ms is None else began_ms", "int(time.time() * 1000)",
        EPOCH_TESTS,
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
        "return hole - taken", "return hole", NUMBER_TESTS,
    ),
    Mutation(
        "a loss excuses holes for ever", NUMBERS,
        "if excused is not None and at >= excused.until:\n            producer.excused = None",
        "if excused is not None and at >= excused.until:\n            pass", NUMBER_TESTS,
    ),
    Mutation(
        "a loss told ahead does not excuse a source first seen then", NUMBERS,
        "self._excuse(producer)  # first seen", "pass  # first seen", NUMBER_TESTS,
    ),
    Mutation(
        "a loss excuses holes before its own beginning", NUMBERS,
        "if not (taken or sure) and excused is not None and at > excused.after:",
        "if not (taken or sure) and excused is not None:", NUMBER_TESTS,
    ),
    Mutation(
        "what was stated before a first number swallows a later hole", NUMBERS,
        "producer.credit = max(0, producer.credit - max(unsure, n - 1))", "pass", NUMBER_TESTS,
    ),
    Mutation(
        "of what is seeded everything counts as known", NUMBERS,
        "self._known[origin.src].partial = True",
        "self._known[origin.src].partial = False", NUMBER_TESTS,
    ),
    Mutation(
        "what is learnt does not replace a seed", NUMBERS,
        "if known is None or known.partial:", "if known is None:", NUMBER_TESTS,
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
        "            _state(last.stated, gap)\n\n    def _fresh",
        "            pass\n\n    def _fresh",
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
    Mutation(
        "where a dropped loss may have begun is forgotten", RING,
        "last.since = piece.since if last.since is None else min(last.since, piece.since)", "pass",
        RING_TESTS,
    ),
    Mutation(
        "a change of life falls out of the ring", RING,
        "            self._dropped.append(piece)\n", "            pass\n", RING_TESTS,
    ),
    # --- the session's place
    Mutation(
        "nobody says that the stream was replaced", PLACE,
        "return _life_ends(at, piece) if piece.replaced else _replaced(at, piece)",
        "return _life_ends(at, piece)", PLACE_TESTS,
    ),
    Mutation(
        "a loss that lies before our place is passed over", PIECES,
        "return None if passed_by and not _more(at, piece) else piece",
        "return None if passed_by else piece", PLACE_TESTS,
    ),
    Mutation(
        "what was told is told again", PIECES,
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
        "counted if index is None else max(index, counted)",
        "counted if index is None else min(index, counted)",
        f"{PLACE_TESTS} {DELIVERY_TESTS}",
    ),
    Mutation(
        "what of an ended life was not told is passed over", PLACE,
        "    if lost is not None and lost > 0:\n        # Some", "    if False:\n        # Some",
        PLACE_TESTS,
    ),
    Mutation(
        "an end without a count begins where its process stood", PLACE,
        "piece.gap = msgspec.structs.replace(piece.gap, after=str(since))", "pass", PLACE_TESTS,
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
        "refused, self._refused = self._refused, None", "refused = None", FLOW_TESTS,
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
        "(not known and numbers.shows_loss(","(False and numbers.shows_loss(", WATCHED_TESTS,
    ),
    Mutation(
        "an unreadable entry is in no count", GAPS,
        "yield unreadable_gap(decoded), place, 1", "yield unreadable_gap(decoded), place, 0",
        WATCHED_TESTS,
    ),
    Mutation(
        "losses of a look are not told", WATCHED,
        "            self.lose(loss, ends=ends)\n        # Nothing",
        "            pass\n        # Nothing",
        WATCHED_TESTS,
    ),
    Mutation(
        "a hole that was told is told again to who comes back", WATCHED,
        "at=decoded.id, told=told)", "at=decoded.id)", WATCHED_TESTS,
    ),
    Mutation(
        "what is pending is dropped when the stream ends", WATCHED,
        "delivered = self._run(self.pending, known=True, ended=ended)",
        "delivered = 0", WATCHED_TESTS,
    ),
    # --- the reader and history
    Mutation(
        "the reader goes on in another life", LIFE,
        "if (at.epoch in snapshot.epochs or ours) and epochs.of_run(at.epoch, run_id):", "if True:",
        LIFE_TESTS,
    ),
    Mutation(
        "a refused read looks at nothing", TAIL,
        "reader.due()\n                    self._agenda.wake(reader)\n", "pass\n",
        TAIL_TESTS + " -k refused",
    ),
    Mutation(
        "a tail from the beginning counts what lies behind the boundary", BOUNDARY,
        "held = int(replies[0]) - beyond", "held = int(replies[0])",
        "tests/extdebug/hub/test_boundary_reads.py -k entry_by_entry",
    ),
    Mutation(
        "a snapshot proves that all was read whatever it counts", READER,
        "(snapshot.added, snapshot.top) != (account.at.index, account.at.id)",
        "snapshot.top != account.at.id", READER_TESTS + " -k proves",
    ),
    Mutation(
        "a stream that rests is never asked again", AGENDA,
        "while self._times and self._times[0][0] <= now:", "while False:",
        AGENDA_TESTS + " -k its_time",
    ),
    Mutation(
        "a change of life is not told", LIFE,
        "            watched.lose(loss, ends=at)\n        account.move",
        "            pass\n        account.move", LIFE_TESTS,
    ),
    Mutation(
        "a key that is away for a moment is another life", LIFE,
        "return now - self._gone_at >= GONE", "return True", LIFE_TESTS,
    ),
    Mutation(
        "a life that comes back begins anew", LIFE,
        "if known is not None and known.id <= now.top and life != at.epoch:", "if False:",
        LIFE_TESTS,
    ),
    Mutation(
        "what came after a restart is told before its gap", LIFE,
        "old = [row for row in rows if row[0] < began]", "old = rows", LIFE_TESTS,
    ),
    Mutation(
        "the group is not put where the account is", GROUP,
        "if self.synced or not self.usable:", "if True:", GROUP_TESTS,
    ),
    Mutation(
        "a refused group is tried at once for ever", GROUP,
        "            self._plain_until = time.monotonic() + PLAIN", "            pass", GROUP_TESTS,
    ),
    Mutation(
        "history reads on in another life", HISTORY,
        "if not goes_on(self._hub, self._live, account.at, snapshot):", "if False:",
        HISTORY_TESTS + " -k replaced",
    ),
    Mutation(
        "history passes over a restart", HISTORY,
        "        if len(old) < len(rows) or end:\n", "        if False:\n",
        HISTORY_TESTS + " -k restart",
    ),
    Mutation(
        "what history lost further on is not counted ahead", HISTORY,
        "await self._count_ahead(link, snapshot, boundary)", "pass", HISTORY_TESTS + " -k numbered",
    ),
    Mutation(
        "history ends before the boundary", HISTORY,
        "wanted = [row for row in rows if row[0] <= boundary.id]",
        "wanted = [row for row in rows if row[0] < boundary.id]",
        HISTORY_TESTS + " -k on_without_hole",
    ),
    Mutation(
        "the floor of an overflowing ring is ignored", AGREEMENT,
        "floor = live.ring.floor or live.boundary", "floor = live.boundary",
        HISTORY_TESTS + " -k overflowing",
    ),
    Mutation(
        "a task that swallows a cancellation is waited for for ever", "extdebug/wire/stopping.py",
        "asyncio.wait(waiting, timeout=0.5)", "asyncio.wait(waiting)",
        "tests/extdebug/wire/test_stopping.py -k stubborn",
    ),
    Mutation(
        "who answers while we are busy is late", "extdebug/wire/deadlines.py",
        "self._loop.time() + self._rest", "self._loop.time()", DEADLINE_TESTS,
    ),
    Mutation(
        "who answered keeps a limit", "extdebug/wire/deadlines.py",
        "        self._timer.cancel()", "        pass", DEADLINE_TESTS,
    ),
    Mutation(
        "a stream that cannot be read is hurried after", READER,
        "return self.behind and not self.watched.problem", "return self.behind",
        TAIL_TESTS + " -k costs_no_turns",
    ),
    Mutation(
        "sessions are not given their turn though they have no room", TAIL,
        "any(reader.watched.crowded for reader in hurried)", "False", TAIL_TESTS + " -k speak",
    ),
    Mutation(
        "a full reply of the tail counts as the end", TAIL,
        "delivered += known.took(rows, full=len(rows) >= count)",
        "delivered += known.took(rows[:50], full=False)", TAIL_TESTS + " -k page",
    ),
    Mutation(
        "a lost connection leaves the group where it was", READER,
        "        self._group.synced = False\n        self.behind = self._doubted = True\n",
        "        self.behind = self._doubted = True\n", LIFE_TESTS + " -k lost_reply",
    ),
    Mutation(
        "a look of part of the stream counts as the whole", READER,
        "whole = not crowded and len(rows) < count", "whole = not crowded",
        LIFE_TESTS + " -k part_of_it",
    ),
    Mutation(
        "a group that stayed behind proves another life", LIFE,
        "in snapshot.groups and not self.current(snapshot)", "in snapshot.groups", LIFE_TESTS,
    ),
    Mutation(
        "a stream that replaced ours over a restart is the rest of ours", LIFE,
        "stays = at.epoch in snapshot.epochs and not epochs.of_run(at.epoch, run_id)",
        "stays = not epochs.of_run(at.epoch, run_id)", LIFE_TESTS,
    ),
    # --- the runner
    Mutation(
        "what is put back comes out backwards", LANES,
        "for size, item in reversed(items):", "for size, item in items:",
        LANES_TESTS + " -k restored",
    ),
    Mutation(
        "what a full lane gave up is not stated", LANES,
        "lane.items.extendleft((0, lost) for lost in reversed(heads))", "pass",
        LANES_TESTS + " -k full_lane",
    ),
    Mutation(
        "a held lane is taken from", LANES,
        "if lane.held or not lane.items:", "if not lane.items:", LANES_TESTS + " -k held",
    ),
    Mutation(
        "what is taken counts as settled", LANES,
        "self._out = self._out or bool(taken)", "pass", LANES_TESTS + " -k idle",
    ),
    Mutation(
        "a marker is dropped on its way", OUTGOING,
        "lane.lose(item)  # counted where it happened", "pass", SENDER_TESTS + " -k marker",
    ),
    Mutation(
        "what is uncertain counts as written", OUTGOING,
        "self.uncertain += sum(", "self.written += sum(", OUTGOING_TESTS + " -k uncertain",
    ),
    Mutation(
        "nobody asks for the end of an uncertain batch", OUTGOING,
        "            self._unsettled(stream, count)", "            pass",
        OUTGOING_TESTS + " -k uncertain",
    ),
    Mutation(
        "a refused entry is written behind a newer one", OUTGOING,
        "if i < last_good or unknown:", "if unknown:", OUTGOING_TESTS + " -k overtaken",
    ),
    Mutation(
        "a refusal for good is not stated", OUTGOING,
        'again.append((0, LaneLoss(causes={"refused": 1}, src=item.src)))', "pass",
        OUTGOING_TESTS + " -k for_good",
    ),
    Mutation(
        "a batch that broke off is sent again", SENDER,
        "self._settle(batch, error.results)", "self._outgoing.put_back(batch)",
        SENDER_TESTS + " -k broke_off",
    ),
    Mutation(
        "the pipes end before what was read is passed on", PASS,
        "while any(route.open for route in self.routes):",
        "while all(route.open for route in self.routes):", PASS_TESTS,
    ),
    Mutation(
        "after a silence the other output is read first, whichever was written first", PASS,
        "return next((source for source in self._order if source in readable), None)",
        "return None", PASS_TESTS + " -k silence",
    ),
    Mutation(
        "the end of a line of many pieces is read after what follows it elsewhere", PASS,
        " and len(readable) > 1", "", PASS_TESTS + " -k pieces",
    ),
    Mutation(
        "wrap ends before its pipes are out", WRAP,
        "        if child.poll() is not None:\n",
        "        if child.poll() is not None:\n            return 0.0\n",
        "tests/extdebug/runner/wrap/test_command.py -k outlives",
    ),
    Mutation(
        "what went with a stream whose clock was ahead is told again as the runner's loss",
        "extdebug/streams/sequence_gaps.py", "back = until <= after", "back = False",
        "tests/extdebug/streams/test_sequence_gaps.py -k clock_was_ahead",
    ),
]  # fmt: skip
