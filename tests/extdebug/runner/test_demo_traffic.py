"""The demo's traffic: both tenants, every kind of output, and a clean end on SIGTERM."""

import signal
import subprocess

import pytest

from extdebug.runner.wasm.build import build_guest
from tests.extdebug.runner.ledger import read_stream
from tests.extdebug.runner.test_main import RUNNER, environment
from tests.fixtures.programs import wait_until


@pytest.mark.redis
def test_the_demo_fills_both_tenants_streams_and_ends_cleanly_on_sigterm(redis_server):
    build_guest()
    child = subprocess.Popen(
        [*RUNNER, "demo", "--tenant-install", "acme:inst-acme", "--tenant-install",
         "globex:inst-globex", "--extension", "invoice-sync", "--rate", "20"],
        env=environment(redis_server.url), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def streams() -> list:
        with redis_server.client() as client:
            return [
                read_stream(
                    client,
                    f"ext-debug:{tenant}:invoice-sync",
                    tenant=tenant,
                    extension="invoice-sync",
                )
                for tenant in ("acme", "globex")
            ]

    def shown() -> bool:
        """Which requests come is chance: wait for some that fail, too."""
        both = streams()
        outputs = {event.stream for stream in both for event, _ in stream}
        return min(map(len, both)) > 100 and len(outputs) == 3

    try:
        wait_until(shown, seconds=60, what="events of both, of every output")
    finally:
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0, err
    assert "panicked" not in err
    events = [event for stream in streams() for event, _ in stream]
    assert {event.install_id for event in events} == {"inst-acme", "inst-globex"}
    assert len({event.stream for event in events}) == 3
    assert len({event.request_id for event in events}) > 5
