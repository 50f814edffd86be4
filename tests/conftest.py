"""What every test may ask for. The fixtures live in tests/fixtures/, one file each.

`redis_server`, `redis_server_factory`, `postgres`, `live_console`, `browser`, `cast`.
"""

import os
import time

import pytest
from django.conf import settings
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.cast",
    "tests.fixtures.console",
    "tests.fixtures.database",
    "tests.fixtures.postgres",
    "tests.fixtures.redis",
    "tests.fixtures.runner",
]
# Whole systems run once, on SQLite: what differs between the databases is tested in the rooms.
_ONCE = ("tests/e2e/", "tests/faults/", "tests/bench/", "tests/extdebug/demo/",
         "tests/extdebug/management/commands/test_demo.py")  # fmt: skip
if "MUTATION" in os.environ:  # a planted fault (tests/mutations) needs no smallest example
    hypothesis_settings.register_profile(
        "planted", phases=[Phase.explicit, Phase.generate], database=None
    )
    hypothesis_settings.load_profile("planted")
_NEEDS_DATABASE = {"db", "transactional_db", "django_db_setup", "live_server"}
_MINUTE_ENDS = 57  # second of the minute


@pytest.fixture(autouse=True)
def _begins_within_a_minute(request: pytest.FixtureRequest) -> None:
    """The trail counts repeats by the clock's minute: what touches it does not begin at its end."""
    if _NEEDS_DATABASE & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        left = 60 - time.time() % 60
        if left < 60 - _MINUTE_ENDS:
            time.sleep(left)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches the database runs again: tests/run has had the rest."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        uses = item.get_closest_marker("django_db") is not None or fixtures & _NEEDS_DATABASE
        again = uses and not item.nodeid.startswith(_ONCE)
        (kept if again else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)
