"""Planted faults in how a session is cut, each with the tests that must notice it."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

CONSUMERS: Final = "extdebug/transports/consumers.py"
CONSUMER_TESTS: Final = "tests/extdebug/transports/test_consumers.py"
AUTHORITY: Final = "extdebug/sessions/authority.py"
OWNERSHIP: Final = "extdebug/sessions/ownership.py"
OWNERSHIP_TESTS: Final = "tests/extdebug/sessions/test_ownership.py"

CUTS: Final = [
    Mutation(
        "the reason of a cut overtakes a message on its way", CONSUMERS,
        "if frames is not None and not self._sending and frames.write_text((end.frame(),)):",
        "if frames is not None and frames.write_text((end.frame(),)):",
        CONSUMER_TESTS + " -k no_reason_overtakes",
    ),
    Mutation(
        "the reason of a cut is said twice", CONSUMERS,
        "            self._said = end\n", "            pass\n",
        CONSUMER_TESTS + " -k within_the_call",
    ),
    Mutation(
        "a connection goes on when its client has left", CONSUMERS,
        "            task.add_done_callback(self._stop_waiting)\n", "            pass\n",
        CONSUMER_TESTS + " -k a_goodbye_closes",
    ),
    Mutation(
        "a session whose end an operator asked for counts as one that goes on", OWNERSHIP,
        "process=process, closed_at=None, end_requested_at=None", "process=process, closed_at=None",
        OWNERSHIP_TESTS + " -k removed_row_lets_go",
    ),
    Mutation(
        "a session that was closed counts as one that goes on", OWNERSHIP,
        "process=process, closed_at=None, end_requested_at=None",
        "process=process, end_requested_at=None",
        OWNERSHIP_TESTS + " -k closed_row_lets_go",
    ),
    Mutation(
        "who holds the session that another took over is told by its name", OWNERSHIP,
        "return \"taken\" if closed or holds != holder else", "return \"taken\" if closed else",
        OWNERSHIP_TESTS + " -k holds_it_alone",
    ),
    Mutation(
        "who is stuck in a send is not told that the time is up", AUTHORITY,
        "if self.asked and self._ended_at is None and now < self.lifetime.quiet_until:",
        "if self.asked and self._ended_at is None:",
        "tests/extdebug/sessions/test_authority.py -k asked_once",
    ),
    Mutation(
        "what an SSE client has no room for is made before the scope changes",
        "extdebug/transports/sse.py", "if not segmented:", "if segmented:",
        "tests/extdebug/transports/test_sse.py -k takes_more",
    ),
]  # fmt: skip
