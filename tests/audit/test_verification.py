"""The judge of a chain: every kind of forgery is found, and an honest chain is whole."""

import copy
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import chain, checkpoints
from audit.actions import Action
from audit.verification import Judge, Kind

SEED = "11" * 32
OTHER_SEED = "22" * 32
NOW = dt.datetime(2026, 1, 31, 9, 30, tzinfo=dt.UTC)
KEYS = [checkpoints.public_hex(checkpoints.private_key(SEED))]


def make(length, *, changed=None):
    """A chain; `changed` is the number of a row that says something else, hashed properly."""
    rows, prev = [], chain.GENESIS
    for seq in range(1, length + 1):
        entry = chain.Entry(
            Action.SESSION_OPENED,
            actor=chain.Actor(name="mallory" if seq == changed else "ann"),
            data={"n": seq},
        )
        row = chain.row_of(entry, seq=seq, at=NOW + dt.timedelta(seconds=seq), prev=prev)
        rows.append(row)
        prev = row["hash"]
    return rows


CHAIN = make(8)


def point(row, seed=SEED):
    return checkpoints.sign(seed, seq=row["seq"], hash=row["hash"], at=NOW)


def judge(rows, statements=(), keys=KEYS):
    verdict = Judge(checkpoints=statements, public_keys=keys)
    for row in rows:
        verdict.row(row)
    return verdict.report()


def kinds(report):
    return {finding.kind for finding in report.findings}


def test_a_whole_chain_is_whole_and_proven_up_to_its_last_checkpoint():
    report = judge(CHAIN, [point(CHAIN[2]), point(CHAIN[6])])
    assert report.ok
    assert (report.rows, report.head_seq, report.head_hash) == (8, 8, CHAIN[-1]["hash"])
    assert (report.checkpoints, report.proven_to) == (2, 7)


def test_verifying_nothing_is_not_ok():
    report = judge([])
    assert not report.ok
    assert kinds(report) == {Kind.EMPTY}


def test_an_edited_row_is_found():
    rows = copy.deepcopy(CHAIN)
    rows[3]["reason"] = "nothing to see here"
    report = judge(rows)
    assert [(finding.kind, finding.seq) for finding in report.findings] == [(Kind.EDITED, 4)]


def test_an_edited_row_with_a_fresh_hash_breaks_the_chain_behind_it():
    rows = copy.deepcopy(CHAIN)
    rows[3]["reason"] = "nothing to see here"
    rows[3]["hash"] = chain.digest(rows[3])
    report = judge(rows)
    assert [(finding.kind, finding.seq) for finding in report.findings] == [(Kind.BROKEN, 5)]


def test_a_removed_row_is_found():
    report = judge(CHAIN[:3] + CHAIN[4:])
    assert [(finding.kind, finding.seq) for finding in report.findings] == [(Kind.REMOVED, 4)]


def test_a_removed_row_is_found_when_the_rest_was_numbered_anew():
    rows = copy.deepcopy(CHAIN[:3] + CHAIN[4:])
    for seq, row in enumerate(rows, start=1):
        row["seq"] = seq
    assert not judge(rows).ok


def test_reordered_rows_are_found():
    rows = [*CHAIN[:2], CHAIN[4], CHAIN[3], CHAIN[2], *CHAIN[5:]]
    report = judge(rows)
    assert Kind.REORDERED in kinds(report)
    assert {f.seq for f in report.findings if f.kind is Kind.REORDERED} == {3, 4}


def test_rows_that_swapped_their_contents_are_found():
    rows = copy.deepcopy(CHAIN)
    rows[2]["data"], rows[3]["data"] = rows[3]["data"], rows[2]["data"]
    assert {f.seq for f in judge(rows).findings} == {3, 4}


def test_an_inserted_row_is_found():
    extra = chain.row_of(
        chain.Entry(Action.GRANT_APPROVED, actor=chain.SYSTEM),
        seq=4,
        at=NOW,
        prev=CHAIN[2]["hash"],
    )
    report = judge([*CHAIN[:4], extra, *CHAIN[4:]])
    assert kinds(report) == {Kind.INSERTED}
    assert judge([*CHAIN[:3], extra, *CHAIN[3:]]).findings


def test_a_cut_tail_is_found_by_a_checkpoint_kept_elsewhere():
    assert judge(CHAIN[:5]).ok  # the chain alone cannot know
    report = judge(CHAIN[:5], [point(CHAIN[6])])
    assert [(finding.kind, finding.seq) for finding in report.findings] == [(Kind.CUT, 6)]


def test_a_trail_emptied_altogether_is_found_by_a_checkpoint():
    assert kinds(judge([], [point(CHAIN[0])])) == {Kind.CUT, Kind.EMPTY}


def test_a_chain_rewritten_as_a_whole_is_found_by_a_checkpoint():
    rows = make(8, changed=3)
    assert judge(rows).ok
    report = judge(rows, [point(CHAIN[6])])
    assert kinds(report) == {Kind.REWRITTEN}
    assert report.proven_to == 0


def test_a_checkpoint_with_a_false_signature_is_a_finding():
    honest = point(CHAIN[3])
    forged = checkpoints.read(honest.line().replace(honest.hash, "f" * 64))
    assert kinds(judge(CHAIN, [forged])) == {Kind.FORGED}


def test_a_checkpoint_by_an_unknown_key_proves_nothing_and_is_a_finding():
    report = judge(CHAIN[:5], [point(CHAIN[6], seed=OTHER_SEED)])
    assert (report.ok, report.unknown_keys, report.checkpoints) == (False, 1, 0)
    assert (kinds(report), report.broken) == ({Kind.UNKNOWN_KEY}, ())


def test_two_checkpoints_of_one_place_must_both_hold():
    other = make(8, changed=3)
    report = judge(CHAIN, [point(CHAIN[6]), point(other[6])])
    assert kinds(report) == {Kind.REWRITTEN}


@pytest.mark.parametrize(
    "row", [{}, {"seq": "1"}, {"seq": True, "hash": "x"}, {"seq": 1}, {"hash": "x"}]
)
def test_a_row_without_number_or_hash_is_a_finding(row):
    assert Kind.UNREADABLE in kinds(judge([row]))


def test_a_row_without_canonical_form_is_an_edited_one():
    assert judge([{**CHAIN[0], "data": {"x": float("nan")}}]).findings[0].kind is Kind.EDITED


@given(st.data())
def test_no_change_of_any_kind_stays_unnoticed(data):
    """Whatever is edited, removed, repeated or moved: with a checkpoint at the end it shows."""
    rows = copy.deepcopy(CHAIN)
    place = data.draw(st.integers(0, len(rows) - 1))
    match data.draw(st.sampled_from(["edit", "remove", "repeat", "move"])):
        case "edit":
            part = data.draw(st.sampled_from(sorted(rows[place])))
            rows[place][part] = data.draw(st.text(max_size=5) | st.integers())
        case "remove":
            del rows[place]
        case "repeat":
            rows.insert(data.draw(st.integers(0, len(rows))), copy.deepcopy(rows[place]))
        case "move":
            row = rows.pop(place)
            rows.insert(data.draw(st.integers(0, len(rows))), row)
    same = json.dumps(rows, sort_keys=True) == json.dumps(CHAIN, sort_keys=True)
    assert judge(rows, [point(CHAIN[-1])]).ok == same
