"""What every test may ask for. The fixtures live in tests/fixtures/, one file each.

`redis_server`, `redis_server_factory`, `postgres`, `live_console`, `browser`, `cast`.
"""

import os
import time
import zlib
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings

from audit import outbox
from tests.fixtures.order import spread

# How long an example takes is the machine's, not the code's.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")
pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.cast",
    "tests.fixtures.certificates",
    "tests.fixtures.console",
    "tests.fixtures.database",
    "tests.fixtures.oidc",
    "tests.fixtures.otlp",
    "tests.fixtures.postgres",
    "tests.fixtures.redis",
    "tests.fixtures.redis_cluster",
    "tests.fixtures.runner",
    "tests.fixtures.sentinels",
]
# Whole systems run once, on SQLite: what differs between the databases is tested in the rooms.
_ONCE = ("tests/e2e/", "tests/faults/", "tests/bench/", "tests/extdebug/demo/",
         "tests/extdebug/hub/", "tests/extdebug/runner/", "tests/extdebug/test_modes.py",
         "tests/extdebug/test_quiet_log.py", "tests/extdebug/test_time_range.py",
         "tests/extdebug/ops/test_workers.py",
         "tests/extdebug/management/commands/test_demo.py")  # fmt: skip
# No test of these touches the database, and the run on SQLite holds them to it: the pass on
# PostgreSQL does not even import them.
_WITHOUT = ("tests/deploy/", "tests/extdebug/filters/", "tests/extdebug/protocol/",
            "tests/extdebug/streams/", "tests/mutations/", "tests/policies/decisions/",
            "tests/policies/redaction/")  # fmt: skip
# Where PostgreSQL is, a run tests a third of the rest on SQLite too, by the seed of the product's
# code: another third with each change of it. What depends on the database itself runs on both.
_ON_BOTH = ("tests/audit/", "tests/config/", "tests/policies/database/", "tests/policies/changes/")
_SHARES = 3
_NEEDS_DATABASE = {"db", "transactional_db", "django_db_setup", "live_server"}
_MINUTE_ENDS = 57  # second of the minute


@pytest.fixture(autouse=True)
def _begins_within_a_minute(request: pytest.FixtureRequest) -> None:
    """The trail counts repeats by the clock's minute: what touches it does not begin at its end."""
    if _NEEDS_DATABASE & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        left = 60 - time.time() % 60
        if left < 60 - _MINUTE_ENDS:
            time.sleep(left)


@pytest.fixture(autouse=True)
def _a_close_is_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine somebody else holds the chain's lock for longer than a close waits for it:
    its record would come by way of the outbox, after the test has looked."""
    monkeypatch.setattr(outbox, "PATIENCE_MS", 10 * outbox.PATIENCE_MS)


def _on_sqlite() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of what runs on SQLite alone nothing is imported for PostgreSQL."""
    if _on_sqlite() or not collection_path.is_relative_to(config.rootpath):
        return None
    place = collection_path.relative_to(config.rootpath).as_posix()
    place += "/" if collection_path.is_dir() else ""
    return True if place.startswith((*_ONCE, *_WITHOUT)) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches the database runs, and on SQLite the rest beside it. What
    starts whole consoles runs once: on PostgreSQL, where tests/run has it, unless `_ONCE` names it.
    """
    from tests.faults.plan import seed_of_run  # only now are its fixtures plugins

    sqlite = _on_sqlite()
    tested = os.environ.get("TESTED_ON") == "postgresql"
    share = seed_of_run() % _SHARES
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        uses = item.get_closest_marker("django_db") is not None or fixtures & _NEEDS_DATABASE
        if uses and item.nodeid.startswith(_WITHOUT):
            raise pytest.UsageError(
                f"{item.nodeid} uses the database, and would not run on PostgreSQL: take its folder"
                " out of _WITHOUT in tests/conftest.py"
            )
        on_sqlite_alone = item.nodeid.startswith(_ONCE) or not uses
        keep = not on_sqlite_alone
        if sqlite:
            ours = zlib.crc32(item.nodeid.encode()) % _SHARES == share
            on_both = item.nodeid.startswith(_ON_BOTH) or "sqlite" in item.nodeid or ours
            keep = on_sqlite_alone or not tested or (on_both and "live_console" not in fixtures)
        (kept if keep else dropped).append(item)
    items[:] = spread(kept)
    config.hook.pytest_deselected(items=dropped)
