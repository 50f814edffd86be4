"""Placeholders of triggers, in the words of each database."""

import pytest

from policies.database import trigger_words


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
def test_no_placeholder_is_left(vendor: str) -> None:
    condition = "{judge:NEW.a} OR {operator:a.b} OR {in:NEW.people:NEW.by} OR x > {now}"
    filled = trigger_words.filled(condition, vendor)
    assert "{" not in filled
    assert "u.id = NEW.a" in filled
    assert "l.user_id = NEW.a" in filled
    assert "l.user_id = a.b" not in filled  # an operator who is locked is one still
