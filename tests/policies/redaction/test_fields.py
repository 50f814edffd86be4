from typing import Any

import pytest

from policies.redaction.fields import FIELD, FieldWalk, texts_to_scan
from policies.redaction.redactor import Redactor
from policies.redaction.secret_names import SecretNames

REDACTOR = Redactor(key=b"a key of the tests")
MASK = REDACTOR.mask("acme:invoice-sync", "2026-01-31")
HIDDEN = f"[redacted:{FIELD}]"


@pytest.mark.parametrize(
    ("fields", "masked"),
    [
        (
            {"headers": [{"name": "x-api-key", "value": "Tr0ub4dor"}]},
            {"headers": [{"name": "x-api-key", "value": HIDDEN}]},
        ),
        (
            {"h": [{"value": ["a1"], "key": "cookie"}]},
            {"h": [{"value": [HIDDEN], "key": "cookie"}]},
        ),
        ({"h": [["x-api-key", "Tr0ub4dor"]]}, {"h": [["x-api-key", HIDDEN]]}),
        (
            {"argv": ["--user", "ann", "--password", "Tr0ub4dor", "-v"]},
            {"argv": ["--user", "ann", "--password", HIDDEN, "-v"]},
        ),
        (
            {"db_pass": "x1", "user_pwd": "x1", "signingKey": "x1", "encryptionKey": "x1"},
            {"db_pass": HIDDEN, "user_pwd": HIDDEN, "signingKey": HIDDEN, "encryptionKey": HIDDEN},
        ),
        ({"phone": "+49 30 901820", "mobile": 4930901820}, {"phone": HIDDEN, "mobile": HIDDEN}),
    ],
)
def test_names_tell_in_pairs_lists_and_flags_too(fields, masked):
    said, names = REDACTOR.fields(fields, MASK)
    assert said == masked
    assert names == (FIELD,)
    assert REDACTOR.fields(said, MASK) == (said, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"credentials": "include", "mode": "cors"},
        {"errors": {"password": ["This field is required."]}},
        {"cache_key": "9f8e7d6c5b4a39281706aabb", "acme_key": "user:42"},
        {"id": 4532015112830366, "orderId": "4532015112830366"},
        {"columns": ["user", "password", "email"], "pair": ["password", "email"]},
        {"argv": ["--password", "--verbose"], "phone": "none"},
        {"name": "x-api-key", "count": 3},
    ],
)
def test_what_only_looks_so_stays(fields):
    assert REDACTOR.fields(fields, MASK) == (fields, ())
    assert REDACTOR.fields(fields, MASK)[0] is fields


def test_fields_without_a_secrets_name_are_one_scan():
    names = SecretNames()
    texts = texts_to_scan({"a": "b", "c": [1, True, "d"]}, names)
    assert texts is not None
    assert sorted(texts) == ["a", "b", "c", "d"]
    closer: Any
    for closer in (
        {"password": 1},
        {"h": ["x-api-key", "y"]},
        {"n": 10**12},
        {"a": {"name": "token", "value": "x"}},
        {1: "x"},
        {"x": object()},
    ):
        assert texts_to_scan(closer, names) is None


def test_a_walk_notes_the_rules_that_masked():
    walk = FieldWalk(REDACTOR.text, SecretNames(), MASK)
    assert walk.masked({"to": "ann@example.com", "pwd": 1}) == {
        "to": "[redacted:email]",
        "pwd": HIDDEN,
    }
    assert tuple(walk.hits) == ("email", FIELD)
