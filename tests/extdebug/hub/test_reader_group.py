"""A group reads from the account's place or not at all; without one the stream is read plainly."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from extdebug.hub.reader_group import ReaderGroup, RolledBack
from extdebug.streams.replies import Snapshot
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

AT = Cursor(EntryId(7, 1), 12)
CREATE = ("XGROUP", "CREATE", b"k", b"g", "7-1", "ENTRIESREAD", 12)
SETID = ("XGROUP", "SETID", b"k", b"g", "7-1", "ENTRIESREAD", 12)
BY_GROUP = ("XREADGROUP", "GROUP", b"g", "c", "COUNT", 5, "NOACK", "STREAMS", b"k", ">")
PLAINLY = ("XREAD", "COUNT", 5, "STREAMS", b"k", "7-1")


@pytest.fixture
def group() -> ReaderGroup:
    return ReaderGroup(b"k", b"g")


def test_a_new_group_is_made_at_the_accounts_place_and_then_read_by(group: ReaderGroup) -> None:
    assert group.prepare(AT) == [CREATE]
    assert group.read(AT, 5) == BY_GROUP
    group.well(read_by_group=True)
    assert (group.exists, group.synced, group.prepare(AT)) == (True, True, [])


def test_a_group_that_exists_is_put_where_the_account_is(group: ReaderGroup) -> None:
    group.well(read_by_group=True)
    group.synced = False
    assert group.prepare(AT) == [SETID]
    assert group.prepare(Cursor(AT.id, None)) == [SETID[:5]], "no count to give"


def test_a_group_that_we_did_not_know_of_is_set_and_not_made_again(group: ReaderGroup) -> None:
    group.refused(ResponseError("BUSYGROUP Consumer Group name already exists"))
    assert group.prepare(AT) == [SETID]


@pytest.mark.parametrize(
    "said",
    [
        "NOGROUP No such key 'k' or consumer group 'g'",
        "no such key",
        "The XGROUP subcommand requires the key to exist",
    ],
)
def test_a_group_that_is_gone_is_made_again_at_once(group: ReaderGroup, said: str) -> None:
    group.well(read_by_group=True)
    group.refused(ResponseError(said))
    assert (group.exists, group.usable, group.prepare(AT)) == (False, True, [CREATE])


@pytest.mark.parametrize("said", ["OOM command not allowed", "READONLY a replica", "MISCONF disk"])
def test_a_server_that_takes_no_group_now_is_read_plainly_and_warned_of_once(
    group: ReaderGroup, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        group.refused(ResponseError(said))
    assert not group.usable
    assert group.prepare(AT) == []
    assert group.read(AT, 5) == PLAINLY
    group.well(read_by_group=False)
    assert not group.usable, "a plain read says nothing of groups"
    assert len(caplog.records) == 1
    assert said in caplog.text
    group.well(read_by_group=True)
    assert group.usable


def test_a_server_without_our_last_read_was_rolled_back(group: ReaderGroup) -> None:
    def stands(**groups: EntryId | None) -> RolledBack | None:
        given = {name.encode(): place for name, place in groups.items()}
        return group.rolled_back(Snapshot(exists=True, groups=given))

    assert not stands(g=EntryId(1, 0)), "nothing was read by it yet"
    group.given(EntryId(7, 1))
    assert stands(g=EntryId(7, 0)) == (EntryId(7, 0), EntryId(7, 1))
    older = stands(other=EntryId(9, 0))
    assert older == (ZERO_ID, EntryId(7, 1)), "older than the group itself"
    assert not stands(g=EntryId(7, 1))
    assert not stands(g=EntryId(8, 0)), "a reply was lost"
    assert not stands(g=None), "the server does not tell"
    group.given(EntryId(5, 0))  # put back to where the account stands
    assert not stands(g=EntryId(5, 0))


@pytest.mark.parametrize("said", ["WRONGTYPE Operation against", "NOPERM no permissions"])
def test_a_key_that_cannot_be_read_is_an_error(group: ReaderGroup, said: str) -> None:
    group.well(read_by_group=True)
    with pytest.raises(ResponseError, match=said.split(maxsplit=1)[0]):
        group.refused(ResponseError(said))
    assert not group.synced


def test_a_group_begins_anew_at_the_streams_end(group: ReaderGroup) -> None:
    assert group.begin() == [
        ("XGROUP", "DESTROY", b"k", b"g"),
        ("XGROUP", "CREATE", b"k", b"g", "$"),
    ]
