"""People read plain words of the field: those that were given up for better ones stay away."""

import pytest

from tests.files import ROOT, relative, repository_files

# What stood there once -> what says it better. In pages, their scripts, mails and refusals.
GIVEN_UP = {
    "Nobody is waiting": "No pending requests.",
    "Nobody is watching": "No live sessions.",
    "Nobody was refused": "No recent denials.",
    "Nobody has decided": "No decision yet.",
    "Lapses in": "Expires in",
    "Lapsed": "Expired (not answered)",
    "roken glass": "break-glass grant",
    "Break the glass": "Use break-glass access",
    "no grant needed": "none required",
    "would be of no use": "will not give access",
    "Verdicts": "Approvals",
    "What it got": "Delivery",
    "Rule by rule": "Checks in order",
    "They are told": "What the user sees",
    "NOT whole": "Verification FAILED",
    "There is nobody called": "No user named",
    "unaccounted": "missing without explanation",
    "Waiting in Redis": "Paused on the server",
    "How times read": "Timestamp format",
    "You may not watch this now": "Access denied",
    "Try anyway": "Retry connection",
    "Give back now": "Release",
    "Issue and show once": "Create token",
    "Which tenant?": "Choose a tenant",
    "this page is not for you": "You do not have permission to view this page",
    "Log, don't print": "Never log secrets",
}
READ_BY_PEOPLE = [
    path
    for path in repository_files()
    if path.suffix in {".html", ".js", ".py"}
    and relative(path).split("/")[0] in {"templates", "extdebug", "policies", "audit", "config"}
    and "/migrations/" not in relative(path)
]


@pytest.mark.parametrize("words", GIVEN_UP)
def test_words_that_were_given_up_do_not_come_back(words: str) -> None:
    found = [relative(path) for path in READ_BY_PEOPLE if words in path.read_text()]
    assert not found, f"say {GIVEN_UP[words]!r} instead of {words!r}"


def test_the_words_are_looked_for_where_people_read() -> None:
    names = {relative(path) for path in READ_BY_PEOPLE}
    assert {"templates/admin/index.html", "policies/grants/notifications.py"} <= names
    assert (ROOT / "extdebug/static/extdebug/messages.js") in READ_BY_PEOPLE
