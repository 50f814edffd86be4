"""The query box: what it proposes, its conditions as chips, beginnings of requests."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from extdebug.filters.filter import Filter, FilterError
from extdebug.filters.parser import parse_terms
from extdebug.filters.query import ATTRIBUTES
from extdebug.filters.spellings import OTHER_NAMES
from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake, page_config, tenant
from tests.e2e.test_page_filters import asked

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

MODULES = "/static/extdebug/"
FIELDS: dict[str, Any] = {"customer": {"tier": "gold", "name": "Ann Lee"}, "ms": 812}


async def learned(fake: Fake, tab: ConsoleTab, *events: Any) -> None:
    """Show these lines, and wait until the page proposes the request of the last one."""
    await fake.events(*events)
    await tab.page.focus("#request")
    await until_proposed(tab, "#request", events[-1]["requestId"])
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("Escape")


async def until_proposed(tab: ConsoleTab, field: str, text: str) -> None:
    """Ask for proposals until `text` is among them."""
    await tab.page.wait_for_function(
        """([field, text]) => {
        const input = document.querySelector(field);
        input.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}));
        input.focus();
        input.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}));
        return [...document.querySelectorAll(`${field}-list code`)].some(
          n => n.textContent === text);
        }""",
        arg=[field, text],
        polling=100,
    )


async def proposed(tab: ConsoleTab) -> list[str]:
    texts: list[str] = await tab.page.locator("#q-list code").all_inner_texts()
    return texts


async def active(tab: ConsoleTab) -> str:
    place = await tab.page.get_attribute("#q", "aria-activedescendant")
    return await tab.page.inner_text(f"#{place} code") if place else ""


# --- proposals --------------------------------------------------------------------------------


async def test_a_field_and_its_value_are_chosen_by_key_and_only_the_whole_is_applied(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await learned(fake, tab, fake.event("paid", fields=FIELDS))
    requests: list[str] = []
    tab.page.on("request", lambda request: requests.append(request.url))
    before = len(fake.received)
    await tab.page.type("#q", "-cust")
    assert await tab.page.get_attribute("#q", "aria-expanded") == "true"
    assert await proposed(tab) == ["field.customer.name:", "field.customer.tier:"]
    assert await active(tab) == ""
    await tab.page.keyboard.press("ArrowDown")
    assert await active(tab) == "field.customer.name:"
    await tab.page.keyboard.press("ArrowDown")
    await tab.page.keyboard.press("ArrowUp")
    await tab.page.keyboard.press("Enter")
    assert await tab.page.input_value("#q") == "-field.customer.name:"
    assert await proposed(tab) == ['field.customer.name:"Ann Lee"']
    await tab.page.wait_for_timeout(2000)
    assert [frame for frame in fake.received[before:] if frame["type"] not in ("ack", "ping")] == []
    await tab.page.keyboard.press("ArrowDown")
    await tab.page.keyboard.press("Tab")
    assert await tab.page.evaluate("document.activeElement.id") == "q"
    assert (await asked(fake))["q"] == '-field.customer.name:"Ann Lee"'
    assert await tab.page.get_attribute("#q", "aria-expanded") == "false"
    assert len(fake.of("filter")) == 1
    assert [url for url in requests if not url.endswith("icon.svg")] == []


async def test_escape_closes_the_proposals_first_and_drops_the_text_then(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?q=slow")
    await tab.page.click("#q")
    await tab.page.press("#q", "End")
    await tab.page.type("#q", " lev")
    await tab.page.keyboard.press("ArrowDown")
    assert await active(tab) == "level>="
    await tab.page.keyboard.press("Escape")
    assert await tab.page.get_attribute("#q", "aria-expanded") == "false"
    assert await tab.page.input_value("#q") == "slow lev"
    await tab.page.keyboard.press("Escape")
    assert await tab.page.input_value("#q") == "slow"
    assert await tab.page.evaluate("document.activeElement.id") == "lines"
    assert fake.of("filter") == []


async def test_enter_without_a_choice_applies_what_was_typed_and_tab_leaves(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.type("#q", "lev")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake))["q"] == "lev"
    await tab.page.type("#q", "el")
    await tab.page.keyboard.press("Tab")
    assert await tab.page.evaluate("document.activeElement.id") != "q"
    assert (await asked(fake, 2))["q"] == "level"


async def test_a_proposal_is_taken_by_a_click_and_the_box_keeps_the_focus(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.click("#q")
    assert "level>=" in await proposed(tab)
    await tab.page.click("#q-list li:has-text('stream:')")
    await tab.page.click("#q-list li:has-text('stderr')")
    assert await tab.page.evaluate("document.activeElement.id") == "q"
    assert (await asked(fake))["q"] == "stream:stderr"


async def test_another_tenants_names_and_values_are_forgotten(fake: Fake, tab: ConsoleTab) -> None:
    fake.config = page_config(
        tenants=[tenant("acme", "inst-acme"), tenant("globex", "inst-globex")]
    )
    await tab.open("?tenant=acme")
    await learned(fake, tab, fake.event("x", fields={"secretive": "acme-value"}))
    await tab.page.select_option("#tenant", "globex")
    await until(lambda: len(fake.of("subscribe")) == 2)
    await learned(fake, tab, fake.event("y", requestId="of-globex"))
    for text in ("secret", "acme", "req"):
        await tab.page.fill("#q", text)
        assert "acme" not in "".join(await proposed(tab))
        assert "secretive" not in "".join(await proposed(tab))
        assert "req-1" not in "".join(await proposed(tab))


async def test_what_is_proposed_where(tab: ConsoleTab) -> None:
    """`|` is the caret; each has the first proposals that it gets."""
    await tab.open()
    table = {
        "|": ["level>=", "level:", "stream:"],
        "lev|": ["level>=", "level:"],
        "level>=|": ["level>=trace", "level>=debug"],
        "-(level:w|": ["level:warn"],
        "stream:std|": ["stream:stdout", "stream:stderr"],
        "inst|": ["install:", "install:inst-acme", "install:inst-eu"],
        "install:eu|": ["install:inst-eu"],
        "req:|": ["req:req-2", "req:req-1"],
        "requestId:REQ-1|": ["requestId:req-1"],
        "ms|": ["field.ms>=", "field.ms:"],
        "ms>=|": ["ms>=812", "ms>=7"],
        "field.user.na|": ["field.user.name:"],
        "a user.name:|": ['user.name:"Ann Lee"', "user.name:Bob"],
        'user.name:"an|': ['user.name:"Ann Lee"'],
        "user.name>|": [],
        "bo|": ["field.user.name:Bob"],
        "a le|vel b": ["level>=", "level:"],
        "nothing-like-it|": [],
        "v|": ["field.v:", "version:"],
        "odd:|": ['odd:"/x"', "odd:1.5"],
    }
    found = await tab.script(
        """async (table) => {
        const {suggestionsFor} = await import('/static/extdebug/suggestions.js');
        const {Vocabulary} = await import('/static/extdebug/vocabulary.js');
        const vocabulary = new Vocabulary();
        vocabulary.learn({requestId: 'req-1', fields: {odd: 1.5, v: {}}});
        vocabulary.learn({requestId: 'req-2', fields: {ms: 7, user: {name: 'Bob'}, odd: '/x'}});
        vocabulary.learn({fields: {ms: 812, user: {name: 'Ann Lee'}, v: 'x'.repeat(99)}});
        const installs = [{id: 'inst-acme', name: 'Acme'}, {id: 'inst-eu', name: 'inst-eu'}];
        return table.map(text => { const q = text.replace('|', '');
          return suggestionsFor(q, text.indexOf('|'), {vocabulary, installs}).options
            .map(({text}) => text) });
        }""",
        list(table),
    )
    for (text, wanted), options in zip(table.items(), found, strict=True):
        assert options[: max(1, len(wanted))] == wanted, text
        for option in options:
            with_value = option if option[-1] not in ":=" else f"{option}1"
            if not with_value.startswith(("level", "stream")):
                Filter.parse({"q": with_value})


async def test_what_is_remembered_is_bounded_and_holds_no_masks_and_nothing_invisible(
    tab: ConsoleTab,
) -> None:
    await tab.open()
    found = await tab.script(
        """async () => {
        const {Vocabulary} = await import('/static/extdebug/vocabulary.js');
        const odd = new Vocabulary();
        odd.learn({requestId: 'a\\u202eb', fields: {key: 'Bearer [redacted:jwt#0a1b2c3d]',
          'a b': 1, long: 'x'.repeat(81), list: ['p', 'q'], none: null, big: {deep: 1}}});
        const many = new Vocabulary();
        const began = performance.now();
        for (let n = 0; n < 20000; n += 1) many.note({requestId: `r${n}`, fields: {[`f${n}`]: n}});
        const noted = performance.now() - began;
        const waiting = many.waiting.length;
        for (let n = 0; n < 20000; n += 1)
          many.learn({requestId: `r${n}`, fields: {[`f${n}`]: 'v'.repeat(79) + n % 10, one: n}});
        let size = 0;
        for (const values of many.terms.values()) for (const v of values.keys()) size += v.length;
        return {odd: Object.fromEntries([...odd.terms].map(([n, v]) => [n, [...v.keys()]])),
          waiting, noted, names: many.terms.size, counted: many.size, size,
          requests: many.values('request').slice(0, 2), ones: many.values('field.one').length};
        }"""
    )
    assert found["odd"] == {
        "field.key": [], "field.long": [], "field.list": ["p", "q"], "field.none": ["null"],
        "field.big.deep": ["1"], "request": [],
    }  # fmt: skip
    assert found["waiting"] <= 50
    assert found["noted"] < 1000, "20,000 lines cost next to nothing on their way"
    assert found["names"] <= 200
    assert found["size"] == found["counted"] <= 128 * 1024
    assert found["requests"] == ["r19999", "r19998"]
    assert found["ones"] == 40


# --- conditions -------------------------------------------------------------------------------


async def test_conditions_are_turned_around_and_taken_away_by_click(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?q=timeout+AND+-retry+(a+OR+b)")
    chips = tab.page.locator("#query-chips .condition")
    assert await chips.all_inner_texts() == ["timeout", "-retry", "(a OR b)"]
    await chips.nth(1).locator("[data-does=invert]").click()
    assert (await asked(fake))["q"] == "timeout retry (a OR b)"
    await chips.nth(0).locator("[data-does=remove]").click()
    assert (await asked(fake, 2))["q"] == "retry (a OR b)"
    await chips.nth(1).locator("[data-does=invert]").click()
    assert (await asked(fake, 3))["q"] == "retry -(a OR b)"
    assert await tab.page.input_value("#q") == "retry -(a OR b)"
    await tab.page.click("#filters-reset")
    await tab.page.wait_for_selector("#query-chips", state="hidden")


async def test_conditions_are_reached_and_changed_by_key(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?q=a+b+c")
    label = "document.activeElement.getAttribute('aria-label')"
    await tab.page.locator("#query-chips button").first.focus()
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake))["q"] == "-a b c"
    assert await tab.script(label) == "Excluded: -a. Click to ask for it instead"
    await tab.page.keyboard.press("ArrowRight")
    await tab.page.keyboard.press("ArrowRight")
    assert await tab.script(label) == "Asked for: b. Click to exclude it instead"
    await tab.page.keyboard.press("Delete")
    assert (await asked(fake, 2))["q"] == "-a c"
    assert await tab.script(label) == "Take away c"
    await tab.page.keyboard.press("Backspace")
    await tab.page.keyboard.press("Backspace")
    assert (await asked(fake, 4))["q"] == ""
    assert await tab.page.evaluate("document.activeElement.id") == "q"


ATOMS = [
    "a", "-a", "--flag", "-", "NOT a", "NOT", "AND", "OR", '"a b"', '-"OR"', "(a OR b)", "-(a b)",
    "f(x)", "(", ")", '"', '""', "/a b/", "/a b/i", "level:warn", "level:", 'level:"warn"',
    "message:/a b/", 'message:"a b"', "message:", "request:ab*", "field.ms>=5", "field.ms>=",
    'user:"Ann Lee"', 'user:"Ann', "user:/a b/", "user:", 'user="a b"', "ms>5", "a>b", 'a>"b c"',
    "http://x/y?z=(1)", 'x:""', 'req="a b"', "é:(a", "ANDx", "OR(a)", "NOT(a)", "NOT(a OR b)",
]  # fmt: skip


async def test_the_page_knows_the_servers_names_of_attributes(tab: ConsoleTab) -> None:
    await tab.open()
    known = await tab.script(
        "async (path) => Object.fromEntries((await import(path)).ATTRIBUTES)",
        f"{MODULES}query-terms.js",
    )
    assert known == {**{name: name for name in ATTRIBUTES}, **OTHER_NAMES}


async def test_conditions_are_split_as_the_server_splits_them(tab: ConsoleTab) -> None:
    await tab.open()
    queries = [
        f"{first}{between}{second}"
        for first, second in itertools.product(ATOMS, ATOMS)
        for between in (" ", "  AND ", " OR ")
    ]
    split = await tab.script(
        """async (queries) => {
        const terms = await import('/static/extdebug/query-terms.js');
        return queries.map(q => { const found = terms.conditionsOf(q);
          return {conditions: found.map(c => [...c.text].join('')), half: terms.isHalf(q),
            inverted: found.map((c, n) => terms.withCondition(q, n, terms.inverted(c.text))),
            without: found.map((c, n) => terms.withCondition(q, n, ''))} });
        }""",
        queries,
    )
    understood = 0
    for q, seen in zip(queries, split, strict=True):
        try:
            terms = [q[term.start : term.end] for term in parse_terms(q)]
        except FilterError:
            continue
        understood += 1
        assert seen["conditions"] == terms, q
        assert not seen["half"] or q.endswith("-"), q
        for place, (inverted, without) in enumerate(
            zip(seen["inverted"], seen["without"], strict=True)
        ):
            assert len(parse_terms(inverted)) == len(terms), (q, inverted)
            rest = [text for at, text in enumerate(terms) if at != place]
            assert [without[t.start : t.end] for t in parse_terms(without)] == rest, q
    assert understood > 2000


async def test_a_fields_value_is_asked_for_or_excluded_without_hovering(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("done", fields={"user": {"name": "Ann Lee"}, "ms": 12}))
    await tab.page.click(".line")
    button = tab.page.locator('[data-act=where-not][data-name="field.user.name"]')
    assert await button.evaluate("n => getComputedStyle(n).opacity") == "1"
    await button.click()
    assert (await asked(fake))["q"] == '-field.user.name:"Ann Lee"'
    await fake.events(fake.event("again", requestId="req-9", fields={"ms": 12}), rev=2)
    await tab.page.click(".line")
    await tab.page.click('[data-act=where][data-name="request"]')
    assert (await asked(fake, 2))["q"] == '-field.user.name:"Ann Lee" request:req-9'


# --- requests ---------------------------------------------------------------------------------


async def test_what_is_typed_is_a_requests_beginning_unless_it_is_an_id_in_view(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("x", requestId="req-load-4757"))
    await tab.sees("x")
    await tab.page.type("#request", "req-l")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake))["request"] == "req-l*"
    assert await tab.page.input_value("#request") == "req-l", "who types is not interrupted"
    await tab.page.type("#request", "oad")
    await tab.page.keyboard.press("Tab")
    assert (await asked(fake, 2))["request"] == "req-load*"
    assert await tab.page.input_value("#request") == "req-load*"
    await tab.says("#flow-bar", "Only requests that begin with req-load")
    assert "request=req-load*" in tab.page.url
    await tab.page.fill("#request", "req-load")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake, 3))["request"] == "req-load", "the star was taken away"
    await fake.events(fake.event("y", requestId="req-load-4757"), rev=4)
    await tab.sees("y")
    await tab.page.fill("#request", "REQ-LOAD-4757")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake, 4))["request"] == "REQ-LOAD-4757"
    await tab.says("#flow-bar", "Only request REQ-LOAD-4757")
    await tab.page.fill("#q", "z")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake, 5))["request"] == "REQ-LOAD-4757", "another part leaves it alone"


async def test_requests_that_were_seen_are_proposed(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await learned(fake, tab, *(fake.event("x", requestId=f"flow-{n}") for n in (7, 17, 8)))
    await tab.page.type("#request", "7")
    await tab.page.wait_for_selector("#request-list li:has-text('flow-17')")
    await tab.page.keyboard.press("ArrowDown")
    await tab.page.keyboard.press("Enter")
    assert (await asked(fake))["request"] == "flow-17"
