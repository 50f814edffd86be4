"""What decisions, openings and the admin's lists cost with 10,000 installs and 1,000 grants.

    python -m tests.bench.bench_openings [--rounds 3] [--only decide,opening,lists,storm]

On a PostgreSQL of its own. Times are medians of wall time and of this process's CPU; queries are
counted. The storm opens 2,000 sessions of 1,000 people over WebSockets on `manage.py serve`, then
restarts it and lets everybody come back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.programs import free_port, redis_program, wait_until

ROOT = Path(__file__).resolve().parents[2]
LISTS = (
    "/admin/", "/admin/policies/grant/", "/admin/policies/install/", "/admin/policies/tenant/",
    "/admin/policies/extension/", "/admin/policies/membership/",
    "/admin/policies/extensiondeveloper/", "/admin/policies/capability/",
    "/admin/policies/accesstoken/", "/admin/policies/changerequest/", "/admin/policies/limits/",
    "/admin/extdebug/debugsession/", "/admin/extdebug/process/", "/admin/audit/auditrecord/",
)  # fmt: skip

Row = tuple[str, float, str]  # what was measured, the figure, its unit


@contextmanager
def database() -> Iterator[str]:
    """A private PostgreSQL with the world in it; its URL."""
    from tests.fixtures.postgres import PostgresCluster

    cluster = PostgresCluster()
    port = free_port()
    redis = subprocess.Popen(
        [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = cluster.start().create_database()
        os.environ.update(
            DATABASE_URL=url, EXT_DEBUG_ENVIRONMENT="production", EXT_DEBUG_UI_ENABLED="true",
            SECRET_KEY="for-benches-only-0123456789-abcdefghijklmnopqrstuvw",
            REDACTION_KEY="for-benches-only-0123456789-abcdefghijkl",
            EXT_DEBUG_ORIGINS="http://127.0.0.1:8000", ALLOWED_HOSTS="127.0.0.1,testserver",
            DJANGO_SETTINGS_MODULE="config.settings", STATIC_HASHED="false", HTTPS_ONLY="off",
            REDIS_URL=f"redis://127.0.0.1:{port}/0", LOG_LEVEL="ERROR",
        )  # fmt: skip
        manage("migrate", "-v", "0", "--skip-checks")
        yield url
    finally:
        redis.terminate()
        redis.wait(10)
        cluster.remove()


def manage(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stderr=subprocess.DEVNULL
    )


def measured(name: str, work: Callable[[int], object], *, times: int) -> list[Row]:
    """Medians of one call: wall, CPU of this process, queries."""
    from django.db import connection

    for number in range(5):
        work(number)
    seen: list[str] = []

    def count(execute: Any, statement: str, *rest: Any) -> Any:
        seen.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(count):
        work(5)
    walls, before = [], time.process_time()
    for number in range(6, 6 + times):
        began = time.perf_counter()
        work(number)
        walls.append(time.perf_counter() - began)
    cpu = (time.process_time() - before) / times
    return [
        (f"{name}, wall", statistics.median(walls) * 1e3, "ms"),
        (f"{name}, CPU", cpu * 1e3, "ms"),
        (f"{name}", len(seen), "queries"),
    ]


def decisions(*, times: int = 200) -> list[Row]:
    from django.contrib.auth.models import User

    from policies import access
    from tests.bench.opening_world import PEOPLE, target_of

    viewers = [access.viewer_of(u, transport="ws") for u in User.objects.order_by("pk")[:PEOPLE]]

    def one(number: int) -> None:
        tenant, extension = target_of(number)
        viewer = viewers[number % PEOPLE]
        assert access.decide(viewer, tenant=tenant, extension=extension).allowed

    def all_asked(_: int) -> None:
        asked = [(viewer, *target_of(number)) for number, viewer in enumerate(viewers[:500])]
        assert all(decision.allowed for decision in access.decide_many(asked))

    return [
        *measured("decide", one, times=times),
        *measured("decide 500 together", all_asked, times=max(times // 20, 3)),
    ]


def openings(*, times: int = 200) -> list[Row]:
    from django.contrib.auth.models import User
    from django.utils import timezone

    from extdebug.models import DebugSession
    from extdebug.sessions.open_rows import Wanted, open_rows
    from extdebug.wire.keys import Target
    from policies import access
    from tests.bench.opening_world import PEOPLE, target_of

    viewers = [access.viewer_of(u, transport="ws") for u in User.objects.order_by("pk")[:PEOPLE]]

    def one(number: int) -> None:
        together([number])

    def together(numbers: Sequence[int]) -> None:
        opened = open_rows([
            Wanted(viewers[number % PEOPLE], Target(*target_of(number)), "bench")
            for number in numbers
        ])  # fmt: skip
        assert all(lease for _, lease in opened)

    rows = measured("opening", one, times=times)
    DebugSession.objects.filter(closed_at=None).update(closed_at=timezone.now(), close_code=1000)
    rows += measured("opening of 64 together", lambda n: together(range(64 * n, 64 * n + 64)),
                     times=8)  # fmt: skip
    DebugSession.objects.filter(closed_at=None).update(closed_at=timezone.now(), close_code=1000)
    return rows


def lists(*, times: int = 10) -> list[Row]:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username="operator"))

    def page(path: str) -> Callable[[int], None]:
        def get(_: int) -> None:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)

        return get

    return [row for path in LISTS for row in measured(path, page(path), times=times)]


SESSIONS = 2_000


def storm(*, sessions: int = SESSIONS) -> list[Row]:
    """New sessions at once, and the same coming back after the server was restarted."""
    return asyncio.run(_storm(sessions, as_the_console(os.environ["DATABASE_URL"])))


async def _storm(sessions: int, database_url: str) -> list[Row]:
    from django.conf import settings

    from tests.bench.opening_world import PEOPLE, key_of, target_of
    from tests.bench.storm import Client, all_live

    clients = [
        Client(
            f"127.0.{1 + n // 250}.{1 + n % 250}",
            f"{settings.SESSION_COOKIE_NAME}={key_of(f'p{n % PEOPLE:04}')}",
            *target_of(n),
        )
        for n in range(sessions)
    ]
    found: list[Row] = []
    port = free_port()
    for name in ("opened", "back after a restart"):
        with server(port, database_url) as pid:
            before = cpu_seconds(pid)
            seconds = await all_live(clients, port)
            found += [
                (f"{sessions} sessions {name}", seconds, "s"),
                (f"{sessions} sessions {name}, CPU of the server", cpu_seconds(pid) - before, "s"),
            ]
    for client in clients:
        client.hang_up()
    return found


@contextmanager
def server(port: int, database_url: str) -> Iterator[int]:
    """The process id of a server on core 0, ended as a restart ends it."""
    environment = {
        **os.environ, "EXT_DEBUG_ORIGINS": f"http://127.0.0.1:{port}",
        "DATABASE_URL": database_url,
    }  # fmt: skip
    command = ["taskset", "-c", "0", sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until(lambda: _answers(port), seconds=60, what="the server")
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def as_the_console(url: str) -> str:
    """The URL for the console's own role, which has no power over the trail; made when missing."""
    from django.db import connection

    from audit.roles import grants_for

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'")
        if cursor.fetchone() is None:
            cursor.execute("CREATE ROLE app LOGIN")
        cursor.execute(" ".join(grants_for("app")))
    return url.replace("//console@", "//app@")


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


PARTS: dict[str, Callable[[], list[Row]]] = {
    "decide": decisions, "opening": openings, "lists": lists, "storm": storm,
}  # fmt: skip


def rows(*, only: tuple[str, ...] = tuple(PARTS)) -> list[Row]:
    """One round of these parts, in a world of its own."""
    with database():
        import django

        django.setup()
        from django.db import connections

        from tests.bench import opening_world

        opening_world.lay_out()
        try:
            return [row for name in only for row in PARTS[name]()]
        finally:
            connections.close_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    for name, figure, unit in rows(only=tuple(options.only.split(","))):
        print(f"{name}: {figure:,.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
