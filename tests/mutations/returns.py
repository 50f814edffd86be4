"""Planted faults where runs of a server meet, and where a client comes back with a place."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import (
    AGREEMENT,
    AGREEMENT_TESTS,
    CONTINUITY,
    EPOCH_TESTS,
    EPOCHS,
    GAPS,
    GROUP,
    GROUP_TESTS,
    HISTORY,
    HISTORY_TESTS,
    LIFE,
    LIFE_TESTS,
    NUMBER_TESTS,
    NUMBERS,
    PASS,
    PASS_TESTS,
    PLACE,
    PLACE_TESTS,
    READER,
    SENDER,
    SENDER_TESTS,
    WATCHED,
    WATCHED_TESTS,
)
from tests.mutations.runner import Mutation

IDENTITY: Final = "extdebug/streams/server_identity.py"
BEGINNING: Final = "extdebug/hub/run_beginning.py"
BEGINNING_TESTS: Final = "tests/extdebug/hub/test_run_beginning.py"
IDENTITY_TESTS: Final = "tests/extdebug/streams/test_server_identity.py"
POSITIONS: Final = "extdebug/wire/positions.py"
POSITIONS_TESTS: Final = "tests/extdebug/wire/test_positions.py"
INBOX: Final = "extdebug/transports/inbox.py"
INBOX_TESTS: Final = "tests/extdebug/transports/test_inbox.py"
OPENING: Final = "extdebug/sessions/opening.py"
SESSION_ROW: Final = "extdebug/sessions/session_row.py"
STORE: Final = "extdebug/sessions/store.py"
ROW_WRITER: Final = "extdebug/sessions/row_writer.py"
SHOWN_TO: Final = "extdebug/sessions/shown_to.py"

RETURNS: Final = [
    # --- when a run of the server began
    Mutation(
        "a break that was seen late is the end of the doubt", IDENTITY,
        "min(max(self.began_ms, gone), by_uptime)", "max(self.began_ms, gone)", IDENTITY_TESTS,
    ),
    Mutation(
        "the last of several breaks is the end of the doubt", IDENTITY,
        "        if self._broke is None:\n", "        if True:\n", IDENTITY_TESTS,
    ),
    Mutation(
        "the last answer of the earlier run bounds nothing", IDENTITY,
        "max(started_ms, now_ms - math.ceil(silent * 1000))", "started_ms", IDENTITY_TESTS,
    ),
    Mutation(
        "another server wrote only since we found it", IDENTITY,
        "self.began_ms = max(started_ms, now_ms - LONG_MS)", "self.began_ms = now_ms",
        IDENTITY_TESTS,
    ),
    Mutation(
        "a replica promoted before we came is the same server", IDENTITY,
        "_promoted(values) is not False", "False", IDENTITY_TESTS,
    ),
    Mutation(
        "a young replica is taken for the same server restarted", IDENTITY,
        " or _promoted(values) is True", "", IDENTITY_TESTS,
    ),
    Mutation(
        "a server restored from its dump took another's place", IDENTITY,
        'received != "0"', "True", IDENTITY_TESTS,
    ),
    Mutation(
        "a name says nothing of the doubt", EPOCHS,
        "bisect.bisect_left(_DOUBTS_MS, doubt_ms)", "0", EPOCH_TESTS,
    ),
    Mutation(
        "a server that misses our last read is taken for one that has it", GROUP,
        "return RolledBack(place, self._given)", "return None", GROUP_TESTS,
    ),
    Mutation(
        "what a look read by the group is not remembered", READER,
        "group.given(rows[-1][0] if rows else account.at.id)", "pass", LIFE_TESTS,
    ),
    # --- what lies between two runs
    Mutation(
        "what a restart left is not told before its gap", LIFE,
        "following = await self._read_rest(account, began)", "following = None", LIFE_TESTS,
    ),
    Mutation(
        "a rolled back server's first entries are taken for the earlier run's", LIFE,
        "await self._turn(account, rolled_back=rolled_back)",
        "await self._turn(account, rolled_back=None)", LIFE_TESTS,
    ),
    Mutation(
        "who comes back to where two runs meet is told their loss as the producer's", HISTORY,
        "if at.id < self._told_until:", "if False:",
        HISTORY_TESTS + " -k two_runs_meet",
    ),
    Mutation(
        "far behind, what was deleted ahead is told as its producer's", READER,
        "if self.behind and not wide and snapshot.deleted > account.proved:", "if False:",
        LIFE_TESTS + " -k far_behind",
    ),
    Mutation(
        "what was read and not told yet is taken for a rolled back server's own", BEGINNING,
        "max(place, rolled_back.known) if rolled_back else place", "place", LIFE_TESTS,
    ),
    Mutation(
        "what may be of either run is taken for a rolled back server's own", BEGINNING,
        "own = await _next(link, watched, max(place, rolled_back.read))", "own = first", LIFE_TESTS,
    ),
    Mutation(
        "unread lines that go on are shown behind a restart's gap", BEGINNING,
        "place >= began and not goes_on", "place >= began", BEGINNING_TESTS,
    ),
    Mutation(
        "a line behind a hole is taken for the earlier run's", BEGINNING,
        "before_it == n - 1, n", "before_it is not None, n", BEGINNING_TESTS,
    ),
    Mutation(
        "a marker behind a restart is taken for the earlier run's", BEGINNING,
        " and not origin.lost:", ":", BEGINNING_TESTS,
    ),
    Mutation(
        "what stands with a hole's line is taken for the earlier run's", BEGINNING,
        "min(old.ms + 1, place.ms))\n            return", "old.ms + 1)\n            return",
        BEGINNING_TESTS,
    ),
    Mutation(
        "only the first page of what goes on is looked at", BEGINNING,
        "if len(rows) < PAGE:\n", "if rows:\n", BEGINNING_TESTS,
    ),
    Mutation(
        "a gap over what may be of either run ends at its first entry", LIFE,
        "None if following is None else max(following, certain)",
        "following", LIFE_TESTS,
    ),
    Mutation(
        "a marker behind a restart is kept for a later hole", NUMBERS,
        "producer.credit -= stated + unsure - ours", "producer.credit -= 0", NUMBER_TESTS,
    ),
    Mutation(
        "a late marker leaves the stream's loss to the hole it states", NUMBERS,
        "self._spare += late", "pass", NUMBER_TESTS,
    ),
    Mutation(
        "the first marker of a source seen in the middle is kept for a later hole", NUMBERS,
        "producer.fresh = n > 1", "pass", NUMBER_TESTS,
    ),
    # --- losses told ahead of their place
    Mutation(
        "whoever spoke behind a loss may have lost by it", NUMBERS,
        "producer.last_at < span.until:", "True:", NUMBER_TESTS,
    ),
    Mutation(
        "a loss that a quiet producer may still meet is forgotten", NUMBERS,
        "if not self._excused and at.id >= before(span.until):",
        "if at.id >= before(span.until):", NUMBER_TESTS,
    ),
    Mutation(
        "a hole among losses of the stream is placed exactly", GAPS,
        "since = min(previous.id, lost.since or previous.id)", "since = previous.id",
        "tests/extdebug/hub/test_gaps.py",
    ),
    Mutation(
        "a place does not say what was told ahead", WATCHED,
        "place = self.sequence_gaps.told(Cursor(decoded.id, index, place.epoch))",
        "place = Cursor(decoded.id, index, place.epoch)", HISTORY_TESTS + " -k told_ahead",
    ),
    Mutation(
        "what was told ahead is dropped from a client's place",
        "extdebug/hub/sequence_scan.py",
        "    if at.ahead:", "    if False:", HISTORY_TESTS + " -k told_ahead",
    ),
    Mutation(
        "what was told ahead is not in a cursor's text", POSITIONS,
        'ahead = f".a{self.ahead}-{self.until}" if self.ahead else ""', 'ahead = ""',
        POSITIONS_TESTS,
    ),
    Mutation(
        "a session's place drops what was told ahead", PLACE,
        "through.stated, last.ahead, last.until, last.untold", "through.stated", PLACE_TESTS,
    ),
    # --- nothing is lost to our own speed
    Mutation(
        "a reply fills the ring of a watcher that keeps up", WATCHED,
        "if not part and len(rows) > 1 and not self.hurried and self.crowded:", "if False:",
        WATCHED_TESTS + " -k reply",
    ),
    Mutation(
        "what waits beside a ring is counted lost when the stream drops it", WATCHED,
        "if gone := [row for row in", "if gone := [row for row in () and",
        WATCHED_TESTS + " -k beside",
    ),
    Mutation(
        "a stream that loses nothing is read faster than its watchers take it",
        "extdebug/streams/replies.py", "self.added > self.length and ahead", "ahead",
        LIFE_TESTS + " -k faster",
    ),
    Mutation(
        "a batch that nobody took is counted as sent", SENDER,
        "            self._outgoing.put_back(batch)\n", "            self._settle(batch, [])\n",
        SENDER_TESTS + " -k found_no_connection",
    ),
    Mutation(
        "what a slow reader did not take is dropped", PASS,
        "self.waiting = self.waiting[os.write(self.to, self.waiting[: self.most]) :]",
        'os.write(self.to, self.waiting[: self.most]); self.waiting = memoryview(b"")',
        PASS_TESTS + " -k passed_on_whole",
    ),
    Mutation(
        "what was deleted just before a client's place is placed behind it", HISTORY,
        "min(account.proved, at.id), max(", "at.id, max(",
        HISTORY_TESTS + " -k just_before",
    ),
    Mutation(
        "what live told ahead of the boundary is placed before it", HISTORY,
        "max(behind(boundary.id), boundary.until)", "behind(boundary.id)",
        HISTORY_TESTS + " -k told_ahead_of_the_boundary",
    ),
    Mutation(
        "what a client's count hides is placed behind what was read since", CONTINUITY,
        "if not self._provisional:\n", "if True:\n",
        HISTORY_TESTS + " -k trimmed_before_a_clients_place",
    ),
    # --- two connections of one session
    Mutation(
        "what the earlier connection told last is forgotten", SESSION_ROW,
        "None if self.passed_on else rest_of(account, self._written)", "None",
        "tests/extdebug/sessions/test_opening.py -k told_last",
    ),
    Mutation(
        "a client that left while it was served is served all the same", INBOX,
        "                    _here(hearing.result())\n", "", INBOX_TESTS,
    ),
    Mutation(
        "what a client says as its reader begins is lost", INBOX,
        "            if not hearing.cancelled():\n", "            if False:\n", INBOX_TESTS,
    ),
    Mutation(
        "a stale connection takes the session when its turn comes", OPENING,
        "if left.is_set():", "if False:",
        "tests/extdebug/sessions/test_opening.py -k before_its_turn",
    ),
    Mutation(
        "a stale connection ends the session that it took", OPENING,
        "if not feed.lease.resumed:", "if True:",
        "tests/extdebug/sessions/test_opening.py -k within_its_turn",
    ),
    Mutation(
        "a connection of this process is counted twice", SESSION_ROW,
        "None if self.passed_on else rest_of(account, self._written)",
        "rest_of(account, self._written)", "tests/extdebug/sessions/test_session_row.py",
    ),
    Mutation(
        "a close leaves out what was handed in", STORE,
        "account = joined(account, handed_in)", "pass",
        "tests/extdebug/sessions/test_opening.py -k told_last",
    ),
    Mutation(
        "an account of before replaces the one a session was let go with", STORE,
        " AND closed_at IS NULL AND detached_at IS NULL", " AND closed_at IS NULL",
        "tests/extdebug/sessions/test_store.py -k let_go_with",
    ),
    Mutation(
        "an account that could not be written waits until it moves again", ROW_WRITER,
        "self._unnoted.update(feed for feed in part if feed.changed())",
        "self._unnoted = {feed for feed in part if feed.changed()}",
        "tests/extdebug/sessions/test_row_writer.py -k next_beat",
    ),
    Mutation(
        "who was shown a line forgets what was handed in", SHOWN_TO,
        "account = account_of(row)", "account = row",
        "tests/extdebug/sessions/test_handed_in.py",
    ),
    # --- a client that knows more than its process
    Mutation(
        "a client of a later run is read for by a process of the earlier", AGREEMENT,
        "or (ours and boundary.epoch in known):", "or boundary.epoch in known:", AGREEMENT_TESTS,
    ),
]  # fmt: skip
