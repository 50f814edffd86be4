"""`manage.py redis_acl`: prints the Redis ACL of each role, for the server's version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from extdebug.streams.acl import AclRole, UnsupportedServer, Version, rules
from extdebug.wire.keys import Keys

CONNECT_SECONDS: Final = 3
ADVISED: Final = "7.2"


class Command(BaseCommand):
    help = (
        "Print the ACL of runner, console, janitor, purge and read-only operator. Replace the "
        "password hash (sha256 in hex), then paste into redis-cli or, with --aclfile, into the "
        "ACL file."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--role", choices=[role.name.lower() for role in AclRole], help="only this one"
        )
        parser.add_argument(
            "--server-version",
            help=f"for example {ADVISED}; without it the server of REDIS_URL is asked",
        )
        parser.add_argument(
            "--cluster", action="store_true",
            help="for the nodes of a cluster, as without it where REDIS_URL names one",
        )  # fmt: skip
        parser.add_argument("--aclfile", action="store_true", help="as lines of an ACL file")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = Version.parse(options["server_version"] or _ask_server())
        except (ValueError, UnsupportedServer) as error:
            raise CommandError(str(error)) from error
        keys = Keys(
            settings.EXT_DEBUG_STREAM_PREFIX, bucketed=options["cluster"] or _on_a_cluster()
        )
        chosen = [AclRole[options["role"].upper()]] if options["role"] else list(AclRole)
        for role in chosen:
            words = rules(
                role,
                version=version,
                keys=keys,
                layer_prefix=settings.CHANNEL_LAYER_PREFIX,
            )
            first = "user" if options["aclfile"] else "ACL SETUSER"
            self.stdout.write(" ".join([first, role.value, *words]))


def _on_a_cluster() -> bool:
    from extdebug.wire.redis_clients import keys

    return keys(settings.REDIS_URL, prefix="").bucketed


def _ask_server() -> str:
    from redis import RedisError

    from extdebug.wire.redis_causes import cause
    from extdebug.wire.redis_clients import client

    if not settings.REDIS_URL:
        return ADVISED
    try:
        with client(settings.REDIS_URL, seconds=CONNECT_SECONDS) as asked:
            return str(asked.info("server")["redis_version"])
    except RedisError as error:
        raise CommandError(
            f"cannot ask the Redis of REDIS_URL for its version ({cause(error)}); "
            f"give it with --server-version {ADVISED}"
        ) from error
