"""`manage.py serve`: the console under uvicorn, as the image and the demo run it."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from extdebug.ops import readiness, server, workers
from extdebug.wire.environment.kinds import Whole

# The folders that --reload watches.
CODE: Final = ("audit", "config", "extdebug", "policies")


class Command(BaseCommand):
    help = "Serve the console with uvicorn, in one process or, with --workers, in several."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=server.port_option, default=8000)
        parser.add_argument(
            "--reuse-port", action="store_true", help="share the port with other processes"
        )
        parser.add_argument(
            "--workers",
            type=_workers,
            default=1,
            metavar="N",
            help="processes that share the port, one per core; each is started again when it ends",
        )
        parser.add_argument(
            "--reload",
            action="store_true",
            help="start again when a Python module changes; needs DEBUG=true",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._look_before()
        if options["reload"] and not settings.DEBUG:
            raise CommandError(
                "--reload needs DEBUG=true: without it templates and static files stay as they "
                "were at the start"
            )
        count = options["workers"]
        if options["reload"] and count > 1:
            raise CommandError("--reload serves with one process: leave --workers out")
        try:
            sock = server.listen(
                options["host"],
                port=options["port"],
                reuse_port=options["reuse_port"] or count > 1,
                accepting=count == 1,
            )
        except server.PortTaken as error:
            raise CommandError(str(error)) from error
        port = sock.getsockname()[1]
        by = f" with {count} workers" if count > 1 else ""
        self.stderr.write(f"serving on http://{options['host']}:{port}{by}")
        trusted = settings.TRUSTED_PROXIES
        if count > 1:
            workers.run(options["host"], port=port, count=count, trusted_proxies=trusted)
            return
        reload = [settings.BASE_DIR / name for name in CODE] if options["reload"] else ()
        server.run(sock, trusted_proxies=trusted, reload=reload)

    def _look_before(self) -> None:
        """CommandError, one line per reason, unless database and Redis are fit to be used."""
        if not settings.REDIS_URL and not settings.RUNNER_URL:
            raise CommandError("neither REDIS_URL nor RUNNER_URL is set: there is nothing to show")
        if readiness.redirects_to_itself():
            raise CommandError(
                "HTTPS_ONLY is on, and nothing says which requests came over TLS, so that each "
                "would be redirected to itself: set TRUSTED_PROXIES or BEHIND_TLS_PROXY for the "
                "proxy that ends TLS, or HTTPS_ONLY=off without one"
            )
        found: list[CheckMessage] = readiness.static_problems()
        try:
            found += readiness.database_problems()
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            if settings.PRODUCTION:
                raise CommandError(f"the database cannot be asked: {reason}") from error
            self.stderr.write(f"the database cannot be asked yet: {reason}")
        finally:
            if not connection.in_atomic_block:  # a test's
                connection.close()
        try:
            found += asyncio.run(readiness.redis_problems())
        except readiness.RedisAway as error:  # it may come back, or the runners stand in for it
            self.stderr.write(f"Redis does not answer yet: {error}: {error.reason}")
        for message in found:
            if not message.is_serious():
                self.stderr.write(_line(message))
        grave = [_line(message) for message in found if message.is_serious()]
        if grave:
            raise CommandError("\n".join(grave))


def _workers(text: str) -> int:
    try:
        return Whole(1, workers.MOST).parse(text)
    except ValueError:
        raise ArgumentTypeError(f"expected 1 to {workers.MOST}, got {text!r}") from None


def _line(message: CheckMessage) -> str:
    return " ".join(f"{message.id}: {message.msg} {message.hint or ''}".split())
