"""What the frames of one run have in common is made once, and is no other run's or place's."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from extdebug.protocol import server_frames
from extdebug.protocol.frame_rest import SHORT, rest_of
from extdebug.wire.positions import Cursor, EntryId

RUNS = [b'{"message":"a"}', b'{"message":"b"}', b'{"message":"%b"}' % (b"c" * SHORT)]
PLACES: list[Cursor | str] = [Cursor(EntryId(9, 1), 40), Cursor(EntryId(9, 1), 41), "7-0"]


@given(st.lists(st.tuples(st.sampled_from(RUNS), st.sampled_from(PLACES), st.integers(1, 9))))
def test_whatever_was_told_before_a_frame_says_its_own_place_and_events(
    told: list[tuple[bytes, Cursor | str, int]],
) -> None:
    for run, place, seq in told:
        parts = server_frames.events_frame([run], seq=seq, rev=3, cursor=place)
        assert json.loads(b"".join(parts)) == {
            "type": "events", "seq": seq, "rev": 3, "cursor": str(place),
            "events": [json.loads(run)],
        }  # fmt: skip


def test_all_who_are_told_a_run_at_one_place_share_it() -> None:
    assert rest_of(RUNS[0], PLACES[0]) is rest_of(RUNS[0], PLACES[0])
    assert rest_of(RUNS[0], PLACES[1]) != rest_of(RUNS[0], PLACES[0])


def test_a_long_run_is_not_copied() -> None:
    parts = server_frames.events_frame([RUNS[2]], seq=1, rev=1, cursor=PLACES[0])
    assert any(part is RUNS[2] for part in parts)
