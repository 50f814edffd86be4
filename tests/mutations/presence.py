"""Planted faults in who is told of whom."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

AUDIENCE: Final = "policies/decisions/audience.py"
AUDIENCE_TESTS: Final = "tests/policies/decisions/test_audience.py"
PRESENCE: Final = "extdebug/sessions/presence.py"
PRESENCE_TESTS: Final = "tests/extdebug/sessions/test_presence.py"
ROWS: Final = "extdebug/sessions/watcher_rows.py"
ROWS_TESTS: Final = "tests/extdebug/sessions/test_watcher_rows.py"

PRESENCES: Final = [
    Mutation(
        "an operator is told to developers", AUDIENCE,
        "    if other.operator and not viewer.operator:\n        return False\n", "",
        AUDIENCE_TESTS,
    ),
    Mutation(
        "a view is told to whoever knows the name", AUDIENCE,
        "return may_know(viewer, other) and viewer.covers(other)",
        "return may_know(viewer, other)", AUDIENCE_TESTS,
    ),
    Mutation(
        "a narrower decision takes nothing away", PRESENCE,
        " and looked[0] is self._watchers and looked[1] is decision",
        " and looked[0] is self._watchers",
        PRESENCE_TESTS,
    ),
    Mutation(
        "what is shared later under the same decision is not written down", PRESENCE,
        "        self._nothing_new = None\n        if view", "        if view",
        PRESENCE_TESTS,
    ),
    Mutation(
        "who comes while nobody leaves is told of nobody", "extdebug/sessions/presence_rounds.py",
        "if feeds != self._told or found", "if found",
        "tests/extdebug/sessions/test_presence_rounds.py -k who_comes",
    ),
    Mutation(
        "what changes is told to those who come", "extdebug/sessions/presence_rounds.py",
        "if feeds != self._told or found != self._known:", "if feeds != self._told:",
        "tests/extdebug/sessions/test_presence_rounds.py -k what_changes",
    ),
    Mutation(
        "two who watch one stream are alone", ROWS, "COUNT(*) > 1", "COUNT(*) > 2", ROWS_TESTS,
    ),
    Mutation(
        "a shared filter is written as it was typed", PRESENCE,
        "        shown = shown_filter(wanted, self._hub.redactor, self._target)\n",
        "        shown = wanted.to_json()\n", PRESENCE_TESTS,
    ),
]  # fmt: skip
