"""Stream keys: made in one way, read back only when they could have been made so."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from extdebug.wire.events import BARE, BadId
from extdebug.wire.keys import (
    BUCKETS,
    Keys,
    Target,
    add_args,
    escape,
    parse_key,
    slot_of,
    stream_key,
)
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


# --- on a cluster


@given(prefixes, names | st.just(BARE), names)
def test_a_key_of_a_cluster_names_its_target_and_its_bucket(prefix: str, tenant: str, name: str):
    keys, target = Keys(prefix, bucketed=True), Target(tenant, name)
    key = keys.of(target)
    assert keys.target(key) == target
    bucket = keys.bucket(target)
    assert bucket is not None
    assert key.startswith(f"{prefix}{{b{bucket:02d}}}:")
    assert 0 <= bucket < BUCKETS


def test_the_layout_of_a_cluster_is_for_ever():
    """Runners of other versions write by it: a change would divide them from the console."""
    keys = Keys("ext-debug:", bucketed=True)
    assert keys.of(Target("acme", "invoice-sync")) == "ext-debug:{b62}:acme:invoice-sync"
    assert keys.of(Target(BARE, "invoice-sync")) == "ext-debug:{b09}:invoice-sync"
    assert [slot_of(bucket) for bucket in (0, 1, 7, 63)] == [1741, 5868, 13866, 7176]


@pytest.mark.parametrize("bucket", range(BUCKETS))
def test_a_slot_is_the_one_that_redis_gives_the_bucket_s_keys(bucket: int):
    assert slot_of(bucket) == key_slot(Keys("p:", bucketed=True).probe(bucket).encode())


def test_streams_spread_over_all_buckets():
    keys = Keys("", bucketed=True)
    counts = Counter(keys.bucket(Target(f"tenant-{n % 40}", f"ext-{n}")) for n in range(6400))
    assert set(counts) == set(range(BUCKETS))
    assert max(counts.values()) < 160


@pytest.mark.parametrize(
    "key",
    [
        "p:acme:x",
        "p:{b00}:acme:x",
        "p:{b1}:acme:x",
        "p:{b99}:acme:x",
        "p:b52:acme:x",
        "p:{b52}",
        "p:",
    ],
)
def test_a_key_with_another_bucket_or_none_has_no_target(key: str):
    assert Keys("p:", bucketed=True).bucket(Target("acme", "x")) not in (0, 99)
    assert Keys("p:", bucketed=True).target(key) is None


def test_without_a_cluster_keys_have_no_bucket():
    keys = Keys("p:")
    assert keys.of(Target("acme", "x")) == "p:acme:x"
    assert keys.bucket(Target("acme", "x")) is None
    assert keys.probe(None) == "p:probe"
    assert keys.target("p:{b52}:acme:x") is None


def test_a_pattern_matches_the_keys_and_no_brace_less_ones():
    assert Keys("a[b]:").pattern == "a\\[b\\]:*"
    assert Keys("p:", bucketed=True).pattern == "p:{b[0-9][0-9]}:*"


def test_the_contract_s_examples_are_keys_that_we_make():
    text = (Path(__file__).parents[3] / "docs/wire-contract.md").read_text()
    examples = re.findall(r"ext-debug:\{b\d\d\}:[a-z:-]+", text)
    keys = Keys("ext-debug:", bucketed=True)
    assert len(examples) == 2
    assert all(keys.target(key) for key in examples)
