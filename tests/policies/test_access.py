"""The door: who gets in, what they are told, and how few queries it takes."""

from typing import Any

from policies import access
from policies.access import Viewer


def viewer(user: Any, **more: Any) -> Viewer:
    return access.viewer_of(user, transport="ws", **more)


def test_smoke(cast: Any) -> None:
    for name in ("olivia", "alice", "greta", "dan", "dora", "mallory"):
        d = access.decide(
            viewer(getattr(cast, name)), tenant="acme", extension="invoice-sync", opening=True
        )
        print(name, d.allowed, d.code, d.reason, d.installs, d.version)
    print(access.choices(viewer(cast.dan), extension="invoice-sync"))
    print(access.overview(cast.dora))
