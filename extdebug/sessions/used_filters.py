"""The filters a session used, as its row and the audit trail may show them. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.filters.filter import Filter
from extdebug.wire.keys import Target
from policies.redaction.redactor import Redactor

FILTERS_KEPT: Final = 20  # distinct filters named in the close record
LISTED: Final = {"installs": "install", "streams": "stream"}


@dataclass(frozen=True, slots=True)
class FilterInWords:
    """A filter for people: the query as it was typed, what narrows besides, the exact parts."""

    query: str
    besides: str
    exact: str


def noted(
    kept: Sequence[Mapping[str, object]], shown: Mapping[str, object]
) -> list[Mapping[str, object]]:
    """The filters a session used, with this one; beyond FILTERS_KEPT they are counted."""
    known = list(kept)
    if shown in known:
        return known
    if len(known) < FILTERS_KEPT:
        return [*known, shown]
    more = known[-1].get("more")
    if isinstance(more, int):
        return [*known[:-1], {"more": more + 1}]
    return [*known, {"more": 1}]


def shown_filter(wanted: Filter, redactor: Redactor, target: Target) -> dict[str, object]:
    """A filter as the audit trail may keep it: what people search for can be a secret."""
    shown = wanted.to_json()
    mask = redactor.mask(str(target), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
    for key in ("q", "request"):
        if shown.get(key):
            shown[key] = redactor.text(str(shown[key]), mask)[0]
    return shown


def in_words(kept: Mapping[str, object]) -> FilterInWords:
    """One of the filters that a row names. What `noted` only counted is said with its number."""
    exact = json.dumps(dict(kept), ensure_ascii=False)
    if more := kept.get("more"):
        return FilterInWords("", f"and {more} more", exact)
    said = []
    if level := kept.get("level"):
        said.append(f"level {level} and above")
    for part, name in LISTED.items():
        listed = kept.get(part)
        if isinstance(listed, (list, tuple)) and listed:
            names = ", ".join(str(each) for each in listed)
            said.append(f"{name}{'' if len(listed) == 1 else 's'} {names}")
    if request := kept.get("request"):
        said.append(f"request {request}")
    query = str(kept.get("q") or "")
    return FilterInWords(query, " · ".join(said) or ("" if query else "every line"), exact)
