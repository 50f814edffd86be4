"""Planted faults where a session reads a range, plays at a speed, or counts a stream."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import DELIVERY
from tests.mutations.runner import Mutation

RELEASE: Final = "extdebug/sessions/release.py"
PACE: Final = "extdebug/sessions/pace.py"
PLAYBACK: Final = "extdebug/sessions/playback.py"
CATCH_UP: Final = "extdebug/sessions/catch_up.py"
OVERVIEW: Final = "extdebug/hub/overview.py"
REQUESTS: Final = "extdebug/sessions/overview_requests.py"
RELEASE_TESTS: Final = "tests/extdebug/sessions/test_release.py"
PACE_TESTS: Final = "tests/extdebug/sessions/test_pace.py"
PLAYBACK_TESTS: Final = "tests/extdebug/sessions/test_playback.py"
OVERVIEW_TESTS: Final = "tests/extdebug/hub/test_overview.py"
REQUEST_TESTS: Final = "tests/extdebug/sessions/test_overview_requests.py"

RANGES: Final = [
    Mutation(
        "a line beyond the end of the range is told as it comes", PLAYBACK,
        "            or release.until is not None\n            or release.pace",
        "            or release.pace", PLAYBACK_TESTS,
    ),
    Mutation(
        "a session that plays is told the next line as it comes", PLAYBACK,
        "            or release.pace is not None\n            or self._selector",
        "            or self._selector", PLAYBACK_TESTS,
    ),
    Mutation(
        "the line at the end of a range is told", RELEASE,
        "if events[-1].id < until:", "if events[-1].id <= until:", RELEASE_TESTS,
    ),
    Mutation(
        "a loss that began before the end of a range is kept back", RELEASE,
        "EntryId.parse(gap.after) >= until", "piece.through.id >= until", RELEASE_TESTS,
    ),
    Mutation(
        "what is filtered in a part is counted in both", RELEASE,
        "through, piece.filtered - filtered, _run", "through, piece.filtered, _run", RELEASE_TESTS,
    ),
    Mutation(
        "what is not due yet is forgotten", DELIVERY,
        "            catch_up.put_back(later)", "            pass", PLAYBACK_TESTS,
    ),
    Mutation(
        "a long silence is not shortened", PACE,
        "wait = min(silence / self.speed, MAX_SILENCE)", "wait = silence / self.speed", PACE_TESTS,
    ),
    Mutation(
        "a pause takes time away from the silence", PACE,
        "self._last_at += now - self._held_at", "pass", PACE_TESTS,
    ),
    Mutation(
        "the ring drops while lines wait for their time", CATCH_UP,
        "if not self._rounds:", "if True:", PLAYBACK_TESTS,
    ),
    Mutation(
        "what was refused is not told at the end of a range", PLAYBACK,
        "message = self.flow.limited(now, before=str(until))", "message = None", PLAYBACK_TESTS,
    ),
    Mutation(
        "a session at the end of its range reads on by itself", PLAYBACK,
        "if not self.paused and not self.over:", "if not self.paused:", PLAYBACK_TESTS,
    ),
    Mutation(
        "a range that ends later ends at once", PLAYBACK,
        "return told and self._wall() >= until_ms / 1000 + SETTLED", "return told", PLAYBACK_TESTS,
    ),
    Mutation(
        "what was trimmed stays counted", OVERVIEW,
        "        known.trim(oldest)", "        pass", OVERVIEW_TESTS,
    ),
    Mutation(
        "lines outside the scope are counted", OVERVIEW,
        "elif chosen:", "else:", OVERVIEW_TESTS,
    ),
    Mutation(
        "one answer reads without an end", OVERVIEW,
        "left -= len(rows)", "pass", OVERVIEW_TESTS,
    ),
    Mutation(
        "what was counted for another scope is told", REQUESTS,
        "found = None  # for another scope", "pass  # for another scope", REQUEST_TESTS,
    ),
]  # fmt: skip
