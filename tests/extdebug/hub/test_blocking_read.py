"""What is sent says the same as a command packed at once, however long it blocks."""

import pytest

from extdebug.hub.blocking_read import BlockingRead
from extdebug.streams.connection import pack

KEYS = [b"ext-debug:acme:a", b"ext-debug:acme:b"]


@pytest.mark.parametrize(
    ("block", "ms"), [(1.0, 1000), (0.02, 20), (0.0001, 1), (0.9999999, 1000), (0.25, 250)]
)
def test_it_blocks_for_as_long_as_is_said_and_never_for_ever(block: float, ms: int) -> None:
    read = BlockingRead(KEYS, group=b"g", count=20)
    blocking = ("COUNT", 20, "BLOCK", ms, "NOACK", "STREAMS")
    whole = pack(("XREADGROUP", "GROUP", b"g", "c", *blocking, *KEYS, ">", ">"))
    assert read.packed(block) == whole
    assert read.packed(block) == whole, "again"


@pytest.mark.parametrize("block", [0.0, -0.1])
def test_it_does_not_block_where_there_is_no_time(block: float) -> None:
    read = BlockingRead(KEYS[:1], group=b"g", count=500)
    assert read.packed(block) == pack(
        ("XREADGROUP", "GROUP", b"g", "c", "COUNT", 500, "NOACK", "STREAMS", KEYS[0], ">")
    )
