"""A query's conditions as one tree, to compare and compile in tests."""

from __future__ import annotations

from extdebug.filters.parser import parse_terms
from extdebug.filters.query import And, Node


def parse_query(q: str) -> Node | None:
    """None when `q` asks for everything."""
    nodes = tuple(term.node for term in parse_terms(q))
    return And(nodes) if len(nodes) > 1 else nodes[0] if nodes else None
