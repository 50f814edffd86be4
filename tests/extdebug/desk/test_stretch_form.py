"""A stretch by times or line ids; what cannot be read is refused in words."""

from __future__ import annotations

import pytest

from extdebug.desk.stretch_form import StretchForm, in_words, query_of
from extdebug.streams.purge import EVERYTHING, MOST, Stretch
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, EntryId

NAMES = {"tenant": "acme", "extension": "invoice-sync"}
AT = 1_784_021_405_000  # 2026-07-14 09:30:05


@pytest.mark.parametrize(
    ("said", "stretch"),
    [
        ({}, EVERYTHING),
        ({"since": "2026-07-14 09:30:05"}, Stretch(EntryId(AT, 0), MOST)),
        # The last moment is meant with all of its second, unless a fraction says otherwise.
        ({"until": "2026-07-14 09:30:05"}, Stretch(ZERO_ID, EntryId(AT + 999, MOST.seq))),
        ({"until": "2026-07-14T09:30:05.250Z"}, Stretch(ZERO_ID, EntryId(AT + 250, MOST.seq))),
        ({"since": "2026-07-14T11:30:05+02:00"}, Stretch(EntryId(AT, 0), MOST)),
        ({"first": "7-1", "last": "7-1"}, Stretch(EntryId(7, 1), EntryId(7, 1))),
        ({"first": f"{AT}-0", "until": "2026-07-14 09:30:05"},
         Stretch(EntryId(AT, 0), EntryId(AT + 999, MOST.seq))),
        ({"since": "1900-01-01 00:00:00"}, EVERYTHING),
    ],
)  # fmt: skip
def test_a_stretch_is_read(said: dict[str, str], stretch: Stretch) -> None:
    form = StretchForm({**NAMES, **said})
    assert form.is_valid(), form.errors
    assert form.stretch == stretch
    assert form.target == Target("acme", "invoice-sync")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"since": "yesterday"}, "Expected a time such as"),
        ({"first": "7"}, "Expected an id such as"),
        ({"last": "-1-0"}, "Expected an id such as"),
        ({"first": "7-1", "since": "2026-07-14 09:30:05"}, "not both"),
        ({"first": "9-0", "last": "8-0"}, "before the beginning"),
        ({"tenant": "../x"}, "tenant"),
        ({"extension": "*"}, "extension"),
        ({"extension": ""}, "required"),
    ],
)
def test_what_cannot_be_read_is_refused(said: dict[str, str], words: str) -> None:
    form = StretchForm({**NAMES, **said})
    assert not form.is_valid()
    assert words in form.errors.as_text()


@pytest.mark.parametrize("tenant", ["-", "unknown", "ACME"])
def test_streams_without_a_tenant_can_be_named(tenant: str) -> None:
    form = StretchForm({**NAMES, "tenant": tenant})
    assert form.is_valid(), form.errors
    assert form.target.tenant == tenant.lower()


@pytest.mark.parametrize("stretch", [EVERYTHING, Stretch(EntryId(7, 1), EntryId(9, MOST.seq))])
def test_a_link_names_the_same_stretch(stretch: Stretch) -> None:
    query = dict(part.split("=") for part in query_of(Target("acme", "x"), stretch).split("&"))
    form = StretchForm(query)
    assert form.is_valid()
    assert form.stretch == stretch


def test_a_stretch_is_said_in_words() -> None:
    assert in_words(EVERYTHING) == "everything"
    assert in_words(Stretch(ZERO_ID, EntryId(AT + 250, 3))) == (
        "from the beginning to 2026-07-14 09:30:05.250 UTC"
    )
    assert in_words(Stretch(EntryId(AT, 0), MOST)) == "from 2026-07-14 09:30:05.000 UTC to the end"
