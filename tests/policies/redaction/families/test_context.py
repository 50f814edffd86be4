"""Secrets that their form or what stands beside them tells, and words that are none."""

import pytest

from policies.redaction.families.context import CONTEXT_RULES, FORM_RULES
from policies.redaction.families.issued import FILL
from policies.redaction.rules import compile_pattern
from tests.policies.redaction.families.finding import finders

RULES = (*FORM_RULES, *CONTEXT_RULES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + FILL[:43], "jwt"),
        ("stored $argon2id$v=19$m=65536,t=3,p=4$" + FILL[:40], "password-hash"),
        ("postgres://app:s3cret@db.internal/app", "url-password"),
        ("jdbc:oracle:thin:app/s3cret@db.internal:1521/x", "oracle-password"),
        ("https://" + FILL[:20] + "@git.example.com/x.git", "url-token"),
        ("GET /v1/map?key=Ab0cD1eF2gH3iJ4kL5mN6oP7 200", "url-parameter"),
        ("sent Bearer " + FILL[:24], "bearer"),
        ("sent Basic dXNlcjpodW50ZXIy", "basic-auth"),
        ("< Set-Cookie: theme=dark; Path=/", "cookie"),
        ("ran mysql -u app -pTr0ub4dor crm", "command-password"),
        ("curl -u ann:hunter2 https://acme.example", "command-password"),
        ("password=hunter2", "password"),
        ("CLIENT_SECRET=correct-horse-battery", "secret"),
    ],
)
def test_a_secret_is_found_by_its_form_or_context(text, name):
    assert finders(RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "bearer authentication failed",
        "basic settings loaded",
        "Authorization: missing",
        "http://localhost:3000/@vite/client",
        "https://acme.example/search?key=ab",
        "cookie accepted by the visitor",
        "password reset was requested",
        "password=null",
        "mysql -p",
        "token bucket is empty",
        "secret santa begins on Monday",
    ],
)
def test_words_and_placeholders_are_left_alone(text):
    assert finders(RULES, text) == []


def test_the_secret_is_the_value_and_not_its_name():
    (rule,) = (rule for rule in CONTEXT_RULES if rule.name == "password")
    raw = b'{"password":"hunter2","user":"ann"}'

    (place,) = rule.places(compile_pattern(rule.pattern), raw)

    assert raw[slice(*place)] == b"hunter2"
    assert not rule.token  # a chosen password could be guessed, printed and compared
