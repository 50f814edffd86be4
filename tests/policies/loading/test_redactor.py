"""The redactor in force: built-in rules, then the operators' own, without those that cannot run."""

from typing import Any

import pytest

from policies.loading.redactor import current_redactor
from policies.models import RedactionRule

pytestmark = pytest.mark.django_db


def masked(text: str) -> str:
    redactor = current_redactor()
    return redactor.text(text, redactor.mask("acme:invoice-sync", "2026-03-01"))[0]


def test_an_operators_rule_masks_beside_the_built_in_ones() -> None:
    text = "KD-123456 of jane@example.com"
    assert "KD-123456" in masked(text)
    assert "jane@example.com" not in masked(text)
    RedactionRule.objects.create(name="customer", pattern=r"KD-\d{6}", example="KD-123456")
    assert "KD-123456" not in masked(text)
    assert "jane@example.com" not in masked(text)


def test_a_rule_that_is_off_masks_nothing() -> None:
    rule = {"name": "customer", "pattern": r"KD-\d{6}", "example": "KD-123456"}
    RedactionRule.objects.create(**rule, enabled=False)
    assert "KD-123456" in masked("KD-123456")


def test_a_rule_that_cannot_run_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    RedactionRule.objects.create(name="broken", pattern="KD-(", example="KD-(")
    RedactionRule.objects.create(name="customer", pattern=r"KD-\d{6}", example="KD-123456")
    assert "KD-123456" not in masked("KD-123456")
    assert "'broken' is not usable" in caplog.text


def test_equal_rules_give_an_equal_fingerprint(settings: Any) -> None:
    plain = current_redactor().fingerprint
    assert current_redactor().fingerprint == plain
    RedactionRule.objects.create(name="customer", pattern=r"KD-\d{6}", example="KD-123456")
    assert current_redactor().fingerprint != plain
