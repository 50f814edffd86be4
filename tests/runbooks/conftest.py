"""The stage of the fault suite: a walk has the same consoles, watchers, writers and judge."""

from tests.faults.conftest import stage
from tests.policies.grants.conftest import receiver

__all__ = ["receiver", "stage"]
