"""All faults that are planted."""

from __future__ import annotations

from typing import Final

from tests.mutations.levels import LEVELS
from tests.mutations.loss_core import LOSS_CORE
from tests.mutations.returns import RETURNS

MUTATIONS: Final = [*LEVELS, *LOSS_CORE, *RETURNS]
