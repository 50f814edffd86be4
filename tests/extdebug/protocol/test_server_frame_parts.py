"""Parts of the server's frames as a client reads them."""

from __future__ import annotations

import json

from extdebug.protocol.server_frame_parts import SharedFilter, SharedView, Watching
from extdebug.protocol.server_frames import Presence


def test_a_shared_view_is_told_whole_and_a_withheld_one_as_null() -> None:
    view = SharedView(SharedFilter(installs=("inst-acme",), q="x"), line="5-0", live=False)
    shown = [
        Watching(id="a", name="dora", transport="ws", since="2026-01-01T14:00:00.000Z", view=each)
        for each in (view, None)
    ]
    frame = json.loads(Presence(others=tuple(shown), more=False).encode())
    assert frame["type"] == "presence"
    assert [one["view"] for one in frame["others"]] == [
        {
            "filter": {
                "installs": ["inst-acme"], "request": None, "streams": [], "level": None, "q": "x",
            },
            "line": "5-0", "live": False,
        },
        None,
    ]  # fmt: skip
