"""Every query that the documents, the help and the box itself show is typed, and finds its line."""

from __future__ import annotations

import html
import re
from typing import Any, Final

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import ROOT, Fake
from tests.e2e.real_filter import RealFilter

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

Json = dict[str, Any]


def said(message: str, **parts: Any) -> Json:
    return {"message": message, **parts}


SAMPLE: Final = said(
    "GET http://erp.local/v1/orders?page=2 timed out (3 tries)",
    level="warn", requestId="req-7f3a",
    fields={"ms": 3021, "retry": True, "user": {"name": "Bob"}, "codes": [502, 504]},
)  # fmt: skip
OTHER: Final = said("nothing of the kind", requestId="r-other", installId="inst-other")
ERROR: Final = said("failed", level="error")
WARN: Final = said("slow", level="warn")
A, B, C = said("a"), said("b"), said("c")
ENDED: Final[Json] = {"phase": "end", "outcome": "503", "durationMs": 12.5}

# A query, the line that it shows, and one that it hides.
FINDS: Final[list[tuple[str, Json, Json]]] = [
    ('"ERROR: connection"', said("\x1b[31mERROR\x1b[0m: connection"), OTHER),
    ("timeout", said("Timeout!"), OTHER),
    ("Timeout", said("Timeout!"), said("timeout")),
    ("timeout retry", said("retry: timeout"), said("timeout")),
    ("timeout upstream", said("upstream timeout"), said("timeout")),
    ('"timed out"', said("timed out"), said("out, timed")),
    ('"exact phrase"', said("an exact phrase"), said("phrase, exact")),
    ("timeout -retry", said("timeout"), said("timeout, retry")),
    ("-timeout", OTHER, said("timeout")),
    ("-retry", OTHER, said("retry")),
    ("-x", OTHER, said("x")),
    ("timeout OR refused", said("refused"), OTHER),
    ("order (timeout OR refused)", said("order refused"), said("refused")),
    ("a OR (b c)", said("b c"), B),
    ("a b OR c", C, A),
    ("(a b) OR c", C, A),
    ("status=500", said("x", fields={"status": 500}), said("x", fields={"status": 50})),
    ("status:500", said("x", fields={"status": 500}), said("x", fields={"status": 5001})),
    ("/order-[0-9]+ failed/", said("order-17 failed"), said("order-x failed")),
    ("/5\\d\\d/", said("got 503"), said("got 53")),
    ("/regex/", said("Regex"), OTHER),
    ("/Error/i", said("an error"), OTHER),
    ("level>=warn", ERROR, OTHER),
    ("level:error", ERROR, WARN),
    ("level=error", ERROR, WARN),
    ("level:warning", WARN, ERROR),
    ("Level:Error", ERROR, WARN),
    ("severity:error", said("x", fields={"severity": "Error"}), WARN),
    ("msg:timeout", said("Timeout!"), said("x", fields={"a": "timeout"})),
    ("outcome:trap", said("x", execution=ENDED | {"outcome": "trap"}), OTHER),
    ("level>=warn -debug", WARN, said("debug", level="warn")),
    ("stream:stderr", said("x", stream="stderr"), OTHER),
    ("ms>=100", said("x", fields={"ms": 100}), said("x", fields={"ms": 99})),
    ("ms:>=100", said("x", fields={"ms": 100}), said("x", fields={"ms": 99})),
    ("field.ms>=100", said("x", fields={"ms": 100}), said("x", fields={"ms": 99})),
    ("field.ms>=500", said("x", fields={"ms": 500}), said("x", fields={"ms": 499})),
    ("field.extra.ms>=500", said("x", fields={"extra": {"ms": 812}}), OTHER),
    ("http://x/y?z=1", said("GET http://x/y?z=1"), OTHER),
    ("12:30:01", said("at 12:30:01 sharp"), OTHER),
    ("handler()", said("in handler()"), said("handler")),
    ("/api/v1/users", said("GET /api/v1/users"), OTHER),
    ("TypeError:", said("TypeError: x"), OTHER),
    ("a - b", said("a - b"), A),
    ("a -> b", said("a -> b"), said("a b")),
    ("--flag", said("with --flag"), OTHER),
    ("request:ab12*", said("x", requestId="AB12-77"), said("x", requestId="cab12")),
    ("request:5b3c*", said("x", requestId="5b3c2b1e"), OTHER),
    ("request:r-17", said("x", requestId="R-17"), said("x", requestId="r-170")),
    ("version:*-beta", said("x", versionId="2.0-beta"), said("x", versionId="2.0-beta2")),
    ("version:1.2", said("x", versionId="1.2"), said("x", versionId="1.2.1")),
    ("install:main", said("x", installId="main"), OTHER),
    ("hash:*", said("x", contentHash="ab"), OTHER),
    ("redacted:*", said("x", redacted=["jwt"]), OTHER),
    ("user:bob", said("x", fields={"user": "Bob"}), said("x", fields={"user": "bobby"})),
    ("field.user:bob", said("x", fields={"user": "Bob"}), said("x", fields={"user": "bobby"})),
    ("field.user:*bob*", said("x", fields={"user": "Jim Bobby"}), OTHER),
    ("field.path:/^.v1/", said("x", fields={"path": "/v1/a"}), said("x", fields={"path": "/a/v1"})),
    ("field.ok:true", said("x", fields={"ok": True}), said("x", fields={"ok": False})),
    ("field.error:*", said("x", fields={"error": "e"}), OTHER),
    ("user=bob", said("x", fields={"user": "bob"}), OTHER),
    ("user.id:7", said("x", fields={"user": {"id": 7}}), said("x", fields={"user": {"id": 70}})),
    ('customer:"Ann Lee"', said("x", fields={"customer": "Ann Lee"}), said("Ann Lee")),
    ("requestId:x", said("1", requestId="x"), said("2", requestId="xx")),
    ("req:x", said("1", requestId="x"), said("2", requestId="xx")),
    ("tenant=acme", said("x"), said("x", tenantId="globex")),
    ("execution:*", said("began", execution={"phase": "start"}), OTHER),
    ("execution:timeout", said("x", execution=ENDED | {"outcome": "timeout"}), OTHER),
    ("execution:5*", said("x", execution=ENDED), said("x", execution=ENDED | {"outcome": "200"})),
]  # fmt: skip
REFUSED: Final = {
    "status!=500": "try -field.status:500",
    "status<>500": "try -field.status:500",
    "ms > 500": "try ms>500",
    "a || b": "try OR",
    "!a": "try -a",
    "a*": "try a without",
    "ms>=fast": "compares with a number",
    "time>10:00": "times are not compared here",
    "lvel:warn": "try level:",
    "level:": "needs a value right after it",
    "request:": "needs a value right after it",
}
# Names, values, operators and places in the documents' sentences.
WORDS: Final = (
    "q --filter status ms OR AND NOT - name:value * level trace debug info warn error >= > <= < : "
    "stream stdout stderr log message request install tenant extension version hash redacted "
    "field.NAME field.a.b a a.b fields.ms since until execution start name=value "
    "requestId --request 5b3c* /.../ ^ $"
)
NO_QUERIES: Final = {*WORDS.split(), '\\"', "\\\\", "\\/"}


def shown_queries() -> set[str]:
    """What the documents, the help and the placeholder show as something to type."""
    filters = (ROOT / "docs" / "filters.md").read_text()
    found = set(
        re.findall(r"(?<!`)`([^`\n]+)`", re.sub(r"```.*?```", "", filters, flags=re.DOTALL))
    )
    for name in ("extension-authors", "loggers"):
        text = (ROOT / "docs" / f"{name}.md").read_text()
        found |= set(re.findall(r"`(field\.[^`\n]+|request:[^<`\n]+)`", text))
    help_ = (ROOT / "templates" / "extdebug" / "help.html").read_text()
    language = help_.split("The filter language")[1].split("</section>")[0]
    found |= {html.unescape(text) for text in re.findall(r"<code>(.*?)</code>", language)}
    page = (ROOT / "templates" / "extdebug" / "console.html").read_text()
    box = re.search(r"placeholder='Filter:  (.*?)'", page)
    assert box
    found |= set(re.split(r" {2,}", html.unescape(box[1])))
    return found


SAMPLES: Final = re.findall(
    r"^\| `(.+?)` \| `(.+?)` \|$",
    (ROOT / "docs" / "filters.md").read_text().split("| finds it |")[1],
    re.MULTILINE,
)


async def test_every_query_that_is_shown_is_tried() -> None:
    tried = (
        {q for q, *_ in FINDS} | set(REFUSED) | NO_QUERIES | {q for pair in SAMPLES for q in pair}
    )
    assert shown_queries() - tried == set()


async def type_query(tab: ConsoleTab, q: str) -> None:
    await tab.page.fill("#q", "")
    await tab.page.type("#q", q)
    await tab.page.press("#q", "Enter")


async def found(tab: ConsoleTab, fake: Fake, q: str, *messages: str) -> None:
    """Type `q`, and wait until exactly these lines are shown."""
    before = len(fake.of("filter"))
    await type_query(tab, q)
    await until(lambda: len(fake.of("filter")) > before, what=q)
    await tab.page.wait_for_function(
        "([q, texts]) => document.querySelector('#q').value === q && "
        "document.querySelector('#q-error').hidden && JSON.stringify(texts) === JSON.stringify("
        "[...document.querySelectorAll('#lines .msg')].map(n => n.textContent))",
        arg=[q, list(messages)],
    )


def plain(line: Json) -> str:
    return re.sub("\x1b\\[\\d*m", "", str(line["message"]))


async def test_each_query_finds_the_line_it_is_for_and_hides_another(
    fake: Fake, tab: ConsoleTab
) -> None:
    real = RealFilter(fake)
    await tab.open("?tenant=acme")
    for q, shown, hidden in FINDS:
        real.lines = [fake.event(**hidden), fake.event(**shown)]
        try:
            await found(tab, fake, q, plain(shown))
        except Exception as error:  # which of them it was
            raise AssertionError(f"{q}: {await tab.messages()}") from error


async def test_the_table_of_the_sample_line_is_true_in_the_box(fake: Fake, tab: ConsoleTab) -> None:
    real = RealFilter(fake)
    await tab.open("?tenant=acme")
    real.lines = [fake.event(**SAMPLE)]
    for finds, misses in SAMPLES:
        await found(tab, fake, finds, SAMPLE["message"])
        await found(tab, fake, misses)
        await tab.says("#empty", "No line matches yet")


async def test_what_is_refused_says_what_to_write(fake: Fake, tab: ConsoleTab) -> None:
    RealFilter(fake)
    await tab.open("?tenant=acme")
    for q, says in REFUSED.items():
        await type_query(tab, q)
        await tab.says("#q-error", says)
