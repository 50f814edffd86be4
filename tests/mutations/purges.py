"""Planted faults where lines are purged, and where it is kept what a session was sent."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

WATCH: Final = "extdebug/sessions/purge_watch.py"
REACH: Final = "extdebug/sessions/reach.py"
PURGED: Final = "extdebug/sessions/purged.py"
WATCH_TESTS: Final = "tests/extdebug/sessions/test_purge_watch.py"
REACH_TESTS: Final = "tests/extdebug/sessions/test_reach.py"
PURGED_TESTS: Final = "tests/extdebug/sessions/test_purged.py"

PURGES: Final = [
    Mutation(
        "purge: sessions go on with what waits in memory", WATCH,
        "                feed.read_again()", "                pass", WATCH_TESTS,
    ),
    Mutation(
        "purge: who came while the orders were read is never told of them", WATCH,
        "if self._changed or late or gone else", "if self._changed or gone else", WATCH_TESTS,
    ),
    Mutation(
        "purge: a gap names a purge that it only touches", PURGED,
        "first = behind(EntryId.parse(gap.after))", "first = EntryId.parse(gap.after)",
        PURGED_TESTS,
    ),
    Mutation(
        "purge: a gap lies inside what a session was sent", REACH,
        "            self._past, self._now = self.parts, None", "            pass", REACH_TESTS,
    ),
    Mutation(
        "purge: pages of the past are not kept as sent", REACH,
        "        self._past = _joined((*self._past, (_place(first), _place(last))))",
        "        _place(first), _place(last)", REACH_TESTS,
    ),
    Mutation(
        "purge: what is told of an earlier place counts as if it followed", REACH,
        "now[1] < first.id <= last.id", "first.id <= last.id", REACH_TESTS,
    ),
]  # fmt: skip
