"""`manage.py demo`: runs console, runner, janitor and sample data here until Ctrl-C."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from extdebug.demo.plan import EXTENSION, Plan, missing_modules
from extdebug.ops import server

START_SECONDS: Final = 60
# Until the sample guest printed something: its first build may take BUILD_TIMEOUT, 300 s.
FIRST_LINE_SECONDS: Final = 330
TELL_SECONDS: Final = 5  # between two lines that say what is waited for
CONNECT_SECONDS: Final = 3


class Command(BaseCommand):
    help = "Run console, runner, sample data and (without REDIS_URL) an embedded Redis."
    # The settings of this process are not the demo's: its children get their own.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=server.port_option, default=8000, help="port on 127.0.0.1"
        )
        parser.add_argument("--data", metavar="DIR", help="where to keep things: var/demo")
        parser.add_argument(
            "--environment",
            choices=("development", "staging", "production"),
            default="development",
            help="production: watching needs a grant that somebody else approved",
        )
        parser.add_argument(
            "--reload",
            action="store_true",
            help="for work on the console: DEBUG, and the next request shows an edited template, "
            "static file or Python module (runner and janitor go on as they were started)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # into a file or pipe, too
        if missing := missing_modules():
            raise CommandError(
                f"{', '.join(missing)} not installed; the demo needs: pip install -e '.[demo]'"
            )
        if options["reload"] and options["environment"] == "production":
            raise CommandError(
                "--reload turns DEBUG on, which production refuses: use --environment staging"
            )
        _check_port(options["port"])
        try:
            with interrupts(), self._redis() as redis_url:
                plan = Plan(
                    root=Path(settings.BASE_DIR),
                    folder=Path(options["data"] or settings.BASE_DIR / "var" / "demo").resolve(),
                    port=options["port"],
                    redis_url=redis_url,
                    environment=options["environment"],
                    reload=options["reload"],
                )
                self._run(plan)
        except KeyboardInterrupt:
            self.stdout.write("\nended")

    @contextmanager
    def _redis(self) -> Iterator[str]:
        """The URL of the Redis in REDIS_URL, or of an embedded one."""
        from redis import RedisError

        from extdebug.wire.redis_causes import cause
        from extdebug.wire.redis_clients import client

        url = settings.REDIS_URL
        if not url:
            from extdebug.demo.embedded_redis import embedded_redis

            with embedded_redis() as embedded:
                self.stdout.write("REDIS_URL is not set: using an embedded server")
                yield embedded
            return
        try:
            with client(url, seconds=CONNECT_SECONDS) as asked:
                asked.ping()
        except RedisError as error:
            raise CommandError(f"cannot reach the Redis of REDIS_URL: {cause(error)}") from error
        yield url

    def _run(self, plan: Plan) -> None:
        from extdebug.demo.children import Children, Ended

        self.stdout.write("preparing the database and the sample ...")
        environment = plan.console_environment()
        prepared = subprocess.run(plan.prepare(), cwd=plan.root, env=environment, check=False)
        if prepared.returncode:
            raise CommandError("the database could not be prepared, see above")
        try:
            with Children(folder=plan.root, say=self.stdout.write) as children:
                children.start("runner", plan.runner(), env=plan.runner_environment())
                children.start("console", plan.console(), env=environment)
                children.start("janitor", plan.janitor(), env=environment)
                _wait_for(plan.address, children=children)
                self._wait_for_a_line(plan, children=children)
                self.stdout.write(welcome(plan, settings_file=plan.write_settings()))
                while True:
                    children.check()
                    time.sleep(0.5)
        except Ended as error:
            raise CommandError(str(error)) from error

    def _wait_for_a_line(self, plan: Plan, *, children: Any) -> None:
        """Until the page that welcome() names has something to show, saying what is waited for."""
        from redis import RedisError

        from extdebug.wire.redis_clients import client

        began = told = time.monotonic()
        try:
            with client(plan.redis_url, seconds=CONNECT_SECONDS, bucket=plan.first_bucket) as asked:
                while not asked.xlen(plan.first_stream):
                    children.check()
                    time.sleep(0.1)
                    now = time.monotonic()
                    if now - began > FIRST_LINE_SECONDS:
                        self.stdout.write("the sample guest printed nothing: see the runner above")
                        return
                    if now - told >= TELL_SECONDS:
                        told = now
                        self.stdout.write(
                            f"waiting for the sample guest, {now - began:.0f} s "
                            "(it is built and compiled on the first start only) ..."
                        )
        except RedisError as error:
            raise CommandError(f"the demo lost its Redis: {error}") from error


def _check_port(port: int) -> None:
    try:
        server.listen("127.0.0.1", port=port).close()
    except server.PortTaken as error:
        raise CommandError(f"{error}; try --port {port + 1}") from error


def _wait_for(address: str, *, children: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        children.check()
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=1).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"the console did not answer within {START_SECONDS} s")


@contextmanager
def interrupts() -> Iterator[None]:
    """SIGTERM and a closed terminal act like Ctrl-C; a second one does not cut the end short."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def welcome(plan: Plan, *, settings_file: Path) -> str:
    """What to open, who can sign in, what to try."""
    from extdebug.demo.sample import PASSWORD, PEOPLE

    people = "\n".join(f"    {name:<8} {what}" for name, what in PEOPLE.items())
    steps = {
        "production": f"""\
    - Nobody may watch in production without a grant, and dan has asked for one. Open the console
      as dan: the page waits for the answer. In another browser profile approve it as olivia on
      the desk, {plan.address}/admin/ (mail to approvers: {_short(plan.folder / "mail")}).
    - Revoke it while dan watches.
    - Break-glass access is refused here: no mail leaves this machine, so nobody would be told.""",
    }.get(
        plan.environment,
        """\
    - As dan: watch a guest work; filter by a request, level:error or /regex/; pause; scroll up.
    - As alice in another browser profile: acme only. As mallory: as if none of it existed.
    - With --environment production: request, approve and revoke a grant.""",
    )
    return f"""
  Extension Debug Console ({plan.environment})

    {plan.address}/extensions/{EXTENSION}/debug?tenant=acme
    {plan.address}/admin/

  Sign in as (password of all: {PASSWORD})
{people}

  Try
{steps}
    - In another terminal, as the page shows it:
      . {_short(settings_file)}
      {_short(Path(sys.executable))} manage.py replay_stream acme {EXTENSION} --as dan --follow

  Ctrl-C ends all of it.
"""


def _short(path: Path) -> str:
    """Relative to where the person is, if that is above it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
