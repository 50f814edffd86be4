"""The tables of families together: recall over made-up secrets, and lines that must stay."""

import re

import pytest

from policies.redaction.families.ai_models import MODEL_RULES
from policies.redaction.families.clouds import CLOUD_RULES
from policies.redaction.families.code import CODE_RULES
from policies.redaction.families.context import CONTEXT_RULES, FORM_RULES
from policies.redaction.families.messaging import MESSAGING_RULES
from policies.redaction.families.payments import PAYMENT_RULES
from policies.redaction.families.people import PEOPLE_RULES
from policies.redaction.families.platforms import PLATFORM_RULES
from policies.redaction.families.tools import TOOL_RULES
from policies.redaction.redactor import Redactor
from policies.redaction.rules import compile_pattern
from tests.bench.bench_redaction import (
    FAMILIES_BARE,
    FAMILIES_IN_CONTEXT,
    ORDINARY_MASKED,
    masked_ordinary_lines,
    recall,
)

REDACTOR = Redactor(key=b"a key of the tests")
MASK = REDACTOR.mask("acme:invoice-sync", "2026-01-31")
ALL = (
    *CLOUD_RULES,
    *CODE_RULES,
    *MESSAGING_RULES,
    *PAYMENT_RULES,
    *PLATFORM_RULES,
    *MODEL_RULES,
    *TOOL_RULES,
    *FORM_RULES,
    *CONTEXT_RULES,
)


def test_families_are_masked_with_context_and_most_of_them_bare():
    families, in_context, bare = recall(REDACTOR, MASK, count=2)
    assert families > 300
    assert 1 - len(in_context) / families >= FAMILIES_IN_CONTEXT, in_context
    assert 1 - len(bare) / families >= FAMILIES_BARE


def test_ordinary_lines_are_left_alone():
    lines = 4000
    masked = masked_ordinary_lines(REDACTOR, MASK, count=lines)
    assert len(masked) <= ORDINARY_MASKED * lines, masked


@pytest.mark.parametrize("rule", [*ALL, *PEOPLE_RULES], ids=lambda rule: rule.name)
def test_a_rule_marks_its_secret_with_one_group_at_most(rule):
    assert compile_pattern(rule.pattern).groups <= 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgres://app:p'a\"s<s>/w@rd@db.example/x", "postgres://app:#@db.example/x"),
        ("redis://:a@h1,redis://:b@h2", "redis://:#@h1,redis://:#@h2"),
        ("https://ann:p@ss@host.example/x@y", "https://ann:#@host.example/x@y"),
        ("http://localhost:3000/@vite/client", "http://localhost:3000/@vite/client"),
        ("iban DE89370400440532013000 cvv=123", "iban # cvv=#"),
        ("phone: +49 30 901820, ssn 078-05-1120", "phone: #, ssn #"),
        ("card 4111.1111.1111.1111", "card #"),
        ("Cookie: a=1; b=2", "Cookie: #"),
        ('"cookie":["a=1; b=2"]', '"cookie":["#"]'),
        ("mysql -u app -pTr0ub4dor crm", "mysql -u app -p# crm"),
        ("$2b$12$" + "a1" * 26 + "b", "#"),
    ],
)
def test_rules_by_context_mask_all_of_the_secret_and_nothing_else(text, masked):
    said, _ = REDACTOR.text(text, MASK)
    assert re.sub(r"\[redacted:[a-z-]+(?:#[0-9a-f]{8})?\]", "#", said) == masked
