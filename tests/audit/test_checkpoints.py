"""Signed statements of where the chain was: read back as written, bad keys and lines refused."""

import datetime as dt

import pytest

from audit import chain, checkpoints

SEED = "11" * 32


NOW = dt.datetime(2026, 1, 31, 9, 30, tzinfo=dt.UTC)


KEYS = [checkpoints.public_hex(checkpoints.private_key(SEED))]


STATEMENT = checkpoints.sign(SEED, seq=4, hash="ab" * 32, at=NOW)


def test_a_statement_survives_its_line():
    statement = STATEMENT
    assert checkpoints.read(statement.line()) == statement
    assert checkpoints.is_signed(statement, KEYS) is True


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"seq":"1"}', "[" * 10_000])
def test_a_line_that_is_no_checkpoint_is_refused(line):
    with pytest.raises(chain.AuditError, match="checkpoint line"):
        checkpoints.read(line)


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace('"seq":4', '"seq":3,"seq":4'),  # the later of two counts
        lambda line: line.replace('"seq":4', '"Seq":3,"seq":4'),
        lambda line: line.replace('"v":1', '"v":2'),
        lambda line: line + line,
    ],
)
def test_a_line_is_read_strictly(forge):
    assert forge(STATEMENT.line()) != STATEMENT.line()
    with pytest.raises(chain.AuditError):
        checkpoints.read(forge(STATEMENT.line()))


@pytest.mark.parametrize("seed", ["", "zz" * 32, "11" * 31])
def test_a_bad_key_is_refused(seed):
    with pytest.raises(checkpoints.BadKey):
        checkpoints.private_key(seed)
    with pytest.raises(checkpoints.BadKey):
        checkpoints.is_signed(STATEMENT, [seed])
