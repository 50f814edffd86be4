"""Verifies a chain: finds edited, removed, reordered, inserted and cut-off rows.

Pure, one row at a time: rows come from the database or an export, checkpoints from a file kept
elsewhere. Only hashes and signatures count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from audit.chain import GENESIS, AuditError, digest
from audit.checkpoints import Statement, is_signed

MAX_FINDINGS: Final = 1_000  # a broken chain can break at every row; the first ones tell
_MAX_RANGES: Final = 10_000


class Kind(StrEnum):
    """The kinds of findings."""

    EDITED = "edited"  # the row does not say what was hashed
    REMOVED = "removed"  # numbers are missing
    REORDERED = "reordered"  # a row stands after one that came later
    INSERTED = "inserted"  # a number appears twice
    BROKEN = "broken"  # a row's predecessor is not the one it was chained to
    CUT = "cut"  # the trail ends before a checkpoint
    REWRITTEN = "rewritten"  # whole in itself, but not what a checkpoint has signed
    FORGED = "forged"  # a checkpoint whose signature does not hold
    UNKNOWN_KEY = "unknown-key"  # a checkpoint that no key known here has made
    UNREADABLE = "unreadable"  # a line that is no row, or no checkpoint
    EMPTY = "empty"  # no row was read: nothing was verified
    UNGUARDED = "unguarded"  # a table without its append-only trigger


# A checkpoint that anyone could have put there is an alarm, and no reason to stop signing rows.
_NOT_OF_THE_ROWS: Final = frozenset({Kind.FORGED, Kind.UNKNOWN_KEY, Kind.UNREADABLE, Kind.EMPTY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and the number of the row where it shows."""

    kind: Kind
    seq: int | None
    detail: str

    def __str__(self) -> str:
        place = "" if self.seq is None else f" at {self.seq}"
        return f"{self.kind.value}{place}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result. `head_seq` is the last row, `proven_to` the last that a checkpoint signed."""

    rows: int
    head_seq: int
    head_hash: str
    proven_to: int
    checkpoints: int
    unknown_keys: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What is wrong with the rows themselves: with one of these nothing may be signed."""
        return tuple(item for item in self.findings if item.kind not in _NOT_OF_THE_ROWS)


class Judge:
    """Verifies one chain: call `row` for each row in order, then `report`.

    `start` and `prev` are where reading begins: row 1 after the genesis, or the row after one
    that is known to be good.
    """

    def __init__(
        self,
        *,
        checkpoints: Iterable[Statement] = (),
        public_keys: Iterable[str] = (),
        start: int = 1,
        prev: str | None = GENESIS,
    ) -> None:
        self._findings: list[Finding] = []
        self._rows = 0
        self._expected = start
        self._prev = prev
        self._missing: list[tuple[int, int]] = []
        self._proven = start - 1
        self._valid = 0
        self._unknown = 0
        self._due: dict[int, list[Statement]] = {}
        keys = tuple(public_keys)
        for statement in checkpoints:
            self._admit(statement, keys, start)

    def _admit(self, statement: Statement, keys: tuple[str, ...], start: int) -> None:
        signed = is_signed(statement, keys)
        if signed is None:
            self._unknown += 1
            self._find(
                Kind.UNKNOWN_KEY,
                statement.seq,
                f"a checkpoint is signed by {statement.key_id[:16]}, which is no key known here",
            )
        elif not signed:
            self._find(Kind.FORGED, statement.seq, "the checkpoint's signature does not hold")
        else:
            self._valid += 1
            if statement.seq >= start:
                self._due.setdefault(statement.seq, []).append(statement)

    def row(self, row: Mapping[str, Any]) -> None:
        """Check the next row, a plain JSON object as exported."""
        self._rows += 1
        seq, prev, said = row.get("seq"), row.get("prev"), row.get("hash")
        if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(said, str):
            self.unreadable(f"row {self._rows} has no number or no hash")
            return
        try:
            honest = digest(row) == said
        except AuditError:
            honest = False
        if not honest:
            self._find(Kind.EDITED, seq, "the row does not match its hash")
        if seq != self._expected:
            self._misplaced(seq)
            if seq < self._expected:
                return  # out of its place: what follows is judged by the rows in theirs
        elif self._prev is not None and prev != self._prev:
            self._find(
                Kind.BROKEN, seq, f"chained to another row than the {seq - 1} that stands here"
            )
        self._expected, self._prev = seq + 1, said
        for statement in self._due.pop(seq, ()):
            if statement.hash != said:
                self._find(Kind.REWRITTEN, seq, f"the checkpoint of {statement.at} signed another")
            elif all(item.kind in _NOT_OF_THE_ROWS for item in self._findings):
                self._proven = seq

    def _misplaced(self, seq: int) -> None:
        if seq > self._expected:
            if len(self._missing) < _MAX_RANGES:
                self._missing.append((self._expected, seq - 1))
            return
        for position, (first, last) in enumerate(self._missing):
            if first <= seq <= last:
                rest = [(first, seq - 1), (seq + 1, last)]
                self._missing[position : position + 1] = [
                    part for part in rest if part[0] <= part[1]
                ]
                self._find(Kind.REORDERED, seq, f"stands after {self._expected - 1}")
                return
        self._find(Kind.INSERTED, seq, "a second row with this number")

    def unreadable(self, detail: str) -> None:
        """Note a line that is not a JSON object."""
        self._find(Kind.UNREADABLE, None, detail)

    def note(self, kind: Kind, detail: str) -> None:
        """Note a finding that no row shows."""
        self._find(kind, None, detail)

    def _find(self, kind: Kind, seq: int | None, detail: str) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(kind=kind, seq=seq, detail=detail))

    def report(self) -> Report:
        """The result of all rows so far, missing rows and unmet checkpoints included."""
        for first, last in self._missing:
            rows = "1 row is" if first == last else f"{last - first + 1} rows are"
            self._find(Kind.REMOVED, first, f"{rows} missing, {first} to {last}")
        if not self._rows:
            self._find(Kind.EMPTY, None, "no row was read, so nothing was verified")
        head = self._expected - 1
        late = {seq: due for seq, due in self._due.items() if seq > head}
        if late:
            furthest = max(late)
            self._find(
                Kind.CUT, head + 1, f"the trail ends at {head}, a checkpoint has signed {furthest}"
            )
        return Report(
            rows=self._rows,
            head_seq=head,
            head_hash=self._prev or "",
            proven_to=self._proven,
            checkpoints=self._valid,
            unknown_keys=self._unknown,
            findings=tuple(self._findings),
        )
