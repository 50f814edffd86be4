"""Planted faults on the short way of a line from a session's ring to its socket."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import FLOW, PLACE, PLACE_TESTS, RING, RING_TESTS
from tests.mutations.runner import Mutation

TURN: Final = "extdebug/sessions/turn.py"
AT_ONCE: Final = "extdebug/sessions/at_once.py"
LIFETIME: Final = "extdebug/sessions/lifetime.py"
FEED: Final = "extdebug/sessions/feed.py"
ROSTER: Final = "extdebug/sessions/roster.py"
SUPERVISOR: Final = "extdebug/sessions/supervisor.py"
SUBSCRIPTION: Final = "extdebug/hub/subscription.py"
SPEAKERS: Final = "extdebug/sessions/speakers.py"
RUNNER_BUFFER: Final = "extdebug/hub/runner_buffer.py"
CATCH_UP: Final = "extdebug/sessions/catch_up.py"
DELIVERY: Final = "extdebug/sessions/delivery.py"
SOCKET: Final = "extdebug/ops/frame_socket.py"
TURN_TESTS: Final = "tests/extdebug/sessions/test_turn.py"
AT_ONCE_TESTS: Final = "tests/extdebug/sessions/test_at_once.py"
FEED_TESTS: Final = "tests/extdebug/sessions/test_feed_at_once.py -k 'not both'"
SUPERVISOR_TESTS: Final = "tests/extdebug/sessions/test_supervisor.py"
RUNNERS_TESTS: Final = "tests/extdebug/sessions/test_feed_on_runners.py"
SPEAKERS_TESTS: Final = "tests/extdebug/sessions/test_speakers.py"
FOLLOWING: Final = "extdebug/sessions/following.py"
FOLLOWING_TESTS: Final = "tests/extdebug/sessions/test_following.py"
DELIVERY_TESTS: Final = "tests/extdebug/sessions/test_delivery.py -k whole_frame"
CATCH_UP_TESTS: Final = "tests/extdebug/sessions/test_catch_up.py"
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
        "                self._unwritten += messages\n", "", AT_ONCE_TESTS,
    ),
    Mutation(
        "a step that fails is forgotten", AT_ONCE,
        "            self._fail(error)\n            return ()\n",
        "            return ()\n", AT_ONCE_TESTS,
    ),
    Mutation(
        "a state that changes as lines come is not said", AT_ONCE,
        "        self._lines_only = False\n", "", FEED_TESTS,
    ),
    Mutation(
        "once anything changed, all is looked for behind every line", AT_ONCE,
        "            self._lines_only = True\n", "            pass\n", AT_ONCE_TESTS,
    ),
    Mutation(
        "what only the task can do is forgotten behind lines", AT_ONCE,
        "return self._task_needed()", "return False", AT_ONCE_TESTS,
    ),
    Mutation(
        "the account is not said behind the line after a silence", TURN,
        "            and not status.account_due(self._stepped_at)\n", "", FEED_TESTS,
    ),
    Mutation(
        "lines that wait are forgotten behind those that were told", TURN,
        "            and not (flow.open and self._playback.catch_up.waiting)\n", "", TURN_TESTS,
    ),
    Mutation(
        "what the rate refused is forgotten behind lines", TURN,
        "            and flow.refused_since is None\n", "", TURN_TESTS,
    ),
    Mutation(
        "the first of those that were moved speaks before the others are asked", SPEAKERS,
        "group = due[start : start + TOGETHER]", "group = due[start : start + 1]", SPEAKERS_TESTS,
    ),
    Mutation(
        "a session with more to say is asked once", SPEAKERS,
        "            while group:", "            if group:", SPEAKERS_TESTS,
    ),
    Mutation(
        "a whole frame is told past the window", DELIVERY,
        "    if not flow.fits(chunk.size):\n        catch_up.put_back(piece)\n",
        "    if False:\n        catch_up.put_back(piece)\n", DELIVERY_TESTS,
    ),
    Mutation(
        "a line that waits for room is told behind the runners' of later", DELIVERY,
        "    catch_up.take(flow.position)\n    if not flow.fits(chunk.size):\n"
        "        catch_up.put_back(piece)\n        return None\n",
        "    if not flow.fits(chunk.size):\n        return None\n"
        "    catch_up.take(flow.position)\n", RUNNERS_TESTS,
    ),
    Mutation(
        "a runner's line that waits for room is lost with another filter", CATCH_UP,
        "buffer.put_back(piece, self._sub.watched.decoder)", "pass", RUNNERS_TESTS,
    ),
    Mutation(
        "a runner's line that waits is shown under the rules of before", RUNNER_BUFFER,
        "again = [decoder.again(decoded, ms=ms) for decoded in piece.chunk.events]",
        "again = piece.chunk.events", RUNNERS_TESTS,
    ),
    Mutation(
        "what a runner's ring dropped is lost with another filter", RUNNER_BUFFER,
        "own = not piece.moves and gap.reason is GapReason.NOT_CONSUMED", "own = False",
        RUNNERS_TESTS,
    ),
    Mutation(
        "a runner's line is shown again where what waits is read again", RUNNER_BUFFER,
        "return self._met.get(number) == decoded.id", "return False", RUNNERS_TESTS,
    ),
    Mutation(
        "what is put back comes behind what was dropped meanwhile", RING,
        "        if self._dropped:  # since", "        if False:  # since", RING_TESTS,
    ),
    Mutation(
        "a read that the server holds back is ended, and the server with it",
        "extdebug/hub/waking.py", "control.batch([held_back, (", "control.batch([(",
        "tests/extdebug/hub/test_waking.py -k held_back",
    ),
    Mutation(
        "a read that has less than a millisecond blocks for ever", "extdebug/hub/blocking_read.py",
        "math.ceil(block * 1000)", "math.floor(block * 1000)",
        "tests/extdebug/hub/test_blocking_read.py",
    ),
    Mutation(
        "a reply that waits for more is taken for one", "extdebug/streams/connection.py",
        "if reply is False or type(reply) is object:", "if reply is False:",
        "tests/extdebug/streams/test_connection.py -k told_apart",
    ),
    Mutation(
        "what answers behind another question's reply is taken with it",
        "extdebug/streams/connection.py", "_came_too(connection, count - len(replies))",
        "_came_too(connection, count)", "tests/extdebug/streams/test_connection.py -k told_apart",
    ),
    Mutation(
        "a server that loads is taken for one that answers", "extdebug/streams/connection.py",
        "if isinstance(first, RedisConnectionError):", "if False:",
        "tests/extdebug/streams/test_connection.py -k no_server",
    ),
    Mutation(
        "the tail ends its read past the guard", "extdebug/hub/tail.py",
        "await unblock(self._control, self._client_id, key=next(iter(self._readers)))",
        'await self._control.call("CLIENT", "UNBLOCK", self._client_id, "TIMEOUT")',
        "tests/extdebug/hub/test_tail.py -k held_back",
    ),
    Mutation(
        "a seam is lost where the ring is begun anew", SUBSCRIPTION,
        "for seam in self._seams:\n            self.ring", "for seam in ():\n            self.ring",
        RUNNERS_TESTS,
    ),
    Mutation(
        "of two seams that wait the later alone is told", SUBSCRIPTION,
        "[*self._seams[-MOST_SEAMS:], seam]", "[seam]", RUNNERS_TESTS,
    ),
    Mutation(
        "a seam that was told is told again", SUBSCRIPTION,
        "if self.ring.holds(seam) or any", "if True or any", RUNNERS_TESTS,
    ),
    Mutation(
        "a seam that was taken and not told is lost", CATCH_UP,
        "restart(selection, taken=self._pieces)", "restart(selection)", CATCH_UP_TESTS,
    ),
    Mutation(
        "history reads up to a seam, which has no place", RING,
        "next((i for i, one in enumerate(self._pieces) if one.moves), 0)", "0", RING_TESTS,
    ),
    Mutation(
        "a runner's lines that were refused are forgotten with another filter", FLOW,
        "if refused is not None and refused.unplaced:", "if False:", RUNNERS_TESTS,
    ),
    Mutation(
        "a line is written behind the end of its session", AT_ONCE,
        "self._writes = not woken and self.write", "self._writes = self.write", AT_ONCE_TESTS,
    ),
    Mutation(
        "the first session is not held to the rows at the first look", SUPERVISOR,
        "if rows_due and self._feeds:", "if rows_due:", SUPERVISOR_TESTS,
    ),
    Mutation(
        "rules that cannot be read delay an end", SUPERVISOR,
        "                    rows_due = (now",
        "                    await self._look_at_rules()\n                    rows_due = (now",
        SUPERVISOR_TESTS,
    ),
    Mutation(
        "rows that cannot be read keep rules of before in force", SUPERVISOR,
        "await self._look_at_rules()  # whatever", "pass  # whatever", SUPERVISOR_TESTS,
    ),
    Mutation(
        "without a hint nothing is decided afresh", ROSTER,
        "        at = time.monotonic() + self._afresh", "        at = time.monotonic() + 1e9",
        SUPERVISOR_TESTS,
    ),
    Mutation(
        "a decision whose time is up is not made afresh", ROSTER,
        "if decision.until is not None:", "if False:", SUPERVISOR_TESTS,
    ),
    Mutation(
        "counts keep the selectors of all who ever asked", "extdebug/hub/overview.py",
        "wanted = target, selection.installs, selection.filter",
        "wanted = target, selection.installs, selection",
        "tests/extdebug/hub/test_overview.py -k counts",
    ),
    Mutation(
        "a line that the rate let through is asked for again", CATCH_UP,
        "not (first.history or first.admitted)", "not first.history", CATCH_UP_TESTS,
    ),
    Mutation(
        "a whole frame is told whatever the rate", DELIVERY,
        "    if flow.admits(chunk, now):\n", "    if True:\n", DELIVERY_TESTS,
    ),
    Mutation(
        "what was refused is not told before a whole frame", DELIVERY,
        "release.at_once and flow.open and flow.refused_since is None",
        "release.at_once and flow.open", DELIVERY_TESTS,
    ),
    Mutation(
        "a whole frame is told without what is lost before it", DELIVERY,
        "piece.chunk is not None and follows(flow.at, piece)", "piece.chunk is not None",
        DELIVERY_TESTS,
    ),
    Mutation(
        "a whole frame leaves out who was shown what", FLOW,
        "        self.reach.told(chunk.events[0], chunk.events[-1])\n        self.told_bytes",
        "        self.told_bytes", DELIVERY_TESTS,
    ),
    Mutation(
        "what waits behind a short run is told in a frame of its own", RING,
        "len(pieces) == 1 and self._late is None", "len(pieces) == 1", DELIVERY_TESTS,
    ),
    Mutation(
        "what was dropped is told behind the lines that follow it", RING,
        "if not pieces or self._dropped or", "if not pieces or", RING_TESTS,
    ),
    Mutation(
        "live lines are told before the past", CATCH_UP,
        "if sub is None or self._pieces or self._rounds or self._history is not None:",
        "if sub is None or self._pieces or self._rounds:", CATCH_UP_TESTS,
    ),
    Mutation(
        "live lines are told before those that came first", CATCH_UP,
        "if full and not (first.history", "if not full and not (first.history", CATCH_UP_TESTS,
    ),
    Mutation(
        "a filter that fails is another session's", "extdebug/filters/filter.py",
        "found = _held.get(wanted)", "found = None", "tests/extdebug/filters/test_filter.py",
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
    Mutation(
        "frames are made together for a client of whom it is not known that it takes one", AT_ONCE,
        "FRAMES_TOGETHER if self._writes else 1", "FRAMES_TOGETHER", AT_ONCE_TESTS,
    ),
    Mutation(
        "of frames that could not be written together the last is the task's first", AT_ONCE,
        "return self._unwritten.pop(0)", "return self._unwritten.pop()", AT_ONCE_TESTS,
    ),
    Mutation(
        "of frames together all have the length of the first", SOCKET,
        "            size = len(first) + sum(map(len, others))\n",
        "            size = len(frames[0][0]) + sum(map(len, frames[0][1:]))\n",
        "tests/extdebug/ops/test_frame_socket.py -k together_are",
    ),
    Mutation(
        "the end of the last of frames together is not written", SOCKET,
        "        pieces.append(end)\n", "",
        "tests/extdebug/ops/test_frame_socket.py -k together_are",
    ),
    Mutation(
        "a line that waited for the window goes by itself", FOLLOWING,
        "            ring = self._catch_up.rejoined()\n", "            return ()\n",
        FOLLOWING_TESTS,
    ),
    Mutation(
        "what was read of the past is told as a line of the live stream",
        "extdebug/sessions/catch_up.py",
        "not (piece.history or piece.admitted):", "not piece.admitted:",
        "tests/extdebug/sessions/test_catch_up.py",
    ),
    Mutation(
        "a line that waited goes into the ring while runners are asked",
        "extdebug/sessions/catch_up.py",
        "sub.runner_buffer is None and sub.ring.dropped_upto", "sub.ring.dropped_upto",
        "tests/extdebug/sessions/test_catch_up.py",
    ),
    Mutation(
        "a line that waited goes behind what was dropped, which is read again no more",
        "extdebug/sessions/catch_up.py", " and sub.ring.dropped_upto is None", "",
        "tests/extdebug/sessions/test_catch_up.py",
    ),
    Mutation(
        "a line that waited goes into the ring of who is told nothing, and is dropped there",
        FOLLOWING, "        if (\n            not flow.plain\n",
        "        self._catch_up.rejoined()\n        if (\n            not flow.plain\n",
        FOLLOWING_TESTS,
    ),
    Mutation(
        "what is refused behind a line is told by the next line", FOLLOWING,
        "                self.more = True  # it has to be told, at its time\n", "",
        FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told a line after its end", FOLLOWING,
        "            or authority.ending is not None\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told a line before a decision was confirmed", FOLLOWING,
        "            or not authority.confirmed\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told a line when the authority has run out", FOLLOWING,
        "            or now >= self._lifetime.quiet_until\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told a line before the state that changed", FOLLOWING,
        "            or status.state is not LIVE\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is never told the account", FOLLOWING,
        "            or now >= status.quiet_until\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told lines past a page that they asked for", FOLLOWING,
        "            or self._paging.asked\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told lines beyond their range", FOLLOWING,
        "            or self._playback.held\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told lines past the window", FOLLOWING,
        "            if not flow.fits(chunk.size):\n                break\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told lines before what was refused", FOLLOWING,
        "            not flow.plain\n            or now", "            now", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows is told lines without what is lost before them", FOLLOWING,
        " or not follows(flow.at, piece)", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "a refused line of who follows is forgotten", FOLLOWING,
        "                flow.refuse(piece, now)\n", "", FOLLOWING_TESTS,
    ),
    Mutation(
        "a line of who follows does not count for the time without a word", FOLLOWING,
        "            status.spoke(now)\n", "            pass\n", FOLLOWING_TESTS,
    ),
    Mutation(
        "of many lines that wait one is told", RING,
        "return bool(self._pieces) or self._late is not None", "return False", FOLLOWING_TESTS,
    ),
    Mutation(
        "who follows goes past what runners told before", CATCH_UP,
        "(buffer or buffer.waiting)", "buffer.waiting", FOLLOWING_TESTS,
    ),
    Mutation(
        "live lines are told before the runners' by who follows", CATCH_UP,
        "None if buffer is not None and (buffer or buffer.waiting) else sub.ring", "sub.ring",
        FOLLOWING_TESTS,
    ),
    Mutation(
        "a line is made for a client that takes nothing", AT_ONCE,
        "        if self.room is not None and not self.room.is_set():\n"
        "            self._bell.ring()\n            return ()\n", "", AT_ONCE_TESTS,
    ),
    Mutation(
        "the task makes what a client that takes nothing is to be told later", FEED,
        "            await self._at_once.roomy()\n", "", FEED_TESTS,
    ),
]  # fmt: skip
