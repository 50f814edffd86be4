"""Planted faults in the frames that sessions share."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

REST: Final = "extdebug/protocol/frame_rest.py"
REST_TESTS: Final = "tests/extdebug/protocol/test_frame_rest.py"

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
]  # fmt: skip
