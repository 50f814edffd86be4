"""A session finds the server's extension in its scope, and does without where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from extdebug.transports import frame_extension


@pytest.mark.parametrize("scope", [{}, {"extensions": None}, {"extensions": {"other": {}}}])
def test_servers_without_it_serve_in_the_plain_way(scope: dict[str, Any]):
    assert frame_extension.of(scope) is None


def test_the_connection_s_own_is_found():
    mine: Any = object()
    assert frame_extension.of({"extensions": {frame_extension.NAME: mine}}) is mine
