"""What Redis says of a stream, as values."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from extdebug.streams import epochs
from extdebug.streams.replies import Snapshot, read_keys, read_rows, read_snapshot, scalars
from extdebug.wire.keys import EPOCH_PREFIX, MOVED_PREFIX
from extdebug.wire.positions import ZERO_ID, EntryId

INFO = [
    b"length", 2, b"last-generated-id", b"9-1", b"max-deleted-entry-id", b"4-0",
    b"entries-added", 7, b"first-entry", [b"5-0", [b"a", b"b"]], b"last-entry", [b"9-0", []],
]  # fmt: skip


def test_a_snapshot_says_all_that_the_account_needs() -> None:
    groups = [
        [b"name", b"ee-debug-epoch:bb", b"lag", 0],
        [b"name", b"ee-debug-ui:h1", b"last-delivered-id", b"8-3"],
        [b"name", b"ee-debug-epoch:aa"],
    ]
    assert read_snapshot(INFO, groups) == Snapshot(
        exists=True, length=2, added=7, top=EntryId(9, 1), first=EntryId(5, 0),
        last=EntryId(9, 0), deleted=EntryId(4, 0),
        groups={
            b"ee-debug-epoch:bb": None, b"ee-debug-epoch:aa": None,
            b"ee-debug-ui:h1": EntryId(8, 3),
        },
        epochs=("aa", "bb"), group_count=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("added", "length", "index", "soon"),
    [
        (100, 100, 0, False),  # nothing was ever trimmed
        (150, 100, 100, False),  # half of what it holds lies ahead, and no more
        (150, 100, 99, True),
        (150, 100, 150, False),
        (150, 100, 10, True),  # it is gone already
        (150, 0, 100, False),  # there is nothing left to lose
        (150, 100, None, False),  # nobody knows where that is
    ],
)
def test_what_is_trimmed_from_behind_is_soon_gone_where_half_lies_ahead(
    added: int, length: int, index: int | None, *, soon: bool
) -> None:
    stream = Snapshot(exists=True, added=added, length=length)
    assert stream.soon_gone(index) is soon


def test_the_groups_are_counted_without_asking_for_them() -> None:
    assert read_snapshot([*INFO, b"groups", 2]).group_count == 2


def test_the_single_values_of_an_answer_leave_out_what_entries_hold() -> None:
    assert scalars(INFO) == [2, b"9-1", b"4-0", 7]
    assert scalars(ResponseError("no such key")) == []


def test_an_absent_key_is_no_stream_and_any_other_error_is_raised() -> None:
    absent = ResponseError("no such key")
    assert read_snapshot(absent, absent) == Snapshot(exists=False)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        read_snapshot(ResponseError("WRONGTYPE"))
    with pytest.raises(RedisConnectionError):
        read_snapshot(RedisConnectionError("gone"))


def test_an_emptied_stream_has_a_top_and_no_first() -> None:
    empty = [b"length", 0, b"last-generated-id", b"9-1", b"entries-added", 7, b"first-entry", None]
    found = read_snapshot(empty, ResponseError("NOPERM"))
    assert (found.first, found.last, found.top, found.added) == (None, None, EntryId(9, 1), 7)
    assert (found.deleted, found.groups, found.epochs) == (ZERO_ID, {}, ())


def test_a_server_without_the_count_has_what_it_holds() -> None:
    assert read_snapshot([b"length", 3, b"last-generated-id", b"9-1"]).added == 3


def test_rows_leave_out_entries_that_were_deleted_meanwhile() -> None:
    assert read_rows([[b"1-0", [b"a", b"b"]], [b"2-0", None]]) == [(EntryId(1, 0), [b"a", b"b"])]
    assert read_rows(None) == read_keys(None) == []
    assert read_keys([[b"k", [[b"1-2", []]]]]) == [(b"k", [(EntryId(1, 2), [])])]


def test_a_snapshot_names_epochs_and_moves_apart() -> None:
    life, move = epochs.new_epoch("1" * 40), epochs.move("2" * 40, "1" * 40)
    names = [f"{EPOCH_PREFIX}{life}", f"{MOVED_PREFIX}{move}", "ee-debug-ui:hub"]
    groups = [[b"name", name.encode(), b"last-delivered-id", b"0-0"] for name in names]
    info = [b"length", 0, b"entries-added", 0, b"last-generated-id", b"0-0"]
    found = read_snapshot(info, groups)
    assert (found.epochs, found.moves) == ((life,), (move,))
    assert found.run("2" * 40) == epochs.run_mark("1" * 40)
    assert found.run("3" * 40) == "3" * 40
