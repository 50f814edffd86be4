"""Which rules of one table find a secret in a line, each asked on its own."""

from collections.abc import Iterable

from policies.redaction.rules import Rule


def finders(rules: Iterable[Rule], text: str) -> list[str]:
    """Names of the rules that find something, in the table's order."""
    return [rule.name for rule in rules if rule.finds(text)]
