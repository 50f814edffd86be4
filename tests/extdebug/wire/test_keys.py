"""Stream keys: made in one way, read back only when they could have been made so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.events import BARE, BadId
from extdebug.wire.keys import Target, add_args, escape, parse_key, stream_key
from tests.extdebug.entries import names

prefixes = st.sampled_from(["ext-debug:", "", "a:b:", "[x]*"])


@given(prefixes, names | st.just(BARE), names)
def test_a_key_names_its_target(prefix: str, tenant: str, extension: str):
    assert parse_key(prefix, stream_key(prefix, tenant, extension)) == Target(tenant, extension)


def test_a_key_with_one_part_belongs_to_no_tenant():
    assert stream_key("p:", BARE, "invoice-sync") == "p:invoice-sync"
    assert parse_key("p:", "p:invoice-sync") == Target(BARE, "invoice-sync")


def test_capitals_are_one_spelling():
    assert stream_key("p:", "Acme", "Invoice-Sync") == "p:acme:invoice-sync"


@pytest.mark.parametrize(
    ("tenant", "extension"),
    [("acme", ""), ("", "x"), ("a:b", "x"), ("acme", "x:y"), ("acme", "*"), ("acme", BARE)],
)
def test_no_key_is_made_of_what_is_no_id(tenant: str, extension: str):
    with pytest.raises(BadId):
        stream_key("p:", tenant, extension)


@pytest.mark.parametrize(
    "key",
    ["", "p:", "p", "q:acme:x", "p:acme:x:y", "p:Acme:x", "p:acme:", "p::x", "p:-:x", "p:acme:*",
     "p:acme:x\n", "p:\u212a:x", "P:acme:x"],
)  # fmt: skip
def test_a_key_we_would_not_make_has_no_target(key: str):
    assert parse_key("p:", key) is None


@given(prefixes, st.text(max_size=30))
def test_any_key_has_a_target_that_makes_it_or_none(prefix: str, key: str):
    target = parse_key(prefix, key)

    if target is not None:
        assert stream_key(prefix, target.tenant, target.extension) == key


def test_a_target_reads_as_its_two_parts():
    assert str(Target("acme", "invoice-sync")) == "acme:invoice-sync"


def test_an_entry_is_added_with_a_cap_redis_may_round():
    assert add_args("p:acme:x", ["message", b"m"], maxlen=9) == (
        "XADD", "p:acme:x", "MAXLEN", "~", 9, "*", "message", b"m",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "pattern"),
    [
        ("plain:", "plain:"),
        ("a*b", r"a\*b"),
        ("a?", r"a\?"),
        ("[^a]", r"\[\^a\]"),
        ("a\\b", r"a\\b"),
    ],
)
def test_a_prefix_becomes_a_pattern_that_matches_it_alone(prefix: str, pattern: str):
    assert escape(prefix) == pattern
