"""How much one read of many streams may bring."""

from __future__ import annotations

import pytest

from extdebug.hub.tail import Tail


@pytest.mark.parametrize(("keys", "count"), [(0, 500), (1, 500), (10, 200), (100, 20), (128, 20)])
def test_one_reply_is_bounded_however_many_keys_it_lists(keys: int, count: int) -> None:
    one = Tail("redis://127.0.0.1:1/0", name="t", group=b"g", on_state=lambda _: None)
    assert one._count(keys) == count
