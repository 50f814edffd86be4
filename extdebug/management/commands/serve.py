"""`manage.py serve`: the console under uvicorn, as the image and the demo run it."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from extdebug.ops import readiness, server

CODE: Final = ("audit", "config", "extdebug", "policies")  # the folders that --reload watches


class Command(BaseCommand):
    help = "Serve the console with uvicorn. Several processes: start it again with --reuse-port."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=server.port_option, default=8000)
        parser.add_argument(
            "--reuse-port", action="store_true", help="share the port with other processes"
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
        try:
            sock = server.listen(
                options["host"], port=options["port"], reuse_port=options["reuse_port"]
            )
        except server.PortTaken as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"serving on http://{options['host']}:{sock.getsockname()[1]}")
        server.run(
            sock,
            trusted_proxies=settings.TRUSTED_PROXIES,
            reload=[settings.BASE_DIR / name for name in CODE] if options["reload"] else (),
        )

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


def _line(message: CheckMessage) -> str:
    return " ".join(f"{message.id}: {message.msg} {message.hint or ''}".split())
