"""Writes the table of rules in docs/redaction.md anew from the rules.

python -m policies.redaction.rule_table docs/redaction.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from policies.redaction.builtin_rules import BUILTIN_RULES

BEGIN: Final = "<!-- rules: python -m policies.redaction.rule_table docs/redaction.md -->"
END: Final = "<!-- /rules -->"
# Characters of an example, and behind an issuer's prefix: whole tokens alarm scanners of sources.
_LONGEST: Final = 44
_BODY: Final = 10


def table() -> str:
    """Family, form, name and an example of every built-in rule, as Markdown."""
    rows = ["| family | form | rule | example |", "|---|---|---|---|"]
    for rule in BUILTIN_RULES:
        example, longest = rule.example, _LONGEST
        if rule.starts:
            example = example[example.index(rule.starts[0]) :]
            longest = len(rule.starts[0]) + _BODY
        shown = example if len(example) <= longest else example[: longest - 1] + "…"
        cells = (rule.family, _escaped(rule.form), f"`{rule.name}`", f"`{_escaped(shown)}`")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if "`" not in text else repr(text)


def with_table(document: str) -> str:
    """The document with the table between its two markers; ValueError without them."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected {BEGIN!r} and {END!r} in the document; add both lines")
    return f"{head}{begin}\n{table()}\n{end}{tail}"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("expected one argument, the document: docs/redaction.md")
    path = Path(sys.argv[1])
    path.write_text(with_table(path.read_text()))


if __name__ == "__main__":
    main()
