"""The redactor in force at the console: built-in rules, the operators' rules, and the key."""

from __future__ import annotations

import logging

from django.conf import settings

from policies.models import RedactionRule
from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.redactor import Redactor
from policies.redaction.rules import Rule, RuleError

log = logging.getLogger(__name__)


def _rule(row: RedactionRule) -> Rule:
    return Rule.from_row(
        row.name, row.pattern, token=row.token, keywords=tuple(row.keywords), example=row.example
    )


def current_redactor() -> Redactor:
    """Read the rules from the database; equal rules give an equal fingerprint."""
    rules: list[Rule] = []
    for row in RedactionRule.objects.filter(enabled=True):
        try:
            rules.append(_rule(row))
        except RuleError:
            # The admin refuses such a rule; one written past it must not stop every stream.
            log.exception("redaction rule %r is not usable and masks nothing", row.name)
    key = settings.REDACTION_KEY.encode() or None
    return Redactor((*BUILTIN_RULES, *rules), key=key)
