import pytest

from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.rule_table import BEGIN, END, table, with_table
from tests.files import ROOT


def test_the_document_shows_the_rules_as_they_are():
    document = (ROOT / "docs/redaction.md").read_text()
    assert with_table(document) == document, "run python -m policies.redaction.rule_table"


def test_every_rule_has_a_row_that_says_whose_it_is_and_what_it_looks_like():
    rows = table().splitlines()[2:]
    assert len(rows) == len(BUILTIN_RULES)
    for rule, row in zip(BUILTIN_RULES, rows, strict=True):
        assert rule.family
        assert rule.form
        assert f"`{rule.name}`" in row


def test_no_row_shows_a_whole_token():
    for rule, row in zip(BUILTIN_RULES, table().splitlines()[2:], strict=True):
        assert not rule.starts or not rule.finds(row), row


def test_a_document_without_markers_is_refused():
    with pytest.raises(ValueError, match="expected"):
        with_table("# Redaction")
    assert with_table(f"a\n{BEGIN}\nold\n{END}\nb").startswith(f"a\n{BEGIN}\n| family")
