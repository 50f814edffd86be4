"""Planted faults in the frames that sessions share, and in how the channel layer waits."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

REST: Final = "extdebug/protocol/frame_rest.py"
REST_TESTS: Final = "tests/extdebug/protocol/test_frame_rest.py"
LAYER: Final = "config/patient_layer.py"
LAYER_TESTS: Final = "tests/config/test_patient_layer.py"

FRAMES: Final = [
    Mutation(
        "the events of the frame before are told again at another place", REST,
        "if last.run is not run or last.cursor is not cursor:", "if last.cursor is not cursor:",
        REST_TESTS,
    ),
    Mutation(
        "the same events are told to all at the place of the first", REST,
        "if last.run is not run or last.cursor is not cursor:", "if last.run is not run:",
        REST_TESTS,
    ),
    Mutation(
        "the channel layer's receiver asks ten times a second", LAYER,
        "timeout=WAIT)", "timeout=timeout)", LAYER_TESTS,
    ),
]  # fmt: skip
