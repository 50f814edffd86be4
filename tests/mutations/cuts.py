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
        "closed_at IS NULL AND end_requested_at IS NULL", "closed_at IS NULL",
        OWNERSHIP_TESTS + " -k removed_row_lets_go",
    ),
    Mutation(
        "a session that was closed counts as one that goes on", OWNERSHIP,
        "closed_at IS NULL AND end_requested_at IS NULL", "end_requested_at IS NULL",
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
        "who ended and is stuck is asked about seldom", "extdebug/sessions/unserved.py",
        "        feed.ended.call(lambda: self._ended(feed))\n", "",
        "tests/extdebug/sessions/test_unserved.py -k ended",
    ),
    Mutation(
        "who was never begun is asked about seldom", "extdebug/sessions/unserved.py",
        ">= UNSERVED:  # it would", ">= 0:  # it would",
        "tests/extdebug/sessions/test_unserved.py -k never_begin",
    ),
    Mutation(
        "of all who share a user one is asked about", "policies/identity/viewers.py",
        "return self.user_id, self.session_hash, self.session_key, self.auth_hash",
        "return self.user_id, \"\", \"\", \"\"",
        "tests/extdebug/sessions/test_roster.py -k each_sign_in",
    ),
    Mutation(
        "whoever came since is not asked about", "extdebug/sessions/roster.py",
        "+ self._afresh\n        self._asked = None\n", "+ self._afresh\n",
        "tests/extdebug/sessions/test_roster.py -k comes_or_leaves",
    ),
    Mutation(
        "whoever waits for a decision sleeps on when it says the same", AUTHORITY,
        "if _same(decision, before) and not waited:", "if _same(decision, before):",
        "tests/extdebug/sessions/test_authority.py -k is_woken",
    ),
    Mutation(
        "a person who became the tenant's admin is told of others as before",
        AUTHORITY, "and one.tenant_admin == other.tenant_admin", "",
        "tests/extdebug/sessions/test_authority.py -k others_are_told",
    ),
    Mutation(
        "what an SSE client has no room for is made before the scope changes",
        "extdebug/transports/sse.py", "if not segmented:", "if segmented:",
        "tests/extdebug/transports/test_sse.py -k takes_more",
    ),
]  # fmt: skip
