"""All faults that are planted."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import LOSS_CORE
from tests.mutations.returns import RETURNS

MUTATIONS: Final = [*LOSS_CORE, *RETURNS]
