"""`manage.py serve`: the console under uvicorn, as the image and the demo run it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from extdebug import server


class Command(BaseCommand):
    help = "Serve the console with uvicorn. Several processes: start it again with --reuse-port."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--reuse-port", action="store_true", help="share the port with other processes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sock = server.listen(
                options["host"], port=options["port"], reuse_port=options["reuse_port"]
            )
        except server.PortTaken as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"serving on http://{options['host']}:{sock.getsockname()[1]}")
        server.run(sock, trusted_proxies=settings.TRUSTED_PROXIES)
