import pytest

from policies.redaction.harmless_values import (
    LONGEST_PROSE,
    is_harmless,
    is_plain_word,
    is_sentence,
    is_uuid,
    is_version,
    looks_issued,
)


@pytest.mark.parametrize(
    "value",
    ["null", "None", "required", "include", "same-origin", "****", "${DB_PASSWORD}", "$PASSWORD",
     "<password>", "{{ password }}", "%s", "%(password)s", "xxxx", "...", "process.env.PASSWORD",
     "getpass()", "[Filtered]", "•••"],
)  # fmt: skip
def test_what_programs_print_instead_of_a_secret(value):
    assert is_harmless(value.encode())


@pytest.mark.parametrize("value", ["x", "x1", "hunter2", "$ecret1", "swordfish", "Tr0ub4dor()x"])
def test_what_may_be_one(value):
    assert not is_harmless(value.encode())


def test_long_values_are_not_read():
    assert not is_harmless(b"*" * (LONGEST_PROSE + 1))
    assert looks_issued(b"x" * (LONGEST_PROSE + 1))


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("the field is required", True),
        ("must be at least 8 characters", True),
        ("This field may not be blank.", True),
        ("field required", True),
        ("too short", True),
        ("correct horse battery", False),
        ("swordfish", False),
        ("hunter2 is it", False),
    ],
)
def test_sentences_are_told_from_passphrases(text, prose):
    assert is_sentence(text.encode()) == prose


def test_plain_words_versions_and_ids():
    assert is_plain_word(b"expired,")
    assert is_plain_word(b"aws4-hmac-sha256")
    assert not is_plain_word(b"abcdefghijklmnopq")
    assert is_version(b"1.33.49")
    assert is_version(b"v3.1.50@sha256:39")
    assert not is_version(b"1f33")
    assert is_uuid(b"7c9e6679-7425-40de-944b-e07fc1f90ae7")


@pytest.mark.parametrize(
    ("value", "issued"),
    [
        ("9f8e7d6c5b4a39281706aabb", True),
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", True),
        ("orders.created.v1.eu-west", False),
        ("user:42", False),
        ("abcdefghijklmnopqrstuvwx", False),
        ("1234567890123456789", False),
    ],
)
def test_machines_make_long_runs_of_letters_and_digits(value, issued):
    assert looks_issued(value.encode()) == issued
