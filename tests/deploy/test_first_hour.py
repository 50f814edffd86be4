"""docs/deployment.md, "The first hour": from an empty PostgreSQL to the first line, as it says."""

from __future__ import annotations

import json
import os
import pty
import re
import secrets
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from extdebug.runner.wasm.components import LoadedComponent
from tests import settings as test_settings
from tests.files import ROOT
from tests.fixtures.postgres import PostgresCluster
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import SHARED, execute_body

PAGE: Final = (ROOT / "docs/deployment.md").read_text()
HOST: Final = "console.example"
OWNER: Final = "console"  # of the cluster; its tables are made by it
ROLE: Final = "first_hour_console"


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def written(text: str) -> list[str]:
    """The commands of a text, as they stand there."""
    return re.findall(r"`((?:manage\.py|python -m extdebug\.runner) [^`]+)`", text)


class Machine:
    """One machine with the settings of production; notes each command of the page that it ran."""

    def __init__(self, folder: Path, *, owner: str, redis_url: str) -> None:
        self.folder, self.owner = folder, owner
        self.port = free_port()
        self.ran: list[str] = []
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(folder), **test_settings.ENVIRONMENT,
            "EXT_DEBUG_ENVIRONMENT": "production", "EXT_DEBUG_UI_ENABLED": "true",
            "DATABASE_URL": owner.replace(f"//{OWNER}@", f"//{ROLE}@"), "REDIS_URL": redis_url,
            "ALLOWED_HOSTS": HOST, "EXT_DEBUG_ORIGINS": f"https://{HOST}",
            "TRUSTED_PROXIES": "127.0.0.1", "EMAIL_URL": "dummymail://",
            "METRICS_TOKEN": secrets.token_hex(20), "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip

    def words(self, command: str, **names: str) -> list[str]:
        """A command of the page with this machine's names in the place of the page's."""
        self.ran.append(command)
        program, name, *rest = [names.get(word, word) for word in shlex.split(command)]
        assert program == "manage.py"
        return [sys.executable, str(ROOT / program), name, *rest]

    def run(self, command: str, *, code: int = 0, owner: bool = False, **names: str) -> str:
        """What it printed; it must end with this code."""
        env = {**self.env, **({"DATABASE_URL": self.owner} if owner else {})}
        done = subprocess.run(
            self.words(command, **names), cwd=self.folder, env=env, check=False, timeout=60,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def type_in(self, command: str, *answers: tuple[str, str], **names: str) -> None:
        """In a terminal: each answer follows its question."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            self.words(command, **names), cwd=self.folder, env=self.env, stdin=its, stdout=its,
            stderr=its, start_new_session=True,
        )  # fmt: skip
        os.close(its)
        try:
            said, deadline = "", time.monotonic() + 30
            for question, answer in answers:
                while question not in said:
                    assert time.monotonic() < deadline, f"{question!r} was not asked: {said}"
                    if select.select([ours], [], [], 0.2)[0]:
                        said += os.read(ours, 4096).decode(errors="replace")
                said = said.partition(question)[2]
                os.write(ours, f"{answer}\n".encode())
            assert process.wait(30) == 0, said
        finally:
            process.kill()
            os.close(ours)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """A process of the page that stays, on a port of the test's own."""
        with (self.folder / "serve.log").open("wb") as log:
            return subprocess.Popen(
                [*self.words(command), "--port", str(self.port)], cwd=self.folder, env=self.env,
                stdout=log, stderr=log,
            )  # fmt: skip


class Proxy(httpx.BaseTransport):
    """Ends TLS, as the page asks of it: what goes to the host arrives at the console's port."""

    def __init__(self, port: int) -> None:
        self.port, self.onward = port, httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {**request.headers, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return self.onward.handle_request(
            httpx.Request(request.method, url, headers=headers, content=request.read())
        )

    def close(self) -> None:
        self.onward.close()


class Person(httpx.Client):
    """A browser of one person's, who signs in with a password."""

    def __init__(self, machine: Machine, name: str, password: str) -> None:
        super().__init__(base_url=f"https://{HOST}", transport=Proxy(machine.port), timeout=20)
        self.headers.update({"Origin": f"https://{HOST}", "Referer": f"https://{HOST}/"})
        self.name, self.password = name, password

    def __enter__(self) -> Person:
        super().__enter__()
        self.get("/login/")
        answer = self.form(
            "/login/", username=self.name, password=self.password, next="/extensions/"
        )
        assert answer.headers["Location"] == "/extensions/", answer.text[:2000]
        return self

    @property
    def token(self) -> str:
        return next(cookie.value or "" for cookie in self.cookies.jar if "csrf" in cookie.name)

    def form(self, place: str, **said: str) -> httpx.Response:
        """The form that stands there, with what it carries, filled in and sent."""
        page = self.get(place).text
        hidden = {
            found["name"]: found.get("value", "")
            for found in (
                dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
                for tag in re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
            )
            if "name" in found
        }
        answer = self.post(place, data={**hidden, "csrfmiddlewaretoken": self.token, **said})
        assert answer.status_code == 302, f"{place}: {answer.status_code}\n{answer.text[-3000:]}"
        return answer

    def ask(self, place: str, **said: Any) -> dict[str, Any]:
        answer = self.post(place, json=said, headers={"X-CSRFToken": self.token})
        told: dict[str, Any] = answer.json()
        assert answer.is_success, told
        return told


@pytest.fixture
def machine(
    postgres: PostgresCluster, redis_server: RedisServer, tmp_path: Path
) -> Iterator[Machine]:
    """An empty database with the two roles that the page names, and Redis."""
    owner = postgres.create_database()
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
        yield Machine(tmp_path, owner=owner, redis_url=redis_server.url)
        connection.execute(f"DROP OWNED BY {ROLE}".encode())
        connection.execute(f"DROP ROLE {ROLE}".encode())


def directory() -> str:
    """The document of docs/directory.md."""
    page = (ROOT / "docs/directory.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    return str(example)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(180)
def test_from_an_empty_postgresql_to_the_first_line(
    machine: Machine, runner_process: Callable[[str], str], edges: LoadedComponent
) -> None:
    (machine.folder / "directory.json").write_text(directory())
    password = {name: secrets.token_urlsafe(16) for name in ("olivia", "oscar", "dora")}

    # 1. The owner makes the tables, and gives the console's role its rights.
    machine.run("manage.py migrate", owner=True)
    rights = machine.run("manage.py audit_role ROLE", owner=True, ROLE=ROLE)
    with psycopg.connect(machine.owner, autocommit=True) as connection:
        connection.execute(rights.encode())
    machine.run("manage.py check")
    machine.run("manage.py check --deploy")

    # 2. Two operators.
    for name in ("olivia", "oscar"):
        machine.type_in(
            "manage.py createsuperuser",
            ("Username", name), ("Email address:", f"{name}@example.test"),
            ("Password:", password[name]), ("Password (again):", password[name]),
        )  # fmt: skip

    # 3. The directory, tried and applied; people have a password before they have a role.
    tried = machine.run("manage.py sync_directory directory.json --dry-run", code=5)
    assert "nothing was applied" in tried
    machine.run("manage.py sync_directory directory.json", code=5)
    machine.type_in(
        "manage.py changepassword NAME",
        ("Password:", password["dora"]), ("Password (again):", password["dora"]), NAME="dora",
    )  # fmt: skip
    serving = machine.start("manage.py serve")
    runner = runner_process(machine.env["REDIS_URL"])  # python -m extdebug.runner serve
    machine.ran.append("python -m extdebug.runner serve")
    try:
        watch(machine, serving, runner, password, edges)
    finally:
        serving.terminate()
        serving.wait(20)
    machine.run("manage.py janitor")
    assert set(machine.ran) >= {
        command
        for heading in ("Processes", "The first hour", "Before the first start")
        for command in written(section(heading).partition("\n### ")[0])
    } - {"manage.py serve --host 0.0.0.0", "manage.py link_sign_in"}, (
        "each command of the page was run"  # the last where a provider is set: its own tests run it
    )


def watch(
    machine: Machine,
    serving: subprocess.Popen[bytes],
    runner: str,
    password: dict[str, str],
    edges: LoadedComponent,
) -> None:
    """Two operators release the roles, one approves what dora asks for, and she sees a line."""

    def ready() -> bool:
        assert serving.poll() is None, (machine.folder / "serve.log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{machine.port}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False

    wait_until(ready, seconds=30, what="the console is ready")
    with (
        Person(machine, "olivia", password["olivia"]) as olivia,
        Person(machine, "oscar", password["oscar"]) as oscar,
        Person(machine, "dora", password["dora"]) as dora,
    ):
        batch = link(olivia, "/admin/policies/directoryrelease/", "change/")
        olivia.form(batch, released="on", _why="the first import")
        change = link(oscar, "/admin/policies/changerequest/", "change/")
        oscar.get(change)
        approved = oscar.post(
            change.replace("/change/", "/approve/"),
            data={"csrfmiddlewaretoken": oscar.token, "comment": "read and compared"},
        )
        assert approved.status_code == 302, approved.text[-3000:]
        machine.run("manage.py sync_directory directory.json")

        target = {"tenant": "acme", "extension": "invoice-sync"}
        told = dora.ask(
            "/api/ext-debug/grants", **target, installs=["inst-acme"], minutes=30,
            reason="the first line", ticket="",
        )  # fmt: skip
        olivia.form(
            f"/admin/policies/grant/{told['grant']}/approve/", minutes="30", comment="go ahead"
        )
        body = execute_body(edges, "/order", context={"request_id": "first"})
        auth = {"x-runner-auth": SHARED["RUNNER_AUTH_TOKEN"]}
        answer = httpx.post(f"{runner}/v1/execute", json=body, headers=auth, timeout=60)
        assert answer.is_success, answer.text

        def seen() -> list[dict[str, Any]]:
            polled = dora.ask(
                "/api/ext-debug/stream", extensionId="invoice-sync", tenantId="acme",
                installId="inst-acme", tail=200,
            )  # fmt: skip
            return [event for event in polled["events"] if event["requestId"] == "first"]

        wait_until(seen, seconds=20, what="the first line")
        assert seen()[0]["installId"] == "inst-acme"


def link(person: Person, place: str, ending: str) -> str:
    """Where the one row of a list of the desk leads."""
    page = person.get(place).text
    found = sorted(set(re.findall(rf'href="({place}\d+/{ending})', page)))
    assert len(found) == 1, json.dumps(found)
    return str(found[0])
