"""Each kind takes what it says it expects, refuses everything else, and says so in words."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.environment.kinds import (
    Choice,
    Decimal,
    File,
    Flag,
    Folder,
    Kind,
    Listing,
    Network,
    RedisUrl,
    Secret,
    Text,
    Url,
    Whole,
)
from tests.fixtures.settings import bad_values

HERE = str(Path(__file__).parent)
MAIL = Url(("smtp", "filemail"), "smtp://h/0", hostless=("filemail",), path=r"/?|/[0-9]+")
KINDS: list[Kind[Any]] = [
    Flag(), Whole(1, 9), Decimal(0.5, 9), Choice(("redis", "auto")), Network(), Folder(),
    Folder(made=True), File(), RedisUrl(), Text("digits", r"[0-9]+"), Secret(3), MAIL,
    Listing(Whole(1, 9)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        *((Flag(), word, True) for word in ("yes", "on", "true", "1", "YES", "True")),
        *((Flag(), word, False) for word in ("no", "off", "false", "0", "Off")),
        (Whole(0, 9), "9", 9),
        (Whole(-1, 9), "-1", -1),
        (Decimal(0, 9), "0.5", 0.5),
        (Decimal(0, 9), "1e0", 1.0),
        (Choice(("INFO", "DEBUG")), "info", "INFO"),
        (Network(), "10.0.0.0/8", "10.0.0.0/8"),
        (Network(), "2001:db8::1", "2001:db8::1"),
        (Network(), "*", "*"),
        (Folder(), HERE, Path(HERE)),
        (Folder(made=True), "/does/not/exist", Path("/does/not/exist")),
        (Secret(), "$HOME", "$HOME"),
        (File(), __file__, Path(__file__)),
        (RedisUrl(), "redis://u:$p@[::1]:6379/3", "redis://u:$p@[::1]:6379/3"),
        (MAIL, "smtp://u:$p@[::1]:6379/3", "smtp://u:$p@[::1]:6379/3"),
        (MAIL, "filemail:///var/mail", "filemail:///var/mail"),
        (Listing(Secret()), "a, b,,c,", ("a", "b", "c")),
        (Listing(Flag()), ",", ()),
    ],
)
def test_a_good_value_is_taken(kind: Kind[Any], text: str, value: object):
    found = kind.parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, text) for kind in KINDS for text in bad_values(kind)),
        (MAIL, "smtp://h/index"),
        (MAIL, "smtp://h:0/0"),
        (MAIL, "smtps://h/0"),
        (MAIL, "smtp://h/0 "),
        (Listing(Whole(1, 9)), "1,x"),
    ],
)
def test_a_bad_value_is_refused(kind: Kind[Any], text: str):
    with pytest.raises((ValueError, KeyError)):
        kind.parse(text)


@given(st.text())
def test_a_flag_knows_eight_words_and_nothing_else(text: str):
    try:
        Flag().parse(text)
    except ValueError:
        return
    assert text.lower() in {"yes", "no", "on", "off", "true", "false", "1", "0"}


def test_what_is_expected_says_bounds_units_and_what_zero_means():
    assert Whole(1, 9, "seconds").expected == "a whole number from 1 to 9 seconds"
    assert Decimal(0, 9, zero="no limit").expected == "a number from 0 to 9; 0 is no limit"
    assert Choice(("a", "b", "c")).expected == "a, b or c"
    assert Listing(Network()).expected == "IP addresses or networks, separated by commas"
    assert "smtp://h/0" in MAIL.expected
