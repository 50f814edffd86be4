"""docs/glossary.md defines the words that are used, and the words they replaced stay away."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.extdebug.ops.test_metrics import everything
from tests.files import ROOT, relative, repository_files

PAGE: Final = ROOT / "docs" / "glossary.md"
TERMS: Final = re.findall(
    r"^\| \*\*(.+?)\*\* \| (.+?) \| (.*?) ?\|$", PAGE.read_text(), re.MULTILINE
)
WORDS: Final = [word for word, _, _ in TERMS]
VOCABULARY: Final = {
    "event", "stream", "install", "request", "session", "lease", "grant", "gap", "cut", "node",
    "hub", "tail", "watched stream", "ring buffer", "ledger", "cursor", "credit",
}  # fmt: skip
# A word that was replaced -> the glossary's word. In code as a whole word or a part of a name.
REPLACED: Final = {
    "patrol": "supervisor",
    "custody": "lease, holder",
    "forsaken": "unserved",
    "intake": "catch-up",
    "preparer": "redacting decoder",
    "which_redis": "server identity",
    "foreign_(?:row|line|lines|entry)": "runner buffer",
    "(?:begin|end)_foreign": "runner buffer",
}
# Folders and files whose names and prose must be in the glossary's words.
SPEAKING: Final = ("audit/", "config/", "docs/", "extdebug/", "policies/", "templates/")


def speaking() -> list[Path]:
    """Code, templates and documents; the page's scripts keep names of their own."""
    files = repository_files(".py", ".md", ".html", ".yml", ".yaml", ".json")
    top = {"README.md", "CONTRIBUTING.md", "SECURITY.md"}
    return [
        path
        for path in files
        if (relative(path).startswith(SPEAKING) or relative(path) in top)
        and "migrations" not in path.parts
    ]


def old_words(text: str) -> list[str]:
    """The replaced words in a text, each with what to say instead."""
    return [
        f"{found[0]!r}: say {new}"
        for old, new in REPLACED.items()
        for found in re.finditer(rf"(?<![A-Za-z]){old}(?![a-z])", text, re.IGNORECASE)
    ]


def test_a_replaced_word_does_not_come_back():
    found = {relative(path): old_words(path.read_text()) for path in speaking()}
    assert len(found) > 500
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "text",
    [
        "the patrol decides",
        "class Patrol:",
        "self._intake = 1",
        "def foreign_row(",
    ],
)
def test_a_replaced_word_is_found(text: str):
    assert old_words(text)


@pytest.mark.parametrize(
    "text",
    ["models.ForeignKey(", "ground control"],
)
def test_other_words_are_left_alone(text: str):
    assert not old_words(text)


def test_metrics_speak_the_glossary():
    helps = [line for line in everything().splitlines() if line.startswith("# HELP")]

    assert len(helps) > 20
    assert old_words("\n".join(helps)) == []


def test_the_vocabulary_is_defined_in_order_and_once():
    assert set(WORDS) >= VOCABULARY
    assert sorted(set(WORDS)) == WORDS


@pytest.mark.parametrize(("word", "links"), [(word, links) for word, _, links in TERMS], ids=WORDS)
def test_a_term_links_to_what_it_names(word: str, links: str):
    for name, target in re.findall(r"\[`(\w+)`\]\(([^)]+)\)", links):
        file = (PAGE.parent / target).resolve()
        assert file.exists(), f"{word}: {target}"
        names = {
            node.name
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
        aliases = re.findall(rf"^{name}\b.*=", file.read_text(), re.MULTILINE)
        assert name in names or aliases, f"{word}: {target} has no {name}"


@cache
def _everything_said() -> str:
    return "\n".join(path.read_text() for path in speaking() if path != PAGE)


@pytest.mark.parametrize("word", WORDS)
def test_a_defined_word_is_used(word: str):
    """In a document, a page, a help text or a docstring: a word nobody uses needs no definition."""
    spelled = re.compile(
        rf"\b{word.replace(' ', '[ _-]?').replace('-', '[ _-]?')}(?:s|es)?\b", re.IGNORECASE
    )
    assert spelled.search(_everything_said()), word


MENTION: Final = re.compile(r"(?<![\w./<*-])[a-z_]+\.py\b(?![.(])")
# Files of the reader's own that a document's example names.
OF_THE_READER: Final = {"docs/extension-authors.md": {"guest.py", "import.py"}}


def test_a_module_that_prose_mentions_exists():
    """Documents, templates and modules' docstrings name files by their present names."""
    present = {file.name for file in repository_files(".py")}
    missing = {}
    for path in speaking():
        text = path.read_text()
        if path.suffix == ".py":
            text = ast.get_docstring(ast.parse(text)) or ""
        if unknown := set(MENTION.findall(text)) - present:
            missing[relative(path)] = unknown

    assert missing == OF_THE_READER
