"""Planted faults in who waits for a watcher that reads slowly, and how long."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

PATIENCE: Final = "extdebug/hub/patience.py"
PATIENCE_TESTS: Final = "tests/extdebug/hub/test_patience.py"
SUBSCRIPTION: Final = "extdebug/hub/subscription.py"
SUBSCRIPTION_TESTS: Final = "tests/extdebug/hub/test_subscription.py"
PLAYBACK: Final = "extdebug/sessions/playback.py"
PLAYBACK_TESTS: Final = "tests/extdebug/sessions/test_playback.py"
REPLIES: Final = "extdebug/streams/replies.py"
REPLIES_TESTS: Final = "tests/extdebug/streams/test_replies.py"
PRESSURE_TESTS: Final = "tests/faults/test_pressure.py -k slowly"

ASIDES: Final = [
    Mutation(
        "the reader of a stream never asks who holds it up", "extdebug/hub/stream_reader.py",
        "self._patience.look(watched, now, held=held)", "pass", PRESSURE_TESTS,
    ),
    Mutation(
        "a session is not asked aside", "extdebug/sessions/catch_up.py",
        "            self._sub.step_aside = self._step_aside\n", "",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who holds up nobody is asked aside", PATIENCE,
        "waits = held and any(one.starved for one in watched.subscriptions)", "waits = held",
        PATIENCE_TESTS,
    ),
    Mutation(
        "a stream that is read on counts as held up", PATIENCE,
        "waits = held and any(", "waits = any(", PATIENCE_TESTS,
    ),
    Mutation(
        "others wait for as long as it likes", PATIENCE,
        "if self._waited < WAIT or", "if True or", PATIENCE_TESTS,
    ),
    Mutation(
        "a wait is forgotten when something is read", PATIENCE,
        "max(0.0, self._waited - since * REST)", "0.0", PATIENCE_TESTS,
    ),
    Mutation(
        "waits of a flood add up", PATIENCE,
        "max(0.0, self._waited - since * REST)", "self._waited", PATIENCE_TESTS,
    ),
    Mutation(
        "a pause in which nobody looked is a wait", PATIENCE,
        "min(since, UNSEEN)", "since", PATIENCE_TESTS,
    ),
    Mutation(
        "who was asked once is asked all the time", PATIENCE,
        "        self._waited = 0.0\n        for", "        for", PATIENCE_TESTS,
    ),
    Mutation(
        "everybody is asked aside", PATIENCE,
        "            if one.crowded:\n", "            if True:\n", PATIENCE_TESTS,
    ),
    Mutation(
        "who reads its past waits for others", SUBSCRIPTION,
        "not (self.ring.parked or self.ring) and", "not self.ring and", SUBSCRIPTION_TESTS,
    ),
    Mutation(
        "who has lines to tell waits for others", SUBSCRIPTION,
        "not (self.ring.parked or self.ring) and", "not self.ring.parked and", SUBSCRIPTION_TESTS,
    ),
    Mutation(
        "who takes nothing waits for others", SUBSCRIPTION,
        "not (self.ring.parked or self.ring) and self.keeps_up()",
        "not (self.ring.parked or self.ring)", SUBSCRIPTION_TESTS,
    ),
    Mutation(
        "who stopped reading is given its past", PLAYBACK,
        "if reads and same", "if same", PLAYBACK_TESTS,
    ),
    Mutation(
        "what was acknowledged long ago shows that somebody reads", PLAYBACK,
        "if now > self._asked_until:", "if self._asked_until < 0:", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines of another life are given up for those under the key", PLAYBACK,
        "same = at.epoch == newest.epoch and", "same =", PLAYBACK_TESTS,
    ),
    Mutation(
        "a place that is not counted is taken for safe", PLAYBACK,
        " and at.index is not None and snapshot", " and snapshot", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines that were deleted since are given up", PLAYBACK,
        " and snapshot.deleted <= at.id", "", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines that will soon be trimmed are given up", PLAYBACK,
        "and same and not snapshot.soon_gone(at.index)", "and same", PLAYBACK_TESTS,
    ),
    Mutation(
        "nothing is ever about to be trimmed", REPLIES,
        "ahead * 2 > self.length > 0", "ahead > self.length > 0", REPLIES_TESTS,
    ),
]  # fmt: skip
