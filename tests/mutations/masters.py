"""Planted faults in which Redis is believed, each with the tests that must notice it."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

MASTERS: Final = [
    Mutation(
        "one Sentinel that was cut off moves everybody to an old master",
        "extdebug/wire/redis_sentinels.py",
        "count * 2 > len(address.sentinels)", "count > 0",
        "tests/extdebug/wire/test_redis_sentinels.py -k most_of_all",
    ),
    Mutation(
        "a master that was replaced is read on", "extdebug/streams/connection.py",
        "            if self._leaves:\n", "            if False:\n",
        "tests/extdebug/hub/test_master_watch.py",
    ),
    Mutation(
        "certificates are set and the password goes in the open",
        "extdebug/wire/environment/shared.py",
        "if not url.startswith(TLS_SCHEMES):", "if False:",
        "tests/extdebug/wire/environment/test_shared.py -k without_tls",
    ),
]  # fmt: skip
