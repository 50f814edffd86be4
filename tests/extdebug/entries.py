"""Entries of a stream as tests write and read them, and what hypothesis fills them with."""

from __future__ import annotations

from hypothesis import strategies as st

from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.events import NO_ORIGIN, Event, Origin
from extdebug.wire.positions import EntryId

ID = EntryId(1_767_225_600_123, 4)

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
opaque = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=128
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
plain_fields = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=10),
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text("abc"), scalars, max_size=3),
    min_size=1,
    max_size=5,
)


def raw(**values: str | bytes) -> list[bytes]:
    """A flat entry as Redis gives it."""
    flat: list[bytes] = []
    for name, value in values.items():
        flat += (name.encode(), value if isinstance(value, bytes) else value.encode())
    return flat


def wire(event: Event, origin: Origin = NO_ORIGIN) -> list[bytes]:
    return [part if isinstance(part, bytes) else part.encode() for part in to_entry(event, origin)]


def read(flat: list[bytes], **key: str) -> tuple[Event, Origin]:
    return from_entry(flat, id=ID, **{"tenant": "acme", "extension": "invoice-sync", **key})
