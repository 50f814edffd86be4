import pytest

from policies.redaction.open_ends import half_token, may_go_on
from policies.redaction.redactor import Redactor

REDACTOR = Redactor(key=b"a key of the tests")
MASK = REDACTOR.mask("acme:invoice-sync", "2026-01-31")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("x ghp_01234567", "x [redacted:github-token]"),
        ("key is AKIA0123", "key is [redacted:aws-access-key]"),
        ("jwt eyJhbGciOiJI", "jwt [redacted:jwt]"),
        ("password=Tr0u", "password=[redacted:password]"),
    ],
)
def test_half_a_token_at_the_end_of_a_cut_message_is_masked(text, masked):
    said, names = REDACTOR.cut_text(text, MASK)
    assert said == masked
    assert len(names) == 1
    assert REDACTOR.cut_text(said, MASK) == (said, ())


@pytest.mark.parametrize("text", ["", "nothing here", "ghp_01 and more", "commit 9f8e7d6c"])
def test_other_ends_stay(text):
    assert half_token(text.encode()) is None
    assert REDACTOR.cut_text(text, MASK) == (text, ())


LINES = [
    "api_key=9f8e7d6c5b4a39281706aabb",
    "password: Tr0ub4dor",
    "Authorization: Bearer abcdef0123456789",
    '{"name":"x-api-key","value":"abcdef0123456789"}',
    "postgres://app:s3cret@db.internal/app",
    "run --password Tr0ub4dor",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_split_in_its_name_or_value_is_held_back(line):
    """Wherever it is shown in two parts, no part shows more than the masked line."""
    whole, _ = REDACTOR.text(line, MASK)
    shown = whole.split("[redacted:")[0]
    secret = line[len(shown) :]
    for at in range(1, len(line)):
        if may_go_on(line[:at].encode()):
            continue
        parts = REDACTOR.text(line[:at], MASK)[0] + REDACTOR.text(line[at:], MASK)[0]
        assert secret[:8] not in parts, line[:at]


@pytest.mark.parametrize(
    "text",
    ["prompt> ", "partial", "Loading...", "working on step 12", "45%", "Continue? [y/N] "],
)
def test_prompts_and_progress_are_shown(text):
    assert not may_go_on(text.encode())


@pytest.mark.parametrize("raw", [b"caf\xc3", b"\xe2\x82", b"\xf0\x9f\x99"])
def test_a_line_that_ends_within_a_character_goes_on(raw):
    assert may_go_on(raw)
    assert not may_go_on("café".encode())
