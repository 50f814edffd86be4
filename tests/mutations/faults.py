"""All faults that are planted."""

from __future__ import annotations

from typing import Final

from tests.mutations.asides import ASIDES
from tests.mutations.clusters import CLUSTERS
from tests.mutations.cuts import CUTS
from tests.mutations.deliveries import DELIVERIES
from tests.mutations.directory import DIRECTORY
from tests.mutations.frames import FRAMES
from tests.mutations.levels import LEVELS
from tests.mutations.lists import LISTS
from tests.mutations.loss_core import LOSS_CORE
from tests.mutations.masters import MASTERS
from tests.mutations.middles import MIDDLES
from tests.mutations.openings import OPENINGS
from tests.mutations.presence import PRESENCES
from tests.mutations.purges import PURGES
from tests.mutations.ranges import RANGES
from tests.mutations.returns import RETURNS
from tests.mutations.second_factor import SECOND_FACTOR
from tests.mutations.shortcuts import SHORTCUTS
from tests.mutations.sign_in import SIGN_IN
from tests.mutations.traces import TRACES
from tests.mutations.turns import TURNS

MUTATIONS: Final = [
    *ASIDES,
    *CLUSTERS,
    *CUTS,
    *DELIVERIES,
    *DIRECTORY,
    *FRAMES,
    *LEVELS,
    *LISTS,
    *LOSS_CORE,
    *MASTERS,
    *MIDDLES,
    *OPENINGS,
    *PRESENCES,
    *PURGES,
    *RANGES,
    *RETURNS,
    *SECOND_FACTOR,
    *SHORTCUTS,
    *SIGN_IN,
    *TRACES,
    *TURNS,
]
