"""The query language's syntax: what is syntax, what is text, and where an error points."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extdebug.filters.parser import parse_terms
from extdebug.filters.query import (
    MAX_DEPTH,
    MAX_REGEX,
    MAX_REGEXES,
    MAX_TERMS,
    And,
    Compare,
    FilterError,
    LevelIn,
    Node,
    Not,
    Or,
    Problem,
    Regex,
    Shape,
    StreamIn,
    Text,
    Value,
    ValueRegex,
    Where,
)
from extdebug.wire.events import Level, Output
from tests.extdebug.filters.trees import parse_query


def text(needle: str, *, fold: bool = True) -> Text:
    return Text(needle, fold)


a, b, c = text("a"), text("b"), text("c")


@pytest.mark.parametrize(
    ("q", "tree"),
    [
        ("", None),
        (" \t\n ", None),
        ("a", a),
        ("a b", And((a, b))),
        ("a AND b", And((a, b))),
        ("a OR b", Or((a, b))),
        ("a b OR c", Or((And((a, b)), c))),
        ("a (b OR c)", And((a, Or((b, c))))),
        ("( a )", a),
        ("-a", Not(a)),
        ("NOT a", Not(a)),
        ("-(a OR b)", Not(Or((a, b)))),
        ("NOT NOT a", Not(Not(a))),
        ('"a b"', text("a b")),
        ('-"a b"', Not(text("a b"))),
        (r'"say \"hi\" \\ "', text(r'say "hi" \ ')),
        ('"OR"', text("OR", fold=False)),
        ("Error", text("Error", fold=False)),
        ("/a b/", Regex("a b", fold=True)),
        ("/A/", Regex("A", fold=False)),
        ("/A/i", Regex("A", fold=True)),
        (r"/\D\pL\p{Lu}x/", Regex(r"\D\pL\p{Lu}x", fold=True)),
        (r"/(?P<Name>x)/", Regex("(?P<Name>x)", fold=True)),
        (r"/a\/b/", Regex("a/b", fold=True)),
        ("(/a/ OR b)", Or((Regex("a", fold=True), b))),
        ("level:warn", LevelIn(frozenset((Level.WARN,)))),
        ("level>=warn", LevelIn(frozenset((Level.WARN, Level.ERROR)))),
        ("level>WARN", LevelIn(frozenset((Level.ERROR,)))),
        ("level<=debug", LevelIn(frozenset((Level.TRACE, Level.DEBUG)))),
        ("level<trace", LevelIn(frozenset())),
        ("stream:stderr", StreamIn(frozenset((Output.STDERR,)))),
        ("message:a", Text("a", fold=True, where=Where.MESSAGE)),
        ("message:/a/", Regex("a", fold=True, where=Where.MESSAGE)),
        ('message:"a b"', Text("a b", fold=True, where=Where.MESSAGE)),
        ("request:ab", Value("request", Shape.EXACT, "ab", fold=True)),
        ("request:ab*", Value("request", Shape.PREFIX, "ab", fold=True)),
        ("request:*ab", Value("request", Shape.SUFFIX, "ab", fold=True)),
        ("request:*Ab*", Value("request", Shape.INSIDE, "ab", fold=True)),
        ("version:*Ab*", Value("version", Shape.INSIDE, "Ab", fold=False)),
        ("request:*", Value("request", Shape.PRESENT, "", fold=True)),
        ('request:"a*"', Value("request", Shape.EXACT, "a*", fold=True)),
        ("request:/a/", ValueRegex("request", "a", fold=True)),
        ("field.ms:100", Value("field.ms", Shape.EXACT, "100", fold=True, number=100.0)),
        ('field.ms:"100"', Value("field.ms", Shape.EXACT, "100", fold=True)),
        ("field.a.b:x", Value("field.a.b", Shape.EXACT, "x", fold=True)),
        ("field.ms>=1.5e2", Compare("field.ms", ">=", 150.0)),
        ("field.ms<-2", Compare("field.ms", "<", -2.0)),
        ("-field.ms>2", Not(Compare("field.ms", ">", 2.0))),
        ("(level:warn)", LevelIn(frozenset((Level.WARN,)))),
    ],
)
def test_syntax(q: str, tree: Node | None):
    assert parse_query(q) == tree


@pytest.mark.parametrize(
    ("q", "terms"),
    [
        ("", []),
        (" a  -b ", ["a", "-b"]),
        ("a AND NOT (b OR c) AND d", ["a", "NOT (b OR c)", "d"]),
        (" a b OR c ", ["a b OR c"]),
        ("(a b)", ["(a b)"]),
        ('message:"x y" /a b/i f(x)', ['message:"x y"', "/a b/i", "f(x)"]),
        ("--flag - x", ["--flag", "-", "x"]),
        ("a -> b", ["a", "->", "b"]),
    ],
)
def test_the_conditions_of_a_query_and_where_they_stand(q: str, terms: list[str]):
    assert [q[term.start : term.end] for term in parse_terms(q)] == terms


@pytest.mark.parametrize(
    "pasted",
    ["http://x.y/z?a=b", "12:30:01", "key=value", "a->b", "handler()", "f(g(x))", "/api/v1/users",
     "//comment", "/unfinished", "-", "--flag", "a-b", "TypeError:", "a/b/",
     "c:\\temp", "::1", "a<b", "List<String>", "{a:1}", "[INFO]", "*", "😀", "std::fmt", "x>",
     "->", "->x", "level", "field", "field.", "field:", "levels", "ORDER", "/a/b", "/a/ib", "-)(",
     "level="],
)  # fmt: skip
def test_what_people_paste_from_a_line_is_text(pasted: str):
    if pasted == "-)(":  # the one thing here that cannot be: parentheses stay parentheses
        with pytest.raises(FilterError):
            parse_query(pasted)
        return
    assert parse_query(pasted) == Text(pasted, pasted == pasted.lower())


@pytest.mark.parametrize(
    ("q", "code", "position", "says"),
    [
        ("a OR", "bad_query", 2, "OR needs something after it"),
        ("OR a", "bad_query", 0, "OR needs something before it"),
        ("(OR a)", "bad_query", 1, "before it"),
        ("(a OR)", "bad_query", 3, "after it"),
        ("a OR OR b", "bad_query", 5, "before it"),
        ("AND a", "bad_query", 0, "AND needs"),
        ("a AND", "bad_query", 2, "AND needs"),
        ("NOT", "bad_query", 0, "NOT needs"),
        ("x (NOT )", "bad_query", 3, "NOT needs"),
        ("(a", "bad_query", 0, "never closed"),
        ("x ()", "bad_query", 3, "expected something"),
        ("a )", "bad_query", 2, "closes nothing"),
        ('x "a', "bad_query", 2, "never closed"),
        ('""', "bad_query", 0, "nothing between"),
        ("level:", "bad_query", 0, "needs a value"),
        ("level: warn", "bad_query", 0, "needs a value"),
        ("x level:loud", "bad_query", 8, "trace, debug, info, warn, error"),
        ("stream:stdin", "bad_query", 7, "stdout, stderr, log"),
        ("stream>=log", "bad_query", 0, "no order"),
        ("request<3", "bad_query", 0, "no order"),
        ("field.ms>=fast", "bad_query", 10, "expected a number"),
        ("field.ms>0x10", "bad_query", 9, "expected a number"),
        ("field.ms>nan", "bad_query", 9, "expected a number"),
        ("lvel:warn", "bad_query", 0, "try level:"),
        ("x requets:1", "bad_query", 2, "try request:"),
        ("fields:1", "bad_query", 0, "try field.NAME:"),
        ("x level=loud", "bad_query", 8, "trace, debug, info, warn, error"),
        ("status!=500", "bad_query", 0, "try -field.status:500"),
        ("level!=warn", "bad_query", 0, "try -level:warn"),
        ("x ms>=500ms", "bad_query", 2, "compares with a number"),
        ("ms>1s", "bad_query", 0, "compares with a number"),
        ("time>10:00", "bad_query", 0, "where to start reading"),
        ("ts<=2026-01-31T09:30:00Z", "bad_query", 0, "where to start reading"),
        ("\ud800", "bad_query", 0, "lone surrogate"),
        ("a " * (MAX_TERMS + 1), "too_complex", 2 * MAX_TERMS, "terms"),
        ("(" * 500, "too_complex", MAX_DEPTH, "deep"),
        ("-(" * 200 + "a" + ")" * 200, "too_complex", MAX_DEPTH, "deep"),
        ("NOT " * 100 + "a", "too_complex", 4 * MAX_DEPTH, "deep"),
        ("/a/ " * (MAX_REGEXES + 1), "too_complex", 4 * MAX_REGEXES, "regexes"),
        ("/" + "a" * (MAX_REGEX + 1) + "/", "too_complex", 0, "characters"),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong_and_where(q: str, code: str, position: int, says: str):
    with pytest.raises(FilterError, match=says) as caught:
        parse_query(q)

    assert (caught.value.code, caught.value.position) == (Problem(code), position)


def test_a_regex_knows_where_its_term_stands():
    q = "a /b/ message:/c/ request:/d/"
    tree = parse_query(q)

    assert isinstance(tree, And)
    places = [item.at for item in tree.items if isinstance(item, Regex | ValueRegex)]
    assert places == [2, 6, 18]


fragments = st.sampled_from(
    ["a", "B", "OR", "AND", "NOT", "(", ")", "-", '"', "/", " ", "\\", "level:", "level>=", "warn",
     "field.x", ":", ">=", "1", "*", "request:", "message:", "\x00", "😀", "\n", "i", "stream:"]
)  # fmt: skip


@given(st.lists(fragments, max_size=40).map("".join) | st.text(max_size=60))
@example("((((((((((((((((a))))))))))))))))")
def test_any_text_is_a_query_or_an_error_inside_it(q: str):
    refused: FilterError | None = None
    tree: Node | None = None
    try:
        tree = parse_query(q)
    except FilterError as error:
        refused = error
    if refused is not None:
        assert refused.position is not None
        assert 0 <= refused.position <= len(q)
        assert refused.message
        return
    assert (tree is None) == (not q.strip())
    if tree is not None:
        assert hash(tree) == hash(parse_query(q))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=50))
def test_anything_can_be_searched_for_when_quoted(needle: str):
    quoted = needle.replace("\\", "\\\\").replace('"', '\\"')

    assert parse_query(f'"{quoted}"') == Text(needle, needle == needle.lower())
