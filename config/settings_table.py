"""Writes the tables of docs/configuration.md anew from the declared settings.

python -m config.settings_table docs/configuration.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import config.declared
import extdebug.runner.declared
from extdebug.wire.environment.setting import Setting

TABLES: Final = {
    "console": config.declared.DECLARED,
    "runner": extdebug.runner.declared.DECLARED,
}


def table(settings: Iterable[Setting[Any]]) -> str:
    """Name, what is expected, default and meaning of each setting, as Markdown."""
    rows = ["| variable | value | default | meaning |", "|---|---|---|---|"]
    for each in settings:
        value = f"{each.kind.expected} (secret)" if each.secret else each.kind.expected
        rows.append(f"| `{each.name}` | {value} | {default_of(each)} | {each.meaning} |")
    return "\n".join(rows)


def default_of(setting: Setting[Any]) -> str:
    """The default as the table says it."""
    if setting.default_words:
        return setting.default_words
    default = setting.default
    if isinstance(default, bool):
        return "on" if default else "off"
    if default in (None, "", ()):
        return "none"
    return f"`{default}`" if isinstance(default, str) else f"{default:.15g}"


def with_tables(document: str) -> str:
    """The document with each table between its two markers; ValueError without them."""
    for name, settings in TABLES.items():
        begin, end = f"<!-- settings: {name} -->\n", "<!-- /settings -->"
        head, found, rest = document.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"expected {begin.strip()!r} and {end!r} in the document; add both")
        document = f"{head}{begin}{table(settings)}\n{end}{tail}"
    return document


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("expected one argument, the document: docs/configuration.md")
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text()))


if __name__ == "__main__":
    main()
