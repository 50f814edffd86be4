"""What docs/extension-authors.md tells authors to write and run, written and run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from extdebug.runner.wasm.build import WIT
from extdebug.wire.events import Event
from extdebug.wire.executions import STARTED
from tests.extdebug.runner.javascript import PACKAGE
from tests.extdebug.runner.ledger import read_stream
from tests.files import ROOT
from tests.fixtures.npm import installed
from tests.fixtures.programs import need
from tests.fixtures.redis import RedisServer

pytestmark = pytest.mark.redis

PAGE: Final = (ROOT / "docs/extension-authors.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def shell(script: str, folder: Path, server: RedisServer, **more: str) -> str:
    """The commands, as typed in `folder`; what they say on both outputs."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python").chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "RUNNER_DEBUG_REDIS_URL": server.url, **more,
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=environment, check=False, capture_output=True,
        text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def published(server: RedisServer, extension: str) -> list[Event]:
    with server.client() as client:
        key = f"ext-debug:acme:{extension}"
        return [each for each, _ in read_stream(client, key, tenant="acme", extension=extension)]


def check_guest(said: str, events: list[Event]) -> None:
    """The lines of the page's handler, on the terminal and in the stream."""
    assert '"status": 200' in said
    assert "asked for /sync" in said, "-v shows them"
    by_message = {event.message: event for event in events}
    assert by_message["asked for /sync"].stream == "stdout"
    (marker,) = [event for event in events if event.message.startswith("debug marker: ")]
    assert marker.message == f"debug marker: {marker.request_id}"
    slow = by_message["slow page"]
    assert (slow.level, slow.fields) == ("warn", {"page": 3, "ms": 812})


def test_the_guest_in_python(tmp_path: Path, redis_server: RedisServer):
    guest, _ = blocks("python")
    (tmp_path / "guest.py").write_text(guest)
    (script,) = [each for each in blocks("sh") if "build-guest" in each]
    check_guest(shell(script, tmp_path, redis_server), published(redis_server, "invoice-sync"))


def test_the_guest_in_javascript(tmp_path: Path, redis_server: RedisServer):
    need("node", package="nodejs")
    (tmp_path / "node_modules").symlink_to(installed(PACKAGE) / "node_modules")
    guest, build, _ = blocks("js")
    (tmp_path / "guest.js").write_text(guest)
    (tmp_path / "build.mjs").write_text(build)
    (script,) = [each for each in blocks("sh") if "node build.mjs" in each]
    install, _, rest = script.partition("\n")
    assert install.startswith("npm install --ignore-scripts @bytecodealliance/componentize-js@")
    said = shell(rest, tmp_path, redis_server, WIT=str(WIT / "deps" / "alga-extension"))
    check_guest(said, published(redis_server, "invoice-sync"))


def test_the_host_in_python(tmp_path: Path, redis_server: RedisServer):
    _, host = blocks("python")
    (tmp_path / "host.py").write_text(host)
    shell("python host.py", tmp_path, redis_server)
    started, event, ended = published(redis_server, "importer")
    assert (started.message, started.execution) == ("import of orders.csv started", STARTED)
    assert ended.execution is not None
    assert (ended.execution.phase, ended.execution.outcome) == ("end", "ok")
    found: Any = (event.message, event.request_id, event.fields)
    assert found[:2] == ("row 12", "job-7")
    assert found[2]["ms"] == 12


def test_a_wrapped_command_on_the_page(tmp_path: Path, redis_server: RedisServer):
    (tmp_path / "import.sh").write_text("#!/bin/sh\necho imported\n")
    (tmp_path / "import.sh").chmod(0o755)
    (tmp_path / "import.py").write_text("print('imported')\n")
    commands = re.findall(
        r"^    ((?:PYTHON\S+ )?python -m extdebug.runner wrap .*)$", PAGE, re.MULTILINE
    )
    assert len(commands) == 3
    for command in commands:
        assert "imported" in shell(command, tmp_path, redis_server)
    said = published(redis_server, "importer")
    assert [each.message for each in said if each.execution is None] == ["imported"] * 3
    outcomes = [each.execution.outcome for each in said if each.execution is not None]
    assert outcomes == [None, "exit_0"] * 3


def test_the_filter_that_the_page_names_finds_the_line():
    from extdebug.filters.filter import Filter, compile_filter

    (query,) = re.findall(r"which you can filter by: `([^`]+)`", PAGE)
    assert query == "field.ms>=500"
    assert compile_filter(Filter.parse({"q": query})) is not None


@pytest.mark.parametrize("page", ["docs/extension-authors.md", "templates/extdebug/help.html"])
def test_the_request_id_is_named_as_the_guest_interface_has_it(page: str) -> None:
    folder = ROOT / "extdebug/runner/wasm/wit/deps/alga-extension"
    interface = "\n".join(path.read_text() for path in sorted(folder.glob("*.wit")))
    assert "get-context: func() -> context-data;" in interface
    assert re.search(r"record context-data \{\s*request-id: option<string>", interface)
    text = (ROOT / page).read_text()
    assert "getContext().requestId" in text  # as JavaScript has these names
    assert "context.get_context().request_id" in text  # as Python has them
    assert not re.search(r"(?<!\))\.request_?[iI]d\b", text)
