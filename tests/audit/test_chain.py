"""The form of a row and its hash: what fits, what is refused, what never changes."""

import datetime as dt
import hashlib
import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import chain
from audit.actions import Action, ActorKind

NOW = dt.datetime(2026, 1, 31, 9, 30, tzinfo=dt.UTC)
ANN = chain.Actor(id="7", name="ann", ip="192.0.2.1")

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.decimals()
    | st.uuids()
    | st.binary(max_size=20)
    | st.sampled_from(Action),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.frozensets(st.text(), max_size=3)
    ),
    max_leaves=20,
)


def entry(**given):
    return chain.Entry(**{"action": Action.SESSION_OPENED, "actor": ANN, **given})


@given(st.dictionaries(st.text(st.characters()), anything, max_size=5))
def test_whatever_the_data_a_row_has_a_hash_that_survives_json(data):
    row = chain.row_of(entry(data=data), seq=1, at=NOW, prev=chain.GENESIS)
    back = json.loads(json.dumps(row))
    assert back == row
    assert chain.digest(back) == row["hash"]
    assert "\x00" not in json.dumps(row, ensure_ascii=False)
    json.dumps(row, ensure_ascii=False).encode()  # no lone surrogates: PostgreSQL takes it


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_becomes_one_line_of_bounded_text(name, reason):
    made = entry(actor=chain.Actor(name=name), reason=reason, tenant=name)
    assert len(made.actor.name) <= chain.MAX_TEXT
    assert made.actor.name.isprintable() or "\ufffd" in made.actor.name or not made.actor.name
    assert not set("\n\r\x00") & set(made.tenant)
    assert len(made.reason) <= chain.MAX_REASON


def test_the_hash_covers_every_part_of_the_row():
    row = chain.row_of(entry(data={"x": 1}), seq=1, at=NOW, prev=chain.GENESIS)
    hashes = {chain.digest(row)}
    for name in row:
        if name != "hash":
            hashes.add(chain.digest({**row, name: "changed"}))
    for part in ("kind", "id", "name", "ip"):
        hashes.add(chain.digest({**row, "actor": {**row["actor"], part: "changed"}}))
    assert len(hashes) == len(row) + 4


def test_the_form_of_a_row_never_changes():
    """Rows written by any version must verify for ever: this hash is a contract."""
    row = chain.row_of(
        entry(tenant="acme", extension="invoice-sync", data={"b": 1.5, "a": ["ä", None]}),
        seq=2,
        at=NOW,
        prev="a" * 64,
    )
    assert row["at"] == "2026-01-31T09:30:00.000000Z"
    said = (
        '{"action":"session.opened","actor":{"id":"7","ip":"192.0.2.1","kind":"user","name":"ann"},'
        '"at":"2026-01-31T09:30:00.000000Z","data":{"a":["ä",null],"b":1.5},'
        '"extension":"invoice-sync","once":"","prev":"' + "a" * 64 + '","reason":"","seq":2,'
        '"subject":{"id":"","type":""},"tenant":"acme","v":1}'
    )
    assert row["hash"] == hashlib.sha256(said.encode()).hexdigest()


def test_an_unknown_action_is_refused():
    with pytest.raises(chain.UnknownAction, match=r"session\.exploded"):
        entry(action="session.exploded")


def test_an_unknown_kind_of_actor_is_refused():
    with pytest.raises(ValueError, match="robot"):
        entry(actor=chain.Actor(kind="robot"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**60, str(2**60)),
        (float("nan"), "nan"),
        (2.0, 2),
        (ActorKind.TOKEN, "token"),
        (NOW, "2026-01-31T09:30:00.000000Z"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ({"b", "a"}, ["a", "b"]),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_data_becomes_plain_json_that_both_databases_keep(value, kept):
    assert entry(data={"x": value}).data == {"x": kept}


def test_of_data_beyond_the_limit_the_largest_values_give_way():
    long = "x" * chain.MAX_DATA_BYTES
    made = entry(data={"filter": long, "shown": 3, "more": long, "lost": {"reset": 1}})
    assert (made.data["shown"], made.data["lost"]) == (3, {"reset": 1})
    assert made.data["filter"] == {
        "omitted": "more than the trail keeps", "bytes": chain.MAX_DATA_BYTES + 2,
    }  # fmt: skip
    assert len(chain.canonical(made.data)) <= chain.MAX_DATA_BYTES


def test_data_of_nothing_but_keys_becomes_a_note():
    made = entry(data={f"{n:0100}": n for n in range(1_000)})
    assert made.data["bytes"] > chain.MAX_DATA_BYTES
    assert len(made.data["keys"]) == 32


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace(b'"name":"ann"', rb'"name":"\u0061nn"'),
        lambda line: line.replace(b",", b", "),
        lambda line: b" " + line,
        lambda line: line + b"\n",
        lambda line: line.removesuffix(b"\n") + b"\r\n",
    ],
)
def test_a_line_is_read_in_the_one_form_that_an_export_has(forge):
    row = chain.row_of(entry(actor=chain.Actor(name="ann")), seq=1, at=NOW, prev=chain.GENESIS)
    line = chain.canonical(row) + b"\n"
    assert chain.read(line) == chain.read(line.removesuffix(b"\n")) == row
    with pytest.raises(chain.AuditError):
        chain.read(forge(line))


def test_what_has_no_canonical_form_is_an_audit_error():
    with pytest.raises(chain.AuditError, match="canonical"):
        chain.canonical({"x": float("inf")})
