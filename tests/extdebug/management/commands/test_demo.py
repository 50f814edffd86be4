"""`manage.py demo` as a person runs it: starts, shows a guest's lines, ends without leftovers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from extdebug.demo.sample import PASSWORD
from tests.files import ROOT, relative, repository_files
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer


class Demo:
    """One run of the command in a session of its own."""

    def __init__(
        self, data: Path, *arguments: str, port: int = 0, root: Path = ROOT, **environment: str
    ) -> None:
        self.port = port or free_port()
        self.log = data.parent / f"demo-{time.monotonic_ns()}.log"
        env = {"PATH": os.environ["PATH"], "HOME": str(data.parent), **environment}
        command = [sys.executable, "manage.py", "demo", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data", str(data), *arguments],
                cwd=root, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str, *, seconds: float = 120) -> None:
        def there() -> bool:
            assert self.process.poll() is None or words in self.text, self.text
            return words in self.text

        wait_until(there, seconds=seconds, what=f"the demo prints {words!r}: {self.log}")

    def children(self) -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            check=False, capture_output=True, text=True,
        ).stdout  # fmt: skip
        return [int(pid) for pid in listed.split()]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    runs: list[Demo] = []

    def start(*arguments: str, port: int = 0, root: Path = ROOT, **environment: str) -> Demo:
        runs.append(Demo(tmp_path / "data", *arguments, port=port, root=root, **environment))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


@contextmanager
def sign_in(url: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, follow_redirects=True, timeout=10) as client:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/login/").text)
        assert token is not None
        form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = client.post("/login/", data=form, headers={"Referer": f"{url}/login/"})
        assert answer.status_code == 200
        assert "sessionid" in client.cookies, answer.text[:2000]
        yield client


def messages(client: httpx.Client, *, tenant: str, wanted: int) -> list[dict[str, object]]:
    """The next `wanted` events that the guest prints, over SSE."""
    found: list[dict[str, object]] = []
    query = {"extensionId": "invoice-sync", "tenantId": tenant, "tail": "0"}
    with client.stream("GET", "/api/ext-debug/stream", params=query, timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data:") and '"message"' in line and '"level"' in line:
                found.append(json.loads(line.removeprefix("data:")))
                if len(found) == wanted:
                    break
    return found


@pytest.mark.timeout(240)
def test_a_guests_lines_are_there_and_a_second_start_goes_on(demo: Callable[..., Demo]):
    first = demo()
    first.wait_for("Ctrl-C ends all of it")
    assert "embedded server" in first.text
    for name in ("olivia", "oscar", "alice", "greta", "dan", "dora", "mallory"):
        assert name in first.text
    with sign_in(first.url, "dan") as dan:
        events = messages(dan, tenant="acme", wanted=3)
        assert {event["installId"] for event in events} == {"inst-acme"}
        cookies = dict(dan.cookies)
    with sign_in(first.url, "mallory") as mallory:
        query = {"extensionId": "invoice-sync", "tenantId": "acme"}
        refused = mallory.get("/api/ext-debug/stream", params=query)
        nowhere = mallory.get(
            "/api/ext-debug/stream", params={"extensionId": "invoice-sync", "tenantId": "nobody"}
        )
        assert refused.status_code == nowhere.status_code == 404
    children = first.children()
    assert len(children) == 3
    assert first.end(signal.SIGINT) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]

    second = demo(port=first.port)
    second.wait_for("Ctrl-C ends all of it")
    with httpx.Client(base_url=second.url, cookies=cookies) as dan:
        assert dan.get("/extensions/").status_code == 200, "still signed in"
    assert second.end(signal.SIGTERM) == 0


@pytest.mark.timeout(180)
def test_a_real_redis_is_used_and_production_starts_closed(
    demo: Callable[..., Demo], redis_server: RedisServer, tmp_path: Path
):
    run = demo("--environment", "production", REDIS_URL=redis_server.url)
    run.wait_for("Ctrl-C ends all of it")
    assert "embedded" not in run.text
    with redis_server.client() as client:
        assert client.xlen("ext-debug:acme:invoice-sync"), "a guest's lines are there to be read"
    with sign_in(run.url, "dan") as dan:
        query = {"extensionId": "invoice-sync", "tenantId": "acme"}
        assert dan.get("/api/ext-debug/stream", params=query).status_code == 403
    assert list((tmp_path / "data" / "mail").iterdir()), "approvers were written to"
    assert run.end() == 0


def test_the_children_end_when_the_demo_is_killed(demo: Callable[..., Demo]):
    run = demo()
    run.wait_for("Ctrl-C ends all of it")
    children = run.children()
    run.end(signal.SIGKILL)
    wait_until(
        lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()],
        seconds=15, what="the children end",
    )  # fmt: skip


@pytest.fixture
def working_copy(tmp_path: Path) -> Path:
    """The repository's files in a folder of the test's own, to be edited there."""
    folder = tmp_path / "copy"
    for path in repository_files():
        to = folder / relative(path)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (folder / ".cache").symlink_to(ROOT / ".cache")  # the built guest
    return folder


def healthz(url: str) -> str:
    try:
        return httpx.get(f"{url}/healthz", timeout=20).text
    except (httpx.RemoteProtocolError, httpx.ReadError):  # the old process ended while it was asked
        return ""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.timeout(240)
def test_with_reload_the_next_request_shows_an_edit(demo: Callable[..., Demo], working_copy: Path):
    run = demo("--reload", root=working_copy)
    run.wait_for("Ctrl-C ends all of it")
    script, page = "/static/extdebug/theme.js", "/login/"
    with httpx.Client(base_url=run.url, timeout=20) as client:
        before = client.get(script)
        assert "edited" not in before.text + client.get(page).text

        edit(working_copy / "extdebug" / script[1:], "", "// edited: longer than it was\n")
        after = client.get(script, headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200, "the ETag is another"
        assert after.text == "// edited: longer than it was\n" + before.text
        assert int(after.headers["Content-Length"]) == len(after.content)

        edit(working_copy / "templates/registration/login.html", "<h1", "<!-- edited --><h1")
        assert "<!-- edited -->" in client.get(page).text

        edit(
            working_copy / "extdebug/ops/health.py", '{"ok": True}', '{"ok": True, "edited": True}'
        )
    edited = time.monotonic()
    # It looks four times a second; a request meanwhile waits for the new process.
    wait_until(lambda: "edited" in healthz(run.url), seconds=20, what="the new process")
    print(f"an edited module was seen after {time.monotonic() - edited:.1f} s")
    assert "detected changes in 'extdebug/ops/health.py'" in run.text
    children = run.children()
    assert run.end(signal.SIGINT) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def failure(run: Demo) -> str:
    assert run.process.wait(30) != 0
    assert "Traceback" not in run.text
    return run.text.strip().splitlines()[-1]


def test_a_taken_port_is_one_clear_line(demo: Callable[..., Demo], redis_server: RedisServer):
    assert f"port {redis_server.port}: Address already in use" in failure(
        demo(port=redis_server.port)
    )


def test_an_unreachable_redis_is_one_clear_line(demo: Callable[..., Demo]):
    run = demo(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert "cannot reach the Redis of REDIS_URL" in failure(run)


def test_reload_is_refused_in_production(demo: Callable[..., Demo]):
    run = demo("--reload", "--environment", "production")
    assert "use --environment staging" in failure(run)


@pytest.mark.parametrize("missing", ["fakeredis", "componentize_py", "wasmtime", "environ"])
def test_a_missing_package_is_one_clear_line(missing: str):
    program = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['manage.py', 'demo'];"
        "import manage; manage.main()"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=False, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode != 0
    assert missing in result.stderr
    assert ".[demo]" in result.stderr
    assert "Traceback" not in result.stderr
