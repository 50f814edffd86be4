"""Moves notes of changes into the chain, within seconds and by whatever process comes first.

A trigger notes every change (`audit.note_triggers`). A verb writes a record of its own in the
same transaction; a note is settled by it only when that record names the row and tells what the
note says. Matched are the database's own number of the transaction and contents, never a setting
of the session: nothing a role can set hides a change. All other notes become `row.changed`
records with the database's role as actor.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from audit import chain, writer
from audit.actions import Action, ActorKind
from audit.models import AuditRecord, ChangeNote
from audit.note_triggers import OTHER, SAME, SECRET

AT_ONCE: Final = 500  # notes in one transaction
MOVER_LOCK: Final = 0x61756469_75  # one mover at a time; the others find nothing to do
_BYTES: Final = 12 * 1024  # of rows in one record, well below chain.MAX_DATA_BYTES
# Characters of a value in a row that is larger than that by itself: the first that lets it fit.
_TEXTS: Final = (500, 100, 20)
_SQLITE_SPAN: Final = 100  # records after a note among which its verb's own is sought


def settle(*, using: str = DEFAULT_DB_ALIAS, limit: int = AT_ONCE) -> int:
    """Chain what no verb has told; how many records. AuditError when the trail takes none."""
    if not ChangeNote.objects.using(using).exists():
        return 0
    done = 0
    while True:
        try:
            with transaction.atomic(using=using):
                found, written = _settle(using, limit)
        except DatabaseError as error:
            raise chain.AuditError(f"notes of changes wait: {error}") from error
        done += written
        if found < limit:
            return done


def _settle(using: str, limit: int) -> tuple[int, int]:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [MOVER_LOCK])
            if not cursor.fetchone()[0]:
                return 0, 0
    notes = list(ChangeNote.objects.using(using).order_by("id")[:limit])
    told = _told(notes, using)
    left = [note for note in notes if note.pk not in told]
    written = 0
    for part in _parts(left):
        record = writer.append(_entry(part), using=using)
        written += 1
        told.update(dict.fromkeys((note.pk for note in part), record.seq))
    settled = [note for note in notes if note.pk in told]
    for note in settled:
        note.told_by = told[note.pk]
    ChangeNote.objects.using(using).bulk_update(settled, ["told_by"])
    ChangeNote.objects.using(using).filter(pk__in=list(told)).delete()
    return len(notes), written


# --- what verbs have told -------------------------------------------------------------------------


def _told(notes: Sequence[ChangeNote], using: str) -> dict[int, int]:
    """Note -> the number of the record by which its verb told it."""
    about: dict[tuple[str, str], dict[str, list[ChangeNote]]] = {}
    for note in notes:
        of_kind = about.setdefault((note.txid, note.subject_type), {})
        of_kind.setdefault(note.subject_id, []).append(note)
    found: dict[int, int] = {}
    for (txid, kind), subjects in about.items():
        by_key = _records(txid, kind, subjects, using)
        for key, group in subjects.items():
            records = by_key.get(key, [])
            rows: dict[tuple[str, str], list[ChangeNote]] = {}
            for note in group:
                rows.setdefault((note.table_name, note.row_key), []).append(note)
            for of_row in rows.values():
                # One verb may write its row twice; two verbs in one transaction tell a write each.
                for run in (of_row, *([note] for note in of_row)):
                    seq = next((record.seq for record in records if tells(record.data, run)), None)
                    if seq is not None:
                        found.update(dict.fromkeys((note.pk for note in run), seq))
                        if run is of_row:
                            break
    return found


def _records(txid: str, kind: str, keys: Iterable[str], using: str) -> dict[str, list[AuditRecord]]:
    """The records of the notes' transaction about subjects of one kind, by the subject's key: one
    query for all, because the directory changes thousands of rows in a transaction."""
    named = [key for key in keys if key]
    if not named:
        return {}
    rows = AuditRecord.objects.using(using).filter(subject_type=kind, subject_id__in=named)
    rows = rows.exclude(action=Action.ROW_CHANGED)
    if connections[using].vendor == "postgresql":
        rows = rows.filter(txid=txid).order_by("-seq")
    else:
        after = int(txid)
        rows = rows.filter(seq__gt=after, seq__lte=after + _SQLITE_SPAN).order_by("seq")
    found: dict[str, list[AuditRecord]] = {}
    for row in rows:
        found.setdefault(row.subject_id, []).append(row)
    return found


def tells(data: Mapping[str, Any], notes: Sequence[ChangeNote]) -> bool:
    """Whether a record with this data says what these notes of one row say, taken together.

    A record tells a column when it names it (without `_id` for a reference) with the value that the
    row has come to: as changed, as part of what the row is, or plainly. It tells a deleted row by
    what it was, and a row of a relation by the relation's name.
    """
    first, last = notes[0], notes[-1]
    if first.relation:
        return first.relation in {**data, **_named(data)}
    if last.operation == "DELETE":
        return first.operation != "INSERT" and "was" in data
    if last.operation not in ("INSERT", "UPDATE"):
        return False
    now: dict[str, Any] = last.became or {}
    before: dict[str, Any] = first.was or {}
    if first.operation == "INSERT":
        told = {name for name in now if _value(data, name) is not _UNTOLD}
        if not told:
            return False
        made: dict[str, Any] = first.became or {}
        columns = [name for name in now if name in told or now[name] != made.get(name)]
    else:
        columns = [name for name in now if now[name] != before.get(name)]
        if not columns:  # there and back again
            return False
    return all(_same(_value(data, name), now[name], secret=name in SECRET) for name in columns)


_UNTOLD: Final = object()


def _named(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a record of `policies.changes` names: name -> the value it has come to.

    Of a change request `changed` is about another row, `is` about its own: what a row is counts.
    """
    named: dict[str, Any] = {}
    if isinstance(data.get("changed"), dict):
        for name, change in data["changed"].items():
            named[name] = change.get("to") if isinstance(change, dict) else change
    for part in ("was", "is"):
        if isinstance(data.get(part), dict):
            named.update(data[part])
    return named


def _value(data: Mapping[str, Any], column: str) -> Any:
    told = {**data, **_named(data)}
    for name in (column, column.removesuffix("_id")):
        if name in told:
            return told[name]
    return _UNTOLD


def _same(told: Any, noted: Any, *, secret: bool) -> bool:
    if told is _UNTOLD:
        return False
    if secret and noted in (SAME, OTHER):
        return True  # secrets: that they changed is all that either says
    if told == noted or str(told) == str(noted):
        return True
    if isinstance(noted, str) and isinstance(told, list | dict):  # SQLite keeps JSON as text
        try:
            return bool(json.loads(noted) == told)
        except ValueError:
            return False
    if isinstance(noted, str) and isinstance(told, str):
        a, b = _moment(told), _moment(noted)
        return a is not None and b is not None and abs(a - b) < dt.timedelta(seconds=1)
    return told in (None, "") and noted in (None, "")


def _moment(text: str) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)


# --- what nobody has told -------------------------------------------------------------------------


def _parts(notes: Iterable[ChangeNote]) -> list[list[ChangeNote]]:
    """The notes of one record each: one transaction, role and table, as many rows as fit."""
    parts: dict[tuple[str, str, str, str], list[list[ChangeNote]]] = {}
    sizes: dict[tuple[str, str, str, str], int] = {}
    for note in notes:
        key = (note.txid, note.role, note.table_name, note.operation)
        size = len(json.dumps(_row(note))) + 24
        there = parts.setdefault(key, [[]])
        if there[-1] and sizes[key] + size > _BYTES:
            there.append([])
            sizes[key] = 0
        there[-1].append(note)
        sizes[key] = sizes.get(key, 0) + size
    return [part for group in parts.values() for part in group]


def _entry(part: Sequence[ChangeNote]) -> chain.Entry:
    first = part[0]
    subjects = {note.subject_id for note in part}
    return chain.Entry(
        Action.ROW_CHANGED,
        actor=chain.Actor(
            kind=ActorKind.DATABASE, id=first.role, name=first.role or "somebody with the database"
        ),
        subject_type=first.subject_type,
        subject_id=first.subject_id if len(subjects) == 1 else "",
        data={
            "table": first.table_name,
            "operation": first.operation,
            "at": chain.moment(first.at),
            "transaction": first.txid,
            "rows": [_row(note) for note in part],
            "notes": [note.pk for note in part],
        },
    )


def _row(note: ChangeNote) -> dict[str, Any]:
    """What happened to one row: of an update only the columns that changed."""
    was: dict[str, Any] = note.was or {}
    became: dict[str, Any] = note.became or {}
    if note.operation == "UPDATE":
        changed = [name for name in became if became[name] != was.get(name)]
        shown: dict[str, Any] = {
            "key": note.row_key,
            "changed": {name: {"from": was.get(name), "to": became[name]} for name in changed},
        }
    else:
        shown = {"key": note.row_key, **({"was": was} if was else {"is": became})}
    whole = shown
    for limit in _TEXTS:
        if len(json.dumps(shown)) <= _BYTES:
            break
        shown = _shortened(whole, limit)
    return shown


def _shortened(value: Any, limit: int) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(item, limit) for name, item in value.items()}
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
