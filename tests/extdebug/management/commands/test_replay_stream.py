"""`manage.py replay_stream` on a real Redis: the decision, redaction and audit of the page."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from io import StringIO
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from audit.models import AuditRecord
from extdebug.dashboard import streams
from extdebug.demo.sample import Cast
from extdebug.management.commands import replay_stream
from extdebug.models import DebugSession, Process
from extdebug.sessions import heartbeats
from extdebug.wire.keys import Keys, Target
from policies.models import Tenant
from tests.fixtures.console import ROOT, database_url
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

KEY = "ext-debug:acme:invoice-sync"
PAGE = (ROOT / "docs" / "replay.md").read_text()
# The commands of the page; the last one follows, and hands its lines on.
*FIRST, FOLLOWING = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_redis(transactional_db: None, redis_server: RedisServer, settings: Any) -> RedisServer:
    settings.REDIS_URL = redis_server.url
    return redis_server


def add(client: redis.Redis, message: str, *, key: str = KEY, **more: str) -> None:
    entry: dict[Any, Any] = {
        "ts": "1767225600123", "level": "info", "stream": "log", "install": "inst-acme",
        "request": "r1", "message": message, **more,
    }  # fmt: skip
    client.xadd(key, entry)


def run(*arguments: str, user: str = "dan") -> tuple[list[str], str]:
    out, err = StringIO(), StringIO()
    call_command(
        "replay_stream", "acme", "invoice-sync", "--as", user, *arguments, stdout=out, stderr=err,
        skip_checks=True,
    )  # fmt: skip
    return out.getvalue().splitlines(), err.getvalue()


def messages(*arguments: str, user: str = "dan") -> list[str]:
    lines, _ = run(*arguments, "--format", "jsonl", user=user)
    return [json.loads(line)["message"] for line in lines]


def refused(*arguments: str, user: str = "dan") -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*arguments, user=user)
    return caught.value


# --- what it shows ----------------------------------------------------------------------------


def test_everything_the_stream_holds_is_shown_in_order_and_accounted_for(
    on_redis: RedisServer, cast: Cast
):
    with on_redis.client() as client:
        for number in range(700):  # several pages
            add(client, f"line {number}")
    lines, said = run("--format", "jsonl")

    assert [json.loads(line)["message"] for line in lines] == [f"line {n}" for n in range(700)]
    assert "700 shown, 0 filtered out, 0 lost" in said


def test_a_stream_of_a_cluster_is_replayed_from_the_node_that_has_it(
    one_cluster: Cluster, transactional_db: None, settings: Any, cast: Cast
):
    settings.REDIS_URL = one_cluster.url
    keys, target = Keys("ext-debug:", bucketed=True), Target("acme", "invoice-sync")
    with one_cluster.owner(keys.bucket(target) or 0).client() as client:
        client.delete(keys.of(target))
        for number in range(300):
            add(client, f"line {number}", key=keys.of(target))
    lines, said = run("--format", "jsonl")
    assert [json.loads(line)["message"] for line in lines] == [f"line {n}" for n in range(300)]
    assert "300 shown, 0 filtered out, 0 lost" in said


def test_last_request_and_filter_choose(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        for number in range(10):
            add(client, f"line {number}", request=f"r{number % 2}", level="warn")

    assert messages("--last", "3") == ["line 7", "line 8", "line 9"]
    assert messages("--request", "r1") == [f"line {n}" for n in (1, 3, 5, 7, 9)]
    assert messages("--filter", "level>=warn /[23]$/") == ["line 2", "line 3"]
    assert messages("--last", "2", "--request", "r0") == ["line 6", "line 8"]


def test_since_begins_at_a_time(on_redis: RedisServer, cast: Cast):
    now = dt.datetime.now(dt.UTC)
    with on_redis.client() as client:
        for minutes in (30, 10, 1):
            ms = int((now - dt.timedelta(minutes=minutes)).timestamp() * 1000)
            client.execute_command("XADD", KEY, f"{ms}-0", "message", f"{minutes} ago")

    assert messages("--since", "15m") == ["10 ago", "1 ago"]
    assert messages("--since", (now - dt.timedelta(minutes=5)).isoformat()) == ["1 ago"]


def test_an_empty_or_missing_stream_is_nothing_to_show(on_redis: RedisServer, cast: Cast):
    lines, said = run()

    assert lines == []
    assert "0 shown, 0 filtered out, 0 lost" in said


def test_a_loss_is_shown_where_it_happened(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        add(client, "one", src="boot", n="1")
        client.xadd(KEY, {"src": "boot", "n": "39", "lost": "37", "why": "queue full"})
        add(client, "two", src="boot", n="40")
        client.xadd(KEY, {"tenant": "globex", "message": "forged"})
    lines, said = run()

    assert [line.rpartition("  ")[2] for line in (lines[0], lines[2])] == ["one", "two"]
    assert "37 entries missing: dropped by the runner" in lines[1]
    assert "1 entries missing: unreadable" in lines[3]
    assert "2 shown, 0 filtered out, 38 lost" in said


def test_terminal_output_is_passive(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        add(client, "\x1b]52;c;eA==\x07 \r forged \u202e")
    for form in ("pretty", "jsonl"):
        lines, _ = run("--format", form)
        assert not set("\x1b\x07\r\u202e") & set("".join(lines))


def test_the_original_pace_is_kept(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        begin = int(client.time()[0]) * 1000 - 60_000
        for number in range(4):
            client.execute_command("XADD", KEY, f"{begin + number * 1000}-0", "message", number)
    before = time.monotonic()

    assert messages("--speed", "6") == ["0", "1", "2", "3"]
    assert time.monotonic() - before >= 0.5


# --- who may ----------------------------------------------------------------------------------


def test_secrets_are_masked_as_on_the_page(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        add(client, "key AKIAIOSFODNN7EXAMPLE used")  # the example key of AWS's own docs
    (line,), _ = run("--format", "jsonl")

    assert "AKIAIOSFODNN7EXAMPLE" not in line
    assert json.loads(line)["redacted"]


def test_a_developer_of_one_install_sees_that_install(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        add(client, "mine")
        add(client, "another's", install="inst-other")
        client.xadd(KEY, {"message": "nobody's"})

    assert messages(user="dora") == ["mine"]


@pytest.mark.parametrize("user", ["mallory", "greta"])
def test_an_outsider_hears_what_a_missing_stream_would_say(
    on_redis: RedisServer, cast: Cast, user: str
):
    with on_redis.client() as client:
        add(client, "secret")
    error = refused(user=user)

    assert "There is no such tenant and extension" in str(error)
    assert error.returncode == 3
    denied = AuditRecord.objects.filter(action="session.denied")
    assert denied.get().actor_name == user
    assert not DebugSession.objects.exists()


def test_a_suspended_tenant_is_refused_with_its_reason(on_redis: RedisServer, cast: Cast):
    Tenant.objects.filter(key="acme").update(suspended_at=dt.datetime.now(dt.UTC))
    error = refused()

    assert error.returncode == 3
    assert "suspended" in str(error).lower()


def test_a_session_and_its_audit_rows_are_written_and_closed(on_redis: RedisServer, cast: Cast):
    with on_redis.client() as client:
        add(client, "one")
    run("--last", "5", "--filter", "one")

    row = DebugSession.objects.get()
    assert (row.transport, row.username, row.close_code, row.shown) == ("replay", "dan", 1000, 1)
    assert row.filters[0]["q"] == "one"
    about = AuditRecord.objects.filter(subject_id=str(row.pk)).order_by("seq")
    assert [record.action for record in about] == [
        "session.opened", "session.replayed", "session.closed",
    ]  # fmt: skip
    assert about[1].data["run_by"]
    assert about[1].data["tail"] == 5
    assert not Process.objects.exists(), "the command signs off"


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--filter", "(a"], "--filter or --request: this ( is never closed"),
        (["--filter", "a /(/"], "(at character 3)"),
        (["--request", "a\nb"], "control characters"),
        (["--since", "yesterday"], "--since: expected 10m"),
        (["--last", "-1"], "expected"),
        (["--last", "many"], "--last: expected 0 to 20000"),
        (["--speed", "0"], "expected a number above 0"),
        (["--since", "1m", "--last", "1"], "not allowed with"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_a_wrong_argument_is_named(
    on_redis: RedisServer, cast: Cast, arguments: list[str], says: str
):
    assert says in str(refused(*arguments))
    assert not DebugSession.objects.exists()


def test_an_unknown_or_inactive_user_is_refused(on_redis: RedisServer, cast: Cast):
    cast.dan.is_active = False
    cast.dan.save()

    assert "no active user 'dan'" in str(refused())
    assert "no active user 'nobody'" in str(refused(user="nobody"))


def test_an_unreachable_redis_is_said_and_not_waited_for(cast: Cast, settings: Any):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    error = refused()

    assert error.returncode == 4
    row = DebugSession.objects.get()
    assert row.closed_at is not None


def test_without_redis_there_is_nothing_to_replay(cast: Cast, settings: Any):
    settings.REDIS_URL = ""

    assert "REDIS_URL is not set" in str(refused())


def test_a_filter_that_needs_too_much_ends_its_session_and_says_so(
    on_redis: RedisServer, cast: Cast
):
    chance = random.Random(2)
    with on_redis.client() as client:
        for _ in range(300):
            add(client, "".join(chance.choices("ab", k=4_000)))
    error = refused("--filter", "/(?:[ab]*a[ab]{100}){3}c/")

    assert "too much CPU" in str(error)
    assert error.returncode == 1
    assert DebugSession.objects.get().close_code == 4400


def begin(url: str, database: str) -> subprocess.Popen[str]:
    """The command that follows, as a person starts it: its output is a pipe, and buffered."""
    command, _, onward = FOLLOWING.partition(" | ")
    program, *words = shlex.split(command)
    assert (program, onward) == ("manage.py", "jq .message")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, program, *words, "--skip-checks"],
        env={**inherited, "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": url,
             "DATABASE_URL": database},
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def next_message(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline())["message"])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, replay_stream.TERMINATED)]
)
def test_following_shows_what_comes_and_ends_in_order_when_told(
    on_redis: RedisServer, cast: Cast, number: signal.Signals, code: int
):
    with on_redis.client() as client:
        add(client, "before")
        with begin(on_redis.url, database_url()) as process:
            assert next_message(process) == "before"
            add(client, "after")
            assert next_message(process) == "after"
            process.send_signal(number)
            assert process.wait(10) == code
    assert not DebugSession.objects.filter(closed_at=None).exists(), "the session is closed"
    assert not Process.objects.exists(), "and the command signed off"


def test_following_ends_when_cut_and_a_killed_one_is_no_lost_console(
    on_redis: RedisServer, cast: Cast
):
    with on_redis.client() as client:
        add(client, "before")
        with begin(on_redis.url, database_url()) as process:
            assert next_message(process) == "before"
            wait_until(Process.objects.exists, what="its row")
            process.kill()
        Process.objects.update(beat_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1))
        assert heartbeats.signs() == heartbeats.Signs(0, 0, None, 0)
        assert streams()["silent_count"] == 0
        with begin(on_redis.url, database_url()) as process:
            assert next_message(process) == "before"
            Tenant.objects.filter(key="acme").update(suspended_at=dt.datetime.now(dt.UTC))
            assert process.wait(10) == 3
            assert process.stderr is not None
            assert "suspended" in process.stderr.read().lower()


def test_a_database_that_is_away_is_said_in_a_line(on_redis: RedisServer):
    nowhere = "postgres://nobody@127.0.0.1:1/nothing"
    with begin(on_redis.url, nowhere) as process:
        assert process.stderr is not None
        (line,) = process.stderr.read().splitlines()
    assert line.startswith("CommandError: the database does not answer: ")
    assert process.returncode == replay_stream.UNAVAILABLE


# --- its page in the documents ----------------------------------------------------------------


def test_the_commands_of_the_document_show_what_they_ask_for(on_redis: RedisServer, cast: Cast):
    by_filter, by_request = (shlex.split(command) for command in FIRST)
    assert (
        by_filter[:6]
        == by_request[:6]
        == shlex.split("manage.py replay_stream acme invoice-sync --as dan")
    )
    with on_redis.client() as client:
        add(client, "too quiet", level="info")
        add(client, "slow disk", level="warn")
        add(client, "retry soon", level="error")
        add(client, "of one request", request=by_request[by_request.index("--request") + 1])

    assert messages(*by_filter[6:]) == ["slow disk"]
    assert messages(*by_request[6:]) == ["of one request"]


def test_the_document_names_every_option_and_exit_code():
    parser = replay_stream.Command().create_parser("manage.py", "replay_stream")
    ours = parser.parse_args(["t", "e", "--as", "u"])
    documented = set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE))
    known = set(re.findall(r"(--[a-z]+)", parser.format_help()))

    assert documented <= known
    assert {"since", "until", "last", "request", "filter", "follow", "speed", "format"} <= vars(
        ours
    ).keys()
    assert documented == {
        "--as", "--since", "--until", "--last", "--request", "--filter", "--follow", "--speed",
        "--format",
    }  # fmt: skip
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert codes == {
        0, 1, 2, replay_stream.REFUSED, replay_stream.UNAVAILABLE, replay_stream.INTERRUPTED,
        replay_stream.TERMINATED,
    }  # fmt: skip
