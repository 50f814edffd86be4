"""Natural spellings of comparisons find what was meant, or are refused with what was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extdebug.filters.batch import Batch
from extdebug.filters.filter import Filter, compile_filter
from extdebug.filters.query import Compare, FilterError, Text
from extdebug.filters.spellings import known_name
from extdebug.wire.events import Event, Level, Output
from tests.extdebug.filters.trees import parse_query

FAILED = Event(
    ts="2026-01-31T09:30:00.120Z", level=Level.ERROR, stream=Output.LOG, message="could not post",
    tenant_id="acme", extension_id="invoice-sync", install_id="inst-acme", request_id="req-7f3a",
    version_id="1.4.2",
    fields={"ms": 812, "status": 502, "retry-after": 3, "customer": {"tier": "gold", "id": 7,
            "name": 'Ann "Al" Lee'}},
)  # fmt: skip


def finds(q: str, event: Event = FAILED) -> bool:
    return bool(compile_filter(Filter.parse({"q": q})).select(Batch([event])))


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        ("ms>=500", "ms>=813"),
        ("ms>811", "ms>812"),
        ("ms<1e3", "ms<812"),
        ("ms<=812", "ms<=811.5"),
        ("-ms<500", "-ms>500"),
        ("retry-after>=3", "retry-after>=4"),
        ("customer.id>=7", "customer.id>7"),
        ("fields.status>=500", "fields.status>=503"),
        ("fields.status:502", "fields.status:50"),
        ("field.status=502", "field.status=500"),
        ("fields.customer.tier=gold", "fields.customer.tier=silver"),
        ("status:502", "status:500"),
        ("customer.tier:gold", "customer.tier:silver"),
        ('customer.tier:"gold"', 'customer.tier:"gol"'),
        ('customer.name:"Ann \\"Al\\" Lee"', 'customer.name:"Ann Lee"'),
        ('customer.name="Ann \\"Al\\" Lee" ms:812', 'customer.name="Lee"'),
        ("status==502", "status==500"),
        ("status=502", "status=500"),
        ("req:req-7f3a", "req:req-7"),
        ("req:req-7*", "req:req-8*"),
        ("requestId:req-7f3a", "requestId:req-7"),
        ("request_id=req-7f3a", "request_id=req-8"),
        ("installId:inst-acme", "installId:inst-globex"),
        ("tenant=acme", "tenant=globex"),
        ("versionId:1.4.2", "versionId:1.4"),
        ("level=error", "level=warn"),
        ("lvl:error", "lvl:warn"),
        ("stream=log", "stream=stdout"),
        ("ms:>500", "ms:>812"),
        ("ms:>=812", "ms:<812"),
        ("fields.ms:<=812", "fields.ms:<812"),
        ("level:>=warn", "level:<error"),
        ("Level:Error", "Level:Warn"),
        ("LEVEL=ERROR", "LEVEL=INFO"),
        ("Level>=warn", "Level<error"),
        ("severity:error", "severity:warn"),
        ("level:fatal", "level:warning"),
        ("Stream:log", "Stream:stdout"),
        ("RequestId:req-7f3a", "RequestId:req-7"),
        ("Request=req-7*", "Request=req-8*"),
        ("msg:post", "msg:gold"),
        ("inst:inst-acme", "inst:inst"),
    ],
)
def test_a_natural_spelling_finds_what_was_meant(found: str, missed: str):
    assert finds(found)
    assert not finds(missed)


@pytest.mark.parametrize(
    "pasted",
    ["foo:bar", "a:b:c", "Level:warn", "level=error", "request=abc", "status==500", "user:bob",
     'user:"bob"', 'msg="connection reset"', 'x="y"', 'a:"b \\"c"', 'x:""', 'a>"b c"',
     "key=value", "List<String>", "a->b", "std::fmt", "http://x.y/z?a=b", "a || b"[2:4], "x > y",
     "a -> 5", "a => 5", "n = 5", "***", "* x", "a*b", "! x", "a!b", "a & b", "<br>", "a:<b>"],
)  # fmt: skip
def test_what_was_pasted_from_a_line_still_finds_it(pasted: str):
    line = Event(ts=FAILED.ts, level=Level.INFO, stream=Output.STDOUT, message=f"[x] {pasted} (y)")
    assert finds(pasted, line)


@pytest.mark.parametrize(
    ("q", "says"),
    [
        ("ms > 500", "try ms>500 "),
        ("ms> 500", "try ms>500 "),
        ("x (ms >=500)", "try ms>=500 "),
        ("status != 404", "try -field.status:404 "),
        ("level >= warn", "try level>=warn "),
        ("status<>404", "try -field.status:404 "),
        ("post || get", "there is no \\|\\|, try OR "),
        ("post && get", "there is no &&, try AND "),
        ("!post", "there is no !, try -post "),
        ('post !"a b"', "there is no !, try - "),
        ("post*", "try post without"),
        ("x *post*", "try post without"),
    ],
)
def test_the_syntax_of_other_query_languages_is_refused_with_ours(q: str, says: str):
    with pytest.raises(FilterError, match=says):
        parse_query(q)
    finds(f'"{q.replace(chr(34), "")}"')  # in quotes it is text


@pytest.mark.parametrize("name", ["severity", "Level", "msg", "Request"])
def test_a_field_that_is_named_like_an_attribute_is_found_by_its_name(name: str):
    line = msgspec.structs.replace(FAILED, message="x", request_id=None, fields={name: "debug"})
    assert finds(f"{name}:debug", line)
    assert finds(f"{name}=debug", line)
    assert not finds(f"{name}:other", line)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from("<>"))
def test_a_number_behind_a_bare_name_is_compared(number: float, op: str):
    assert parse_query(f"ms{op}{number}") == Compare("field.ms", op, number)


@given(st.from_regex(r"[a-z]{1,8}=[a-z0-9]{1,8}", fullmatch=True))
def test_a_pair_of_an_unknown_name_is_text_which_finds_fields_too(pair: str):
    assume(known_name(pair.split("=", maxsplit=1)[0]) is None)
    assert isinstance(parse_query(pair), Text)
