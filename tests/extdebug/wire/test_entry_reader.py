"""A reader that remembers says of every entry what from_entry says, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import pytest

from extdebug.wire import entry_reader
from extdebug.wire.entries import from_entry
from extdebug.wire.entry_reader import MOST_BYTES, MOST_KEPT, EntryReader, Opened
from extdebug.wire.events import BARE, Event, Origin, Unreadable, encode_json
from extdebug.wire.positions import EntryId
from tests.extdebug.entries import ID, raw

KEY: Final = {"tenant": "acme", "extension": "invoice-sync"}
USUAL: Final = {
    "ts": "2026-01-01T00:00:05.005Z", "level": "info", "stream": "log", "message": "hello",
    "tenant": "acme", "extension": "invoice-sync", "install": "inst-acme", "request": "req-1",
    "version": "1.4.2", "src": "boot-1", "n": "7",
}  # fmt: skip
# What each field is filled with: few values, so that an entry meets what others left behind.
VALUES: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"ts": (
        b"2026-01-01T00:00:05.005Z", b"2026-01-01T00:00:05.5Z", b"2026-13-01T00:00:05.005Z",
        b"2026-01-01T00:00:05.00xZ", b"2026-01-01T00:00:05.005+", b"2026-01-01x00:00:05.005Z",
        b"1767225600123", b"176722560012", b"1767225600x23", b"+767225600123", b"",
        b"2026-01-01T02:00:05.005+02:00", "٢٠٢٦-٠١-٠١T٠٠".encode(), b"9" * 70,
    ),
    b"level": (b"info", b"WARNING", b"loud", b"", b"\xff"),
    b"stream": (b"log", b"STDOUT", b"stdin", b""),
    b"message": (
        b"hello", b"", b"caf\xc3\xa9", b"caf\xe9", b"\xed\xa0\x80", b"a\nb\x00",
        b"x" * 65_536, b"x" * 65_535 + b"\xc3\xa9",
    ),
    b"tenant": (b"acme", b"ACME", b"globex", b"", b"acme\xff"),
    b"extension": (b"invoice-sync", b"Invoice-Sync", b"report-maker", b""),
    b"install": (b"inst-acme", b"../x", b"", b"\xff", b"a" * 65),
    b"request": (b"req-1", b"req-2", b"", b"\xff", b"r" * 200, b"\xc3\xa9" * 300, b"a\x00b"),
    b"version": (b"1.4.2", b"", b"\xff"),
    b"content_hash": (b"sha256:ab", b"h" * 600),
    b"truncated": (b"0", b"1", b"false", b"true"),
    b"fields": (
        b'{"ms":5,"ok":true}', b'{"a":{"b":[1,{"c":2}]}}', b"{}", b"", b"[1]", b"no json",
        b'{"a":"\xff"}', b'{"big":12345678901234567890}', b'{"x":1e3}', b'{"a":"\\ud800"}',
        b'{"k":"' + b"x" * 5_000 + b'"}', b"[" * 20_000, b'{"a":1,"a":2}', b'{"f":0.1}',
    ),
    b"src": (b"boot-1", b"boot-2", b"", b"\xff"),
    b"n": (b"7", b"8", b"-1", b"1.0", b"", b"9" * 16, "٣".encode()),
    b"redacted": (b"email", b"email,jwt", b",,"),
    b"guessed": (b"level", b"x"),
    b"lost": (b"3", b"0", b"x"),
    b"why": (b"queue full",),
    b"execution": (b"start", b"end 200 41.5", b"maybe"),
    b"colour": (b"red", b"\xff"),
}  # fmt: skip
NAMES: Final = sorted(VALUES)
LAYOUTS: Final = (
    [name.encode() for name in USUAL],
    [name.encode() for name in USUAL if name != "src"],
    [name.encode() for name in USUAL] + [b"fields"],
    [name.encode() for name in USUAL] + [b"truncated"],
    [b"message", b"level", b"stream", b"ts"],
    [b"ts", b"message", b"level", b"tenant"],
)


def entry(chance: Random) -> list[bytes]:
    """A usual entry, or one that differs from one in a few ways."""
    names = list(chance.choice(LAYOUTS))
    match chance.randrange(12):
        case 0:
            names = chance.choices(NAMES, k=chance.randrange(20))
        case 1:
            chance.shuffle(names)
        case 2:
            names.append(chance.choice(NAMES))
        case 3:
            names.remove(chance.choice(names))
        case _:
            pass
    flat: list[bytes] = []
    for name in names:
        usual, *others = VALUES[name]
        flat += (name, chance.choice(others) if others and chance.random() < 0.1 else usual)
    return flat[:-1] if chance.random() < 0.02 else flat


def said(read: Callable[[], tuple[Event, Origin]]) -> object:
    """What is made of an entry, its JSON and its errors included."""
    try:
        event, origin = read()
    except Unreadable as error:
        return str(error)
    return event, origin, encode_json(event)


def read_one(reader: EntryReader, flat: list[bytes], id: EntryId = ID) -> tuple[Event, Origin]:
    ((same, event, origin),) = reader([(id, flat)])
    assert same == id
    if isinstance(event, str):
        raise Unreadable(event)
    return event, origin


@pytest.mark.parametrize("together", [1, 2, 40])
@pytest.mark.parametrize("key", [KEY, {"tenant": BARE, "extension": "invoice-sync"}])
@pytest.mark.parametrize("seed", range(3))
def test_what_it_remembers_changes_nothing(seed: int, key: dict[str, str], together: int) -> None:
    """Of one entry by itself, and of many that are read in one loop."""
    chance, reader = Random(seed), EntryReader(**key)
    for first in range(0, 6_000, together):
        rows = [
            (EntryId(1_767_225_600_000 + number, number), entry(chance))
            for number in range(first, first + together)
        ]
        for (id, flat), opened in zip(rows, reader(rows), strict=True):
            assert opened[0] == id
            plain = said(partial(from_entry, flat, id=id, **key))
            assert said_of(opened) == plain, flat


def said_of(opened: Opened) -> object:
    _, event, origin = opened
    return event if isinstance(event, str) else (event, origin, encode_json(event))


def test_of_entries_with_two_layouts_in_turn_none_is_read_whole_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Log calls have fields and printed lines have none, and a guest does both."""
    reader = EntryReader(**KEY)
    flats = [raw(**USUAL), raw(**{**USUAL, "fields": '{"ms":5}'})]
    for flat in flats:
        read_one(reader, flat)
    monkeypatch.setattr(entry_reader, "from_entry", None)
    opened = reader([(EntryId(1, number), flats[number % 2]) for number in range(6)])
    assert [getattr(event, "fields", "") for _, event, _ in opened] == [None, {"ms": 5}] * 3


def test_an_entry_met_before_is_not_read_whole_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = EntryReader(**KEY)
    read_one(reader, raw(**USUAL))
    monkeypatch.setattr(entry_reader, "from_entry", None)

    event, origin = read_one(
        reader, raw(**{**USUAL, "message": "more", "n": "8", "request": "req-2"})
    )

    assert (event.message, event.request_id, origin.n) == ("more", "req-2", 8)


def test_what_was_learnt_of_the_last_entry_is_known_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also with values that were not among those that the last entries' names had."""
    reader, other = EntryReader(**KEY), {**USUAL, "install": "inst-other"}
    for flat in (USUAL, other, USUAL, other, other):
        read_one(reader, raw(**flat))
    monkeypatch.setattr(entry_reader, "from_entry", None)
    for flat in (other, USUAL, other):
        event, _ = read_one(reader, raw(**flat))
        assert event.install_id == flat["install"]


@pytest.mark.parametrize("name", ["tenant", "extension"])
def test_a_usual_entry_of_another_stream_is_refused(name: str) -> None:
    """A writer may write into any stream: whose an entry is, is asked of each."""
    reader = EntryReader(**KEY)
    read_one(reader, raw(**USUAL))

    with pytest.raises(Unreadable, match="another tenant or extension"):
        read_one(reader, raw(**{**USUAL, name: "globex"}))


def test_an_install_is_never_another_entrys() -> None:
    reader = EntryReader(**KEY)
    for install in ("inst-acme", "inst-other", "../x"):
        event, _ = read_one(reader, raw(**{**USUAL, "install": install}))
        assert event.install_id == (None if install == "../x" else install)


def test_what_a_hostile_writer_makes_it_keep_is_bounded() -> None:
    reader = EntryReader(**KEY)
    for number in range(MOST_KEPT * 3):
        read_one(reader, raw(**{**USUAL, "version": str(number)}))
        assert kept(reader) <= MOST_KEPT
    before = kept(reader)
    read_one(reader, raw(**{**USUAL, "version": "x" * MOST_BYTES}))
    assert kept(reader) == before


def test_what_is_kept_has_one_copy_of_each_name() -> None:
    """A hostile writer makes us keep much: the names of each would be half as much again."""
    reader = EntryReader(**KEY)
    for number in range(9):
        read_one(reader, raw(**{**USUAL, "version": str(number)}))
    (layout,) = reader._layouts.values()
    copies = {id(name) for values in layout.kept for name in values[: len(USUAL)]}
    assert (len(layout.kept), len(copies)) == (9, len(USUAL))


def test_what_is_kept_anew_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = EntryReader(**KEY)
    flats = [raw(**{**USUAL, "version": str(number)}) for number in range(MOST_KEPT + 3)]
    for flat in flats:
        read_one(reader, flat)
    monkeypatch.setattr(entry_reader, "from_entry", None)
    assert [read_one(reader, flat)[0].version_id for flat in flats[-3:]] == ["512", "513", "514"]


def kept(reader: EntryReader) -> int:
    return sum(len(layout.kept) for layout in reader._layouts.values())
