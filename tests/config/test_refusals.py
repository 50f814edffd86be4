"""Control characters are refused in plain words everywhere, and what may pass says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from audit import writer
from audit.models import AuditRecord
from audit.trail import Action, retry_waiting
from config.hashing import HashingBusy
from config.refusals import RefusalMiddleware
from extdebug.demo.sample import Cast
from extdebug.filters.filter import Filter, FilterError
from extdebug.models import DebugSession
from extdebug.sessions import store
from extdebug.sessions.account import Account
from extdebug.transports import api
from extdebug.transports.stream_query import BadQuery
from extdebug.wire.events import printable
from extdebug.wire.keys import Target
from policies import access, consent
from policies.identity import tokens
from policies.models import AccessToken
from tests.extdebug.opened_rows import open_row
from tests.fixtures.cast import PASSWORD

pytestmark = pytest.mark.django_db
CONTROLS = ["\x00", "a\x00b", "\x1b[31m", "\x08", "\x7f", "\x9b"]


@pytest.fixture
def dan(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.dan)
    return client


@pytest.mark.parametrize("text", CONTROLS)
@pytest.mark.parametrize(
    "address",
    ["/extensions/?q={}", "/extensions/invoice-sync/debug?tenant={}", "/tenant/{}/",
     "/login/?next={}", "/admin/policies/grant/?q={}", "/admin/policies/grant/?tenant__key={}",
     "/none/{}"],
)  # fmt: skip
def test_a_control_character_in_an_address_is_refused(dan: Client, address: str, text: str):
    answer = dan.get(address.format(quote(text)))
    assert answer.status_code == 400
    assert b"Control characters such as NUL" in answer.content


@pytest.mark.parametrize("text", CONTROLS)
@pytest.mark.parametrize("path", ["/login/", "/access/tokens/", "/tenant/acme/consent/"])
def test_and_in_a_form(dan: Client, path: str, text: str):
    assert dan.post(path, {"username": text, "name": text, "password": PASSWORD}).status_code == 400


def test_line_breaks_and_tabs_are_text(dan: Client):
    assert dan.get("/extensions/?q=a%09b%0Ac").status_code == 200


@pytest.mark.parametrize("name", ["q", "requestId", "installId", "tenantId"])
@pytest.mark.parametrize("text", CONTROLS)
def test_and_in_what_the_stream_is_asked(dan: Client, rf: RequestFactory, name: str, text: str):
    asked = {"extensionId": "invoice-sync", name: text}
    answer = dan.get("/api/ext-debug/stream", asked)
    assert answer.status_code == 400
    assert "Control characters" in answer.json()["message"]
    assert answer.json()["error"] == answer.json()["message"]
    with pytest.raises(BadQuery, match=f"'{name}': control characters"):
        api._params(rf.post("/api/ext-debug/stream", asked, content_type="application/json"))


@pytest.mark.parametrize("text", CONTROLS)
def test_and_in_a_frames_filter(text: str):
    for part in ({"q": f'"{text}"'}, {"request": text}, {"installs": [text]}):
        with pytest.raises(FilterError):
            Filter.parse(part)  # type: ignore[arg-type]
    assert Filter.parse({"q": r"/\x1b\[/"}).q


@pytest.mark.parametrize("key", ['"\\000"', '"a\\000b"', "x'--", "A" * 600])
def test_a_cookie_that_is_no_session_key_is_none(key: str):
    answer = Client(headers={"cookie": f"sessionid={key}"}).get("/extensions/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/extensions/")


def test_a_close_row_survives_any_content(cast: Cast):
    target = Target("acme", "invoice-sync")
    viewer = access.viewer_of(cast.dan, transport="ws")
    _, lease = open_row(viewer, target)
    assert lease is not None
    wild = {"q": "a\x00b\ud800", "installs": ["\x00"], "\x00": [{"x": "\x1b"}]}
    account = Account(1, 2, {"reset": 1}, (), "", [wild])
    assert store.close(lease, viewer, target, account, code=1000, reason="left\x00")
    row = DebugSession.objects.get()
    assert row.closed_at is not None
    assert row.filters == [printable(wild)]
    assert row.close_reason == "left\N{REPLACEMENT CHARACTER}"


def test_hashing_that_is_busy_answers_a_sentence(rf: Any):
    middleware = RefusalMiddleware(lambda _: None)
    answer = middleware.process_exception(rf.post("/login/"), HashingBusy())
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert middleware.process_exception(rf.get("/"), ValueError()) is None


# --- an audit trail that is stuck -------------------------------------------------------------


@contextmanager
def stuck() -> Iterator[None]:
    """Somebody else holds the chain's lock."""
    place = connection.settings_dict
    url = f"postgres://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [writer.LOCK_KEY])
        yield


postgres_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="the chain's lock")


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_what_takes_away_works_while_the_trail_is_stuck_and_its_row_follows(cast: Cast):
    token = tokens.issue(cast.dan, name="ci", tenant=cast.acme).token
    client = Client()
    client.force_login(cast.dan)
    with stuck():
        answer = client.post(f"/access/tokens/{token.pk}/revoke/", {"reason": "lost"})
        assert answer.status_code == 302
        consent.withdraw(cast.acme, by=cast.alice)
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert not AuditRecord.objects.filter(action=Action.TOKEN_REVOKED).exists()
    assert retry_waiting() >= 2
    written = set(AuditRecord.objects.values_list("action", flat=True))
    assert {Action.TOKEN_REVOKED, Action.CONSENT_WITHDRAWN} <= written


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_what_gives_waits_and_the_page_says_so(cast: Cast):
    client = Client()
    client.force_login(cast.dan)
    form = {"name": "ci", "tenant": "acme", "extension": "invoice-sync", "days": "7"}
    with stuck():
        answer = client.post("/access/tokens/", form)
    assert answer.status_code == 503
    assert b"nothing was changed" in answer.content
    assert not AccessToken.objects.exists()
    assert client.post("/access/tokens/", form).status_code == 200
    assert AccessToken.objects.exists()


# --- the database away ------------------------------------------------------------------------


def gone(*_: Any) -> Any:
    raise OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("path", ["/extensions/", "/access/", "/admin/", "/admin/policies/grant/"])
def test_a_page_says_that_the_database_is_away_and_asks_it_nothing(
    cast: Cast, path: str, caplog: pytest.LogCaptureFixture
):
    client = Client(headers={"accept": "text/html,*/*;q=0.8"})
    client.force_login(cast.olivia)
    with connection.execute_wrapper(gone):
        answer = client.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database does not answer just now" in answer.text
    assert "<main" in answer.text
    assert "server closed the connection" in caplog.text  # for whoever runs this, not for the page
    assert "server closed" not in answer.text


def test_the_api_says_it_in_the_machines_form(rf: RequestFactory):
    asked = rf.get("/api/ext-debug/access", headers={"accept": "text/html"})
    answer = RefusalMiddleware(lambda _: None).process_exception(asked, OperationalError("gone"))
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert json.loads(answer.content)["code"] == "database_unavailable"
