"""`PUT /api/directory/`: for the platform's token alone; answers as JSON, one run after another."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import AsyncClient

from audit.models import AuditRecord
from extdebug.ops.request_bounds import DIRECTORY_BODY
from extdebug.sessions.rate_limit import RateLimit
from extdebug.transports import directory_api
from policies.models import KeptRow
from tests.extdebug.transports.http_answers import said
from tests.files import ROOT
from tests.fixtures.console import Console
from tests.fixtures.programs import need
from tests.policies.conftest import in_parallel
from tests.policies.directory.documents import WHOLE, synced

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a-token-of-the-directory-0123456789"


@pytest.fixture
def open_api(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DIRECTORY_TOKEN = TOKEN
    monkeypatch.setattr(directory_api, "strangers", RateLimit(50.0))


async def put(body: Any, path: str = "", *, token: str = TOKEN) -> Any:
    """The answer to a document; bytes are sent as they are."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await AsyncClient().put(
        f"/api/directory/{path}", sent, "application/json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )  # fmt: skip


@pytest.mark.usefixtures("open_api")
async def test_a_document_is_tried_refused_applied_and_then_nothing_changes():
    refused = await said(await put(WHOLE), 409)
    assert (refused["code"], len(refused["changes"])) == ("would_widen", 4)
    tried = await said(await put({**WHOLE, "widen": True}, "?dry_run=1"), 200)
    assert (tried["dryRun"], len(tried["changes"])) == (True, 11)
    assert not await KeptRow.objects.aexists()

    done = await said(await put({**WHOLE, "widen": True}), 200)
    assert (done["ok"], done["dryRun"], done["summary"]) == (True, False, "11 added.")
    record = await AuditRecord.objects.aget(action="membership.created")
    assert (record.actor_name, record.ip) == ("directory (API)", "127.0.0.1")
    again = await said(await put(WHOLE), 200)
    assert (again["changes"], again["summary"]) == ([], "Nothing changed.")

    gone = await said(await put({"roles": []}, "roles/"), 200)
    assert [each["sign"] for each in gone["changes"]] == ["-", "-"]
    other = await said(await put({"roles": [], "people": []}, "roles/"), 400)
    assert other["message"] == "expected the section roles alone at this address"
    held = await said(await put({"roles": WHOLE["roles"], "hold": True}, "roles/"), 200)
    assert len(held["waiting"]) == 2


@pytest.mark.usefixtures("open_api")
async def test_what_is_wrong_is_said_and_nothing_is_applied():
    people = [{"username": "uma"}, {"username": "u v"}]
    answer = await said(await put({"people": people}), 400)
    assert (answer["code"], answer["message"]) == (
        "bad_document",
        "people, row 2, username: expected 1 to 150 letters, digits and . @ + - _; got 'u v'",
    )
    assert not await User.objects.aexists()
    assert (await said(await put({}, "?dry_run=yes"), 400))["message"] == "dry_run: expected 0 or 1"
    assert (await put({}, "users/")).status_code == 404
    assert (await AsyncClient().get("/api/directory/")).status_code == 405
    large = b" " * (DIRECTORY_BODY + 1)
    assert (await said(await put(large), 413))["code"] == "too_large"
    assert (await put(b"{}" + b" " * (DIRECTORY_BODY - 2))).status_code == 200


@pytest.mark.usefixtures("open_api")
async def test_whoever_has_not_the_token_is_refused_on_record_and_slowed(
    monkeypatch: pytest.MonkeyPatch,
):
    for token in ("", "wrong", TOKEN + "x"):
        response = await put(WHOLE, token=token)
        assert (await said(response, 401))["type"] == "closing"
        assert response["WWW-Authenticate"] == "Bearer"
    records = [row async for row in AuditRecord.objects.filter(action="token.refused")]
    assert [(row.subject_type, row.actor_kind) for row in records] == [("directory", "anonymous")]
    monkeypatch.setattr(directory_api, "strangers", RateLimit(1.0))
    assert (await put({}, token="wrong")).status_code == 401
    assert (await put({}, token="wrong")).status_code == 429
    assert not await KeptRow.objects.aexists()


async def test_without_a_token_set_there_is_no_api(settings: Any):
    settings.DIRECTORY_TOKEN = ""
    for token in ("", "wrong"):
        assert (await put(WHOLE, token=token)).status_code == 404


@pytest.mark.usefixtures("open_api")
async def test_a_database_that_does_not_take_it_is_said(monkeypatch: pytest.MonkeyPatch):
    def away(*_: Any, **__: Any) -> Any:
        raise DatabaseError("canceling statement due to lock timeout\nCONTEXT")

    monkeypatch.setattr(directory_api, "sync", away)
    response = await put({})
    answer = await said(response, 503)
    assert (answer["code"], response["Retry-After"]) == ("unavailable", "5")
    assert answer["message"] == "Nothing was applied: canceling statement due to lock timeout"


def test_over_a_real_connection_its_limits_and_the_consoles_own_role_hold(
    live_console: Callable[..., Console], tmp_path: Path
):
    """On PostgreSQL the console's role has rows, and no table: it may hold those all the same."""
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n")
    console = live_console(DIRECTORY_TOKEN_FILE=str(secret))
    large = json.dumps({**WHOLE, "widen": True}).encode() + b" " * 5_000_000

    def sent(body: bytes, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.put(f"{console.url}/api/directory/", content=body, headers=headers, timeout=30)

    assert sent(b"{}", "wrong").status_code == 401
    assert sent(large, "wrong").status_code == 413, "not even read"
    assert sent(large + b" " * DIRECTORY_BODY, TOKEN).status_code == 413
    answer = sent(large, TOKEN)
    assert (answer.status_code, answer.json()["summary"]) == (200, "11 added.")
    assert sent(large, TOKEN).json()["summary"] == "Nothing changed."
    assert by_curl(console, tmp_path)["summary"].startswith("Nothing changed. This was a dry run")
    assert TOKEN not in console.log


def by_curl(console: Console, folder: Path) -> dict[str, Any]:
    """The answer to the command of docs/directory.md, with this console's address in it."""
    need("curl", package="curl")
    page = (ROOT / "docs/directory.md").read_text()
    (command,) = re.findall(r"```console\n\$ (curl .*?)```", page, re.DOTALL)
    (folder / "directory.json").write_text(json.dumps(WHOLE))
    done = subprocess.run(
        ["bash", "-c", command.replace("https://console.example", console.url)],
        cwd=folder, env={"PATH": os.environ["PATH"], "DIRECTORY_TOKEN": TOKEN}, check=True,
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["dryRun"] is True
    return answer


def test_of_two_runs_at_once_the_second_sees_the_first():
    first, second = in_parallel(lambda: synced(**WHOLE), lambda: synced(**WHOLE))
    assert sorted([len(first.made), len(second.made)]) == [0, 11], (first, second)
