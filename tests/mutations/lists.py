"""Planted faults in the few statements by which the desk and the trail's list are shown."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

WAITING: Final = "policies/desk/waiting.py"
WAITING_TESTS: Final = "tests/policies/desk/test_waiting.py -k figures"
BOARD: Final = "extdebug/dashboard.py"
BOARD_TESTS: Final = "tests/extdebug/test_dashboard.py -k tables_of_grants"
CHOICES: Final = "audit/list_choices.py"
CHOICES_TESTS: Final = "tests/audit/test_list_choices.py"
INTEGRITY: Final = "audit/integrity.py"
# With one test of the admin's database, which makes it.
INTEGRITY_TESTS: Final = (
    "tests/audit/test_integrity.py tests/audit/test_desk_lists.py"
    " -k 'last_good or file_of_checkpoints or box_of_a_row'"
)
STATE: Final = "audit/trail_state.py"
STATE_TESTS: Final = (
    "tests/audit/test_trail_state.py tests/audit/test_desk_lists.py"
    " -k 'test_trail_state or box_of_a_row'"
)

LISTS: Final = [
    Mutation(
        "a change that an operator gains by waits for them", WAITING,
        "sum(user.pk not in gainers for gainers", "sum(True for gainers", WAITING_TESTS,
    ),
    Mutation(
        "the desk counts grants whose time is over", WAITING,
        "        ends_at__gt=clock.ClockNow(),\n", "", BOARD_TESTS,
    ),
    Mutation(
        "a break-glass grant that is over is shown as active", BOARD,
        " and each.ends_at > figures.now", "", BOARD_TESTS,
    ),
    Mutation(
        "sessions that are over count as live on the desk", BOARD,
        "DebugSession.objects.filter(grant=OuterRef(\"pk\"), closed_at=None)",
        "DebugSession.objects.filter(grant=OuterRef(\"pk\"))", BOARD_TESTS,
    ),
    Mutation(
        "the trail's filters skip a value", CHOICES, "WHERE {column} > {step}.v)",
        "WHERE {column} > {step}.v || 'z')", CHOICES_TESTS,
    ),
    Mutation(
        "rows that were cut push others off their pages", "audit/trail_list.py",
        "seq__lte=newest, seq__gt=newest - self.per_page",
        "seq__lt=newest, seq__gt=newest - self.per_page", "tests/audit/test_trail_list.py",
    ),
    Mutation(
        "the last day of a month is not offered", "audit/list_dates.py",
        "calendar.monthrange(year, month)[1] + 1)", "calendar.monthrange(year, month)[1])",
        "tests/audit/test_list_dates.py",
    ),
    Mutation(
        "five checkpoints of a stranger hide the last good one", INTEGRITY,
        "        start, many = start + many, _CHUNK\n", "        return None\n", INTEGRITY_TESTS,
    ),
    Mutation(
        "a file of checkpoints that was written is not read again", INTEGRITY,
        "seen[0] == (version, keys)", "seen[0][1] == keys", INTEGRITY_TESTS,
    ),
    Mutation(
        "a signed row that is another is not told", STATE,
        "self.signed.hash != self.checkpoint.hash", "False", STATE_TESTS,
    ),
    Mutation(
        "the first verification is shown for the last", STATE,
        "for row in rows[::-1] if row.action", "for row in rows if row.action", STATE_TESTS,
    ),
    Mutation(
        "a reading that was counted needs a transaction", "audit/summaries.py",
        "alone = not connections[using].in_atomic_block", "alone = False",
        "tests/audit/test_summaries.py tests/audit/test_desk_lists.py"
        " -k 'one_statement or box_of_a_row'",
    ),
    Mutation(
        "each token of a list asks the clock", "policies/desk/tokens.py",
        "token.expires_at > token.now", "token.expires_at > clock.now()",
        "tests/audit/test_desk_lists.py -k dozen",
    ),
]  # fmt: skip
