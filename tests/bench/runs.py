"""One run of the bench: its folder, its services once a row asks for them, and how big it is."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.bench.processes import ELSE, keep_to
from tests.bench.stage import Stage
from tests.bench.watchers import compile_watchers
from tests.fixtures.postgres import PostgresCluster

CONSOLE: Final = "debug_console"  # the database role of the console in production
PRODUCTION: Final = {
    "EXT_DEBUG_ENVIRONMENT": "production",
    "EXT_DEBUG_UI_ENABLED": "true",
    "SECRET_KEY": "for-benches-only-0123456789-abcdefghijklmnopqrstuvw",
    "REDACTION_KEY": "for-benches-only-0123456789-abcdefghijkl",
    "ALLOWED_HOSTS": "127.0.0.1,testserver",
    "EXT_DEBUG_ORIGINS": "http://127.0.0.1:8000",  # where a server listens, it names its own
    "STATIC_HASHED": "false",
    "HTTPS_ONLY": "off",
}


class Run:
    """What rows are given. `quick`: a smoke run, small enough that its figures say nothing."""

    def __init__(self, folder: Path, *, quick: bool = False) -> None:
        self.folder = folder
        self.quick = quick
        self._ends = ExitStack()

    @cached_property
    def stage(self) -> Stage:
        """Redis, SQLite and the cast, with the compiled watchers."""
        compile_watchers(self.folder)
        stage = Stage(self.folder)
        self._ends.callback(stage.close)
        return stage

    @cached_property
    def production(self) -> Stage:
        """The same in production, with 10,000 installs and 1,000 grants, on PostgreSQL."""
        folder = self.folder / "production"
        folder.mkdir()
        compile_watchers(folder)
        cluster = PostgresCluster()
        self._ends.callback(cluster.remove)
        url = cluster.start().create_database()
        keep_to(ELSE, cluster.pid)
        stage = Stage(folder, database_url=url, settings=PRODUCTION, people="print_world()")
        self._ends.callback(stage.close)
        assert stage.people
        # In production the console refuses to run as the owner of the trail.
        stage.sql(f"CREATE ROLE {CONSOLE} LOGIN; {stage.manage('audit_role', CONSOLE)}")
        stage.environment["DATABASE_URL"] = url.replace("//console@", f"//{CONSOLE}@")
        return stage

    def close(self) -> None:
        """End the services that were started."""
        self._ends.close()
