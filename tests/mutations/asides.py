"""Planted faults in who waits for a watcher that reads slowly, and how long."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

PATIENCE: Final = "extdebug/hub/patience.py"
PATIENCE_TESTS: Final = "tests/extdebug/hub/test_patience.py"
SUBSCRIPTION: Final = "extdebug/hub/subscription.py"
SUBSCRIPTION_TESTS: Final = "tests/extdebug/hub/test_subscription.py"
CATCH_UP: Final = "extdebug/sessions/catch_up.py"
PLAYBACK: Final = "extdebug/sessions/playback.py"
PLAYBACK_TESTS: Final = "tests/extdebug/sessions/test_asked_aside.py"
REPLIES: Final = "extdebug/streams/replies.py"
REPLIES_TESTS: Final = "tests/extdebug/streams/test_replies.py"
PRESSURE_TESTS: Final = "tests/faults/test_pressure.py -k slowly"

ASIDES: Final = [
    Mutation(
        "the reader of a stream never asks who holds it up", "extdebug/hub/stream_reader.py",
        "self._patience.look(watched, now, held=held)", "pass", PRESSURE_TESTS,
    ),
    Mutation(
        "a session is not asked aside", CATCH_UP,
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
        "if self._waited < WAIT:", "if True:", PATIENCE_TESTS,
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
        "        self._waited = 0.0\n        watchers", "        watchers", PATIENCE_TESTS,
    ),
    Mutation(
        "everybody is asked aside", PATIENCE,
        " if one.crowded]", "]", PATIENCE_TESTS,
    ),
    Mutation(
        "so many are asked aside that each line is read for each", PATIENCE,
        "if len(holding) <= max(FEW, len(watchers) // 4):", "if True:", PATIENCE_TESTS,
    ),
    Mutation(
        "of a few watchers nobody is asked aside", PATIENCE,
        "max(FEW, len(watchers) // 4)", "len(watchers) // 4", PATIENCE_TESTS,
    ),
    Mutation(
        "of many watchers no more are asked aside than of a few", PATIENCE,
        "max(FEW, len(watchers) // 4)", "FEW", PATIENCE_TESTS,
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
        "who is asked aside is waited for all the same", PLAYBACK,
        "slow = self.paused or self._aside_until is not None or self", "slow = self.paused or self",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who is asked aside is told the next line as if nothing were", PLAYBACK,
        "            self._aside_until is not None\n            or release", "            release",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who stopped reading is given its past", PLAYBACK,
        "if until == math.inf and self.catch_up.better", "if self.catch_up.better", PLAYBACK_TESTS,
    ),
    Mutation(
        "who acknowledges too late is given its past", PLAYBACK,
        " and self._clock.time() < until:", ":", PLAYBACK_TESTS,
    ),
    Mutation(
        "who acknowledges nothing new is given its past", PLAYBACK,
        "if until is not None and flow.acked != acked and", "if until is not None and",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who acknowledges is given nothing of its past", PLAYBACK,
        "            self._aside_until = math.inf  # in time", "            pass  # in time",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who took nothing since is told more", PLAYBACK,
        "if now < until < math.inf:", "if False:", PLAYBACK_TESTS,
    ),
    Mutation(
        "who acknowledges more rarely is told nothing any more", PLAYBACK,
        "if now < until < math.inf:", "if until < math.inf:", PLAYBACK_TESTS,
    ),
    Mutation(
        "nothing looks for who acknowledges more rarely", PLAYBACK,
        "return at if aside is None or aside <= self._clock.time() else min(at, aside)",
        "return at", PLAYBACK_TESTS,
    ),
    Mutation(
        "who cannot be told anything is looked for all the time", PLAYBACK,
        "aside is None or aside <= self._clock.time() else", "aside is None else", PLAYBACK_TESTS,
    ),
    Mutation(
        "nobody asks when to look for who acknowledges more rarely", PLAYBACK,
        "return aside or release.pace is not None", "return release.pace is not None",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "who owes nothing has to acknowledge", PLAYBACK,
        "(self._clock.time()) if owes else math.inf", "(self._clock.time())", PLAYBACK_TESTS,
    ),
    Mutation(
        "who would lose lines is asked aside", PLAYBACK,
        "        if self.catch_up.better_read(flow.position):\n            owes",
        "        if True:\n            owes", PLAYBACK_TESTS,
    ),
    Mutation(
        "what only the ring has is given up", PLAYBACK,
        "if until == math.inf and self.catch_up.better_read(self.flow.position):",
        "if until == math.inf:",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "lines of another life are given up for those under the key", CATCH_UP,
        "place.epoch != self.newest.epoch or ", "", PLAYBACK_TESTS,
    ),
    Mutation(
        "a place that is not counted is taken for safe", CATCH_UP,
        "or place.index is None or", "or", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines that were deleted since are given up", CATCH_UP,
        " or snapshot.deleted > place.id:", ":", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines that will soon be trimmed are given up", CATCH_UP,
        "return not snapshot.soon_gone(place.index)", "return True", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines are given up for a Redis that is away", CATCH_UP,
        "sub.watched.snapshot) is None or self.problem:", "sub.watched.snapshot) is None:",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "what the ring had no room for is lost though Redis has it", CATCH_UP,
        "if (dropped := sub.ring.dropped_upto) is not None:", "if (dropped := None):",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "lines of a ring that dropped some are given up, whatever Redis has", CATCH_UP,
        "return snapshot.first <= (place if self._pieces else dropped).id", "return True",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "a line that was taken out of the ring is given up, whatever Redis has", CATCH_UP,
        "(place if self._pieces else dropped).id", "dropped.id", PLAYBACK_TESTS,
    ),
    Mutation(
        "lines are given up for a stream that is empty", CATCH_UP,
        "if snapshot.first is None or any(", "if any(", PLAYBACK_TESTS,
    ),
    Mutation(
        "the end of a life is forgotten where that life came back", "extdebug/hub/pieces.py",
        "return self.replaced or self.explained > 0", "return self.explained > 0", PLAYBACK_TESTS,
    ),
    Mutation(
        "a loss told as a producer's is told again: on a page", "extdebug/hub/pieces.py",
        "return self.replaced or self.explained > 0", "return self.replaced", PLAYBACK_TESTS,
    ),
    Mutation(
        "a loss told as a producer's is told again: one that is not known yet", CATCH_UP,
        "if account is None or account.explained or sub", "if account is None or sub",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "the end of a life is forgotten where the ring dropped it", "extdebug/hub/ring_buffer.py",
        "return dropped or any(piece.told_once for", "return any(piece.told_once for",
        PLAYBACK_TESTS,
    ),
    Mutation(
        "nothing is ever about to be trimmed", REPLIES,
        "ahead * 2 > self.length > 0", "ahead > self.length > 0", REPLIES_TESTS,
    ),
]  # fmt: skip
