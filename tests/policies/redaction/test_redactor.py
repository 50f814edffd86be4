import json
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policies.redaction.redactor import BUILTIN_RULES, Mask, Redactor, Rule, RuleError, preview
from policies.redaction.rules import MAX_RULES

KEYED = Redactor(key=b"a key of the tests")
MASK = KEYED.mask("acme:invoice-sync", "2026-01-31")
GITHUB = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"

UNTOUCHED = [
    "",
    "plain text, nothing to see",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 4bf92f3577b34da6a3ce929d0e0e47364bf92f35 by the bot",
    'etag "33a64df551425fcc55e4d42a148795d9f25f89d4" md5=d41d8cd98f00b204e9800998ecf8427e',
    "request 7c9e6679-7425-40de-944b-e07fc1f90ae7 and 41111111-1111-1111-1111-111111111111",
    "traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "ulid 01ARZ3NDEKTSV4RRFFQ69G5FAV nanoid V1StGXR8_Z5jdHi6B-myT",
    'Traceback (most recent call last):\n  File "/srv/app/main.py", line 10, in <module>\n'
    "    raise ValueError('bad token at position 12')\nValueError: bad token at position 12",
    "java.lang.IllegalStateException: x\n\tat com.acme.Sync$Inner.run(Sync.java:42)\n"
    "\t... 12 more, com.acme.Order@1b2c3d4e",
    "thread 'main' panicked at src/lib.rs:10:5: index out of bounds: the len is 3",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38G"
    "IAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
    "lodash@4.17.21 @types/node@20.1.0 react@18.2.0 python 3.11.7 v1.2.3-rc.1+build.5",
    "git clone git@github.com:acme/sync.git and ssh://git@gitlab.example.com/acme/sync.git",
    "GET https://api.example.com:8443/v1/items?page=2&sort=-created HTTP/1.1 200",
    "http://localhost:3000/@vite/client loaded, file:///srv/app/@scope/x",
    "2026-01-31T09:30:00.123Z took=18.4ms rows=17 ns=1769851800123456789 ms=1769851800123",
    "ip 192.0.2.17:443 mac 00:1b:44:11:3a:b7 v6 2001:db8::1",
    "Bearer authentication required",
    'WWW-Authenticate: Bearer realm="acme", error="invalid_token"',
    "Authorization header missing; authorization: required",
    "Basic information about the account, basic auth failed",
    "password reset requested for user 42; invalid password",
    'password: required, password=null, "password": true',
    "token expired; token: expired; tokens: 512, max_tokens=4096, token_count: 12345678",
    "the secret ingredient, secret santa, SECRET=true",
    "credentials: 'include' and cookies are enabled; cookie banner shown",
    "PWD=/srv/app OLDPWD=/home/ann",
    "order 4111111111111112, invoice 4242-4242-4242-4241, float 0.4111111111111111",
    "isbn 978-3-16-148410-0",
    "progress 50%25 done, 100%, %d items, %s",
    "api_key is not configured, access key rotation scheduled",
    "sk-folding-cube sk-circle-fade-dot-animation",
    "snowflake 1234567890123456789 epoch 1700000000000000",
    "[redacted:github-token#0123abcd] and [redacted:email] seen before",
    "日本語のログ 🙂 naïve café",
    "\ud800 lone surrogate",
    "a\x00b\x1b[31mred\x1b[0m",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_a_secret_is_left_alone(text):
    masked, names = KEYED.text(text, MASK)
    assert (masked, names) == (text, ())
    assert masked is text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"token {GITHUB}.", "token [redacted:github-token#T]."),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer [redacted:jwt#T]"),
        (
            "curl -H 'Authorization: Token 0123456789abcdef01'",
            "curl -H 'Authorization: Token [redacted:authorization#T]'",
        ),
        ("authorization: bearer abcdefghijklmnop0123", "authorization: bearer [redacted:bearer#T]"),
        (
            '{"Authorization":"Bearer abcdefghijklmnop0123","n":1}',
            '{"Authorization":"Bearer [redacted:bearer#T]","n":1}',
        ),
        ("Authorization: Basic dXNlcjpodW50ZXIy", "Authorization: Basic [redacted:basic-auth]"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature=abc",
            "Authorization: AWS4-HMAC-SHA256 [redacted:authorization#T]",
        ),
        ("Cookie: a=1; sessionid=38afes7a8", "Cookie: [redacted:cookie#T]"),
        ('{"password":"hunter2","user":"ann"}', '{"password":"[redacted:password]","user":"ann"}'),
        (
            r'{"body":"{\"password\":\"hunter2\",\"n\":1}"}',
            r'{"body":"{\"password\":\"[redacted:password]\",\"n\":1}"}',
        ),
        (r'"password": "a\"b c" next', '"password": "[redacted:password]" next'),
        ("password: 'correct horse battery'", "password: '[redacted:password]'"),
        ("password=[abc] done", "password=[redacted:password] done"),
        ("login(user=ann, password=hunter2)", "login(user=ann, password=[redacted:password]"),
        (
            "DB_PASS=hunter2 MYSQL_PWD=x1",
            "DB_PASS=[redacted:password] MYSQL_PWD=[redacted:password]",
        ),
        ("password=/not/a/path", "password=[redacted:password]"),
        ("client_secret => swordfish", "client_secret => [redacted:secret]"),
        ("?api_key=abcd1234efgh5678&x=1", "?api_key=[redacted:token#T]&x=1"),
        ("redis://:hunter2@cache:6379/0", "redis://:[redacted:url-password]@cache:6379/0"),
        ("https://ann:p%40ss@host/x", "https://ann:[redacted:url-password]@host/x"),
        ("mail ann@example.com, bob@example.co.uk", "mail [redacted:email], [redacted:email]"),
        ("card 4111-1111-1111-1111 or 378282246310005", "card [redacted:card] or [redacted:card]"),
        ("3782 822463 10005 and 5555555555554444.", "[redacted:card] and [redacted:card]."),
        (f"{AWS} {AWS}", "[redacted:aws-access-key#T] [redacted:aws-access-key#T]"),
        (f"KEY_{AWS}", "KEY_[redacted:aws-access-key#T]"),
        # behind URL encoding, once and twice
        ("q=password%3Dhunter2%26x%3D1", "q=password%3D[redacted:password]%26x%3D1"),
        (
            "u=https%3A%2F%2Fann%3Ahunter2%40host",
            "u=https%3A%2F%2Fann%3A[redacted:url-password]%40host",
        ),
        ("mail=ann%40example.com&n=1", "mail=[redacted:email]&n=1"),
        ("q=password%253Dhunter2", "q=password%253D[redacted:password]"),
        (
            f"next=%2Fcb%3Ftoken%3D{GITHUB}%26a%3Db",
            "next=%2Fcb%3Ftoken%3D[redacted:github-token#T]%26a%3Db",
        ),
        # one rule inside what another masks
        (f"password={GITHUB}-and-more", "password=[redacted:password]"),
    ],
)  # fmt: skip
def test_secrets_are_masked_and_what_surrounds_them_is_not(text, masked):
    said, names = KEYED.text(text, MASK)
    assert re.sub("#[0-9a-f]{8}", "#T", said) == masked
    assert names
    assert KEYED.text(said, MASK) == (said, ())


def test_a_private_key_is_masked_as_a_whole():
    body = "\n".join(["MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn"] * 20)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    said, names = KEYED.text(f"loaded\n{key}\ndone {key.replace(chr(10), chr(92) + 'n')}", MASK)
    assert names == ("private-key",)
    assert "MIIE" not in said
    assert said.startswith("loaded\n[redacted:private-key#")
    cut, _ = KEYED.text(f"loaded {key[:300]}", MASK)  # truncated by somebody else
    assert "MIIE" not in cut


def test_equal_secrets_read_alike_within_a_stream_and_a_day_and_nowhere_else():
    def shown(redactor, stream="acme:x", day="2026-01-31", text=f"a {GITHUB} b"):
        return redactor.text(text, redactor.mask(stream, day))[0]

    here = shown(KEYED)
    assert here == shown(Redactor(key=b"a key of the tests")) == shown(KEYED, text=f"a {GITHUB} b")
    others = {
        shown(KEYED, stream="globex:x"),
        shown(KEYED, day="2026-02-01"),
        shown(Redactor(key=b"another key")),
        shown(KEYED, text=f"a {GITHUB[:-1]}9 b"),
    }
    assert len(others) == 4
    assert here not in others
    assert KEYED.mask("acme:x", "2026-01-31") is KEYED.mask("acme:x", "2026-01-31")


def test_a_context_does_not_change_the_token_of_the_secret():
    bare, _ = KEYED.text(f"bare {GITHUB}", MASK)
    header, _ = KEYED.text(f"Authorization: Bearer {GITHUB}", MASK)
    assert bare.split("#")[1] == header.split("#")[1]


def test_without_a_key_no_mask_has_a_token():
    plain = Redactor()
    for rule in BUILTIN_RULES:
        assert "#" not in plain.text(rule.example, plain.mask("a:b", "2026-01-31"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "4111111111111111",
        "password=correct-horse-battery-staple",
        "secret=correct-horse-battery-staple",
        "https://ann:correct-horse-battery@host",
        "Basic dXNlcjpjb3JyZWN0LWhvcnNl",
        "token=abc123def",  # short
    ],
)
def test_what_could_be_guessed_and_compared_has_no_token(text):
    said, names = KEYED.text(text, MASK)
    assert names
    assert "#" not in said


FIELDS = [
    ({"password": "x"}, {"password": "[redacted:sensitive-field]"}, ("sensitive-field",)),
    ({"dbPassword": 1234}, {"dbPassword": "[redacted:sensitive-field]"}, ("sensitive-field",)),
    ({"X-Api-Key": "a b"}, {"X-Api-Key": "[redacted:sensitive-field]"}, ("sensitive-field",)),
    ({"token": 5, "csrf": True, "session": None}, None, ()),
    ({"tokens": "many", "secretary": "ann", "author": "bob", "passport": "no"}, None, ()),
    (
        {"auth": {"user": "ann", "list": ["x", 7, None, True]}},
        {"auth": {"user": "[redacted:sensitive-field]",
                  "list": ["[redacted:sensitive-field]"] * 2 + [None, True]}},
        ("sensitive-field",),
    ),
    ({"n": [{"to": "ann@example.com"}]}, {"n": [{"to": "[redacted:email]"}]}, ("email",)),
    ({"ann@example.com": 1}, {"[redacted:email]": 1}, ("email",)),
    (
        {"ann@example.com": 1, "bob@example.com": 2},
        {"[redacted:email]": 1, "[redacted:email]'": 2},
        ("email",),
    ),
    ({"paid": 4111111111111111}, {"paid": "[redacted:card]"}, ("card",)),
    ({"ns": 1769851800123456789, "big": 10**400, "x": 1.5e300, "nan": float("nan")}, None, ()),
    ({"q": "password%3Dhunter2"}, {"q": "password%3D[redacted:password]"}, ("password",)),
    ({"a": "password=", "b": "hunter2"}, None, ()),  # values do not run together
    ({"password": ""}, None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "masked", "names"), FIELDS)
def test_fields_are_masked_by_name_and_by_content(fields, masked, names):
    said, hit = KEYED.fields(fields, MASK)
    assert hit == names
    if masked is None:
        assert said is fields
    else:
        assert said == masked
        assert KEYED.fields(said, MASK) == (said, ())


def test_a_machines_credential_under_a_sensitive_name_carries_a_token():
    said, _ = KEYED.fields({"apiKey": "abcdefghijklmnopqrst"}, MASK)
    assert re.fullmatch(r"\[redacted:sensitive-field#[0-9a-f]{8}\]", said["apiKey"])


def test_fields_without_end_are_masked_at_a_depth_and_not_followed():
    deep: dict = {"password": "x"}
    for _ in range(100):
        deep = {"in": deep}
    said, names = KEYED.fields(deep, MASK)
    assert names == ("sensitive-field",)
    assert "x" not in json.dumps(said).replace("sensitive-field", "")
    cycle: dict = {"a": 1}
    cycle["self"] = cycle
    assert KEYED.fields(cycle, MASK)[1] == ("sensitive-field",)


def test_several_parts_of_an_event_are_scanned_at_once():
    texts = ("all is well", None, "req-1", "v1")
    assert KEYED.parts(texts, MASK) == (texts, ())
    assert KEYED.parts(texts, MASK)[0] is texts
    said, names = KEYED.parts(("all is well", None, "ann@example.com", GITHUB), MASK)
    assert said[:3] == ["all is well", None, "[redacted:email]"]
    assert names == ("email", "github-token")


secrets = st.sampled_from(
    [rule.example for rule in BUILTIN_RULES]
    + ["password=", "[redacted:", "]", "%3D", "%", "\\", '"']
)
texts = st.text(st.characters(), max_size=40)
lines = st.lists(secrets | texts | st.sampled_from(UNTOUCHED), max_size=6).map("".join)


@settings(max_examples=400, deadline=None)
@given(lines)
@example("password=[redacted:x]realsecret1")
@example(f"password={GITHUB}{GITHUB}")
@example("[redacted:" * 40)
@example("password=" * 50)
@example("%2570assword%253Dabc%2526token%253Dabc123456")
def test_redacting_twice_is_redacting_once(text):
    said, names = KEYED.text(text, MASK)
    assert KEYED.text(said, MASK) == (said, ())
    assert bool(names) == (said != text)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | lines,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["password", "a", "token", "card"]) | lines, inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(texts, json_like, max_size=4))
def test_fields_of_any_kind_are_redacted_once_and_never_raise(fields):
    said, names = KEYED.fields(fields, MASK)
    again, more = KEYED.fields(said, MASK)
    assert (again is said, more) == (True, ())
    if not names:
        assert said is fields


@settings(max_examples=200, deadline=None)
@given(prefix=texts, suffix=texts, rule=st.sampled_from(BUILTIN_RULES))
@example(prefix="\x1b", suffix="", rule=next(r for r in BUILTIN_RULES if r.name == "private-key"))
def test_a_secret_is_found_wherever_it_stands_between_spaces(prefix, suffix, rule):
    said, names = KEYED.text(f"{prefix} {rule.example} {suffix}", MASK)
    assert names
    assert rule.example not in said


@pytest.mark.parametrize(
    "before", ["\x1b", "\x1b ", "\x1b(", "\x1b[", "\x1b[1 ", "\x9b", "\x1b]0;"]
)
def test_a_sequence_whose_last_byte_is_a_secrets_first_hides_it_from_nobody(before):
    """A terminal takes that byte for the sequence's end, a page may show it."""
    hidden = {}
    for rule in BUILTIN_RULES:
        said, names = KEYED.text(f"{before}{rule.example} done", MASK)
        if not names or rule.example in said or KEYED.text(said, MASK) != (said, ()):
            hidden[rule.name] = said
    assert hidden == {}


@pytest.mark.parametrize(
    "unit",
    ["a", "password=", "ann@", "1234 ", "eyJ", "%25", "[redacted:", "-----BEGIN ", "://", "Aa0_-",
     "password=x ", "ann@example.com ", "-----BEGIN PRIVATE KEY-----", "é", "glpat-", "\\\""],
)  # fmt: skip
def test_time_grows_linearly_whatever_the_text(unit):
    """Eight times the text may take eight times as long, with a margin for a busy machine."""

    def cost(length):
        text = (unit * (length // len(unit) + 1))[:length]
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            KEYED.text(text, MASK)
            best = min(best, time.process_time() - began)
        return best

    cost(4_000)  # the automaton builds its states once
    assert cost(64_000) < 8 * cost(8_000) * 3 + 0.002


def test_a_scan_that_gives_up_makes_every_rule_look_for_itself(monkeypatch):
    redactor = Redactor(key=b"k")
    monkeypatch.setattr(redactor, "_match", lambda raw: None)
    assert redactor.text(f"a {GITHUB}", MASK)[1] == ("github-token",)
    assert redactor.text("nothing here", MASK) == ("nothing here", ())
    assert redactor.fields({"a": "ann@example.com"}, MASK)[1] == ("email",)


def test_the_fingerprint_changes_with_the_rules_and_only_with_them():
    extra = Rule.from_row("badge", r"\bB-(\d{4})\b")
    prints = {
        KEYED.fingerprint,
        Redactor((*BUILTIN_RULES, extra)).fingerprint,
        Redactor(BUILTIN_RULES[1:]).fingerprint,
    }
    assert len(prints) == 3
    assert Redactor(key=b"another").fingerprint == KEYED.fingerprint


def test_an_admins_rule_works_beside_the_built_in_ones():
    badge = Rule.from_row("badge", r"\bB-(\d{4})\b", token=False)
    anchored = Rule.from_row("first-word", "^(hush) ")
    redactor = Redactor((*BUILTIN_RULES, badge, anchored), key=b"k")
    mask = redactor.mask("a:b", "2026-01-31")
    assert redactor.text("hush B-1234 ann@example.com", mask) == (
        "[redacted:first-word] B-[redacted:badge] [redacted:email]",
        ("badge", "first-word", "email"),
    ) or redactor.text("hush B-1234 ann@example.com", mask)[1] == ("email", "badge", "first-word")
    assert redactor.fields({"a": "x", "b": "hush now"}, mask)[1] == ("first-word",)


def test_keywords_narrow_a_rule():
    rule = Rule.from_row("badge", r"\d{4}", keywords=["Badge"])
    redactor = Redactor((rule,))
    mask = redactor.mask("a:b", "2026-01-31")
    assert redactor.text("BADGE 1234", mask)[0] == "BADGE [redacted:badge]"
    assert redactor.text("order 1234", mask) == ("order 1234", ())


def test_too_many_rules_are_refused():
    with pytest.raises(RuleError, match="at most"):
        Redactor([Rule.from_row("x", f"word{n}") for n in range(MAX_RULES + 1)])


def test_a_preview_shows_what_watchers_would_see():
    badge = Rule.from_row("badge", r"\bB-(\d{4})\b")
    seen = preview("door B-1234 opened", [*BUILTIN_RULES, badge])
    assert (seen.before, seen.after) == ("door B-1234 opened", "door B-[redacted:badge] opened")
    assert seen.names == ("badge",)


def test_a_mask_without_key_is_plain():
    assert Mask(None).of("x", b"0123456789abcdef", token=True) == b"[redacted:x]"
