"""Database triggers of the audit's own tables, whoever speaks to the database.

The trail and its checkpoints are append-only. What waits (outbox, repeats, notes of changes) is
deleted only when the trail has the row that says it. Installed after every migration, because
SQLite drops all triggers of a table that it alters.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from audit import triggers
from audit.triggers import Function, Guards, SqliteTrigger, Trigger

REFUSAL: Final = "the audit trail is append-only"
WAITING: Final = "what waits for the audit trail is not changed, nor deleted before it is there"
UNFOUNDED: Final = "a checkpoint is for a row of the trail, with its hash"
_FUNCTION: Final = "audit_refuse_change"
# table -> what no two rows may share: on SQLite an INSERT OR REPLACE would silently drop the old
# row. An explicit rowid is one more way to hit it (when there is none, NEW.rowid is -1).
_TABLES: Final = {
    "audit_auditrecord": (
        "seq = NEW.seq OR prev = NEW.prev OR hash = NEW.hash OR rowid = NEW.rowid"
        " OR (once = NEW.once AND once <> '')"
    ),
    "audit_checkpoint": "seq = NEW.seq OR rowid = NEW.rowid",
}
_NO_ROW: Final = (
    "NOT EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.seq = NEW.seq AND r.hash = NEW.hash)"
)
# The row of the trail that says what a deleted row was waiting to say: (PostgreSQL, SQLite).
_OUTBOX_TOLD: Final = (
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.once ="
    " COALESCE(NULLIF(OLD.entry->>'once', ''), 'outbox:' || OLD.id)"
    " AND r.action = OLD.entry->>'action' AND r.subject_id = OLD.entry->>'subject_id'"
    " AND (r.once NOT LIKE 'outbox:%' OR r.data = OLD.entry->'data'))",
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.once ="
    " COALESCE(NULLIF(json_extract(OLD.entry, '$.once'), ''), 'outbox:' || OLD.id)"
    " AND r.action = json_extract(OLD.entry, '$.action')"
    " AND r.subject_id = json_extract(OLD.entry, '$.subject_id'))",
)
_TALLY_TOLD: Final = (
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.once = 'repeats:' || OLD.id || ':' ||"
    " OLD.key AND r.action = OLD.entry->>'action' AND r.data->'repeats' = to_jsonb(OLD.count))",
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.once = 'repeats:' || OLD.id || ':' ||"
    " OLD.key AND r.action = json_extract(OLD.entry, '$.action')"
    " AND json_extract(r.data, '$.repeats') = OLD.count)",
)
# A note is told by a row that names it, or by one of the same transaction about the same thing.
_NOTE_TOLD: Final = (
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.seq = NEW.told_by AND"
    " ((r.action = 'row.changed' AND r.data->'notes' @> to_jsonb(OLD.id))"
    " OR (r.txid = OLD.txid AND r.subject_type = OLD.subject_type"
    " AND r.subject_id = OLD.subject_id)))",
    "EXISTS (SELECT 1 FROM audit_auditrecord r WHERE r.seq = NEW.told_by AND"
    " ((r.action = 'row.changed' AND EXISTS (SELECT 1 FROM json_each(r.data, '$.notes') n"
    " WHERE n.value = OLD.id))"
    " OR (r.seq > CAST(OLD.txid AS INTEGER) AND r.subject_type = OLD.subject_type"
    " AND r.subject_id = OLD.subject_id)))",
)
_NOTE_FIXED: Final = (
    "id", "at", "txid", "role", "table_name", "row_key", "operation", "was", "became",
    "subject_type", "subject_id", "relation",
)  # fmt: skip


def _changed(*columns: str) -> str:
    return " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns)


def _waiting() -> list[tuple[str, str, tuple[str, str]]]:
    """(table, event, (condition that refuses on PostgreSQL, on SQLite))."""

    def both(condition: str) -> tuple[str, str]:
        return condition, condition

    return [
        ("audit_outbox", "UPDATE", both(_changed("id", "entry", "created_at"))),
        ("audit_outbox", "DELETE", (f"NOT {_OUTBOX_TOLD[0]}", f"NOT {_OUTBOX_TOLD[1]}")),
        (
            "audit_tally",
            "UPDATE",
            both(_changed("id", "key", "person", "minute", "entry") + " OR NEW.count < OLD.count"),
        ),
        (
            "audit_tally",
            "DELETE",
            (
                f"OLD.count > 0 AND NOT {_TALLY_TOLD[0]}",
                f"OLD.count > 0 AND NOT {_TALLY_TOLD[1]}",
            ),
        ),
        (
            "audit_changenote",
            "UPDATE",
            (
                f"{_changed(*_NOTE_FIXED)} OR OLD.told_by IS NOT NULL OR NOT {_NOTE_TOLD[0]}",
                f"{_changed(*_NOTE_FIXED)} OR OLD.told_by IS NOT NULL OR NOT {_NOTE_TOLD[1]}",
            ),
        ),
        ("audit_changenote", "DELETE", both("OLD.told_by IS NULL")),
    ]


def guards() -> Guards:
    """All functions and triggers of the audit's tables."""
    functions = [
        Function(
            name=_FUNCTION,
            body=f" BEGIN RAISE EXCEPTION '{REFUSAL}'"
            " USING ERRCODE = 'insufficient_privilege'; END ",
        ),
        Function(
            name="audit_refuse_truncate",
            body=f" BEGIN RAISE EXCEPTION '{WAITING}'"
            " USING ERRCODE = 'insufficient_privilege'; END ",
        ),
        Function(
            name="audit_checkpoint_insert",
            body=f" BEGIN IF {_NO_ROW} THEN RAISE EXCEPTION '{UNFOUNDED}'"
            " USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END ",
        ),
    ]
    made: list[Trigger] = [
        Trigger(
            name="audit_checkpoint_insert",
            table="audit_checkpoint",
            timing="BEFORE",
            events=("INSERT",),
            function="audit_checkpoint_insert",
        )
    ]
    sqlite = [
        SqliteTrigger(
            name="audit_checkpoint_insert",
            table="audit_checkpoint",
            what=f"BEFORE INSERT ON audit_checkpoint WHEN {_NO_ROW}"
            f" BEGIN SELECT RAISE(ABORT, '{UNFOUNDED}'); END",
        )
    ]
    for table, same in _TABLES.items():
        made.append(
            Trigger(
                name=f"{table}_no_change",
                table=table,
                timing="BEFORE",
                events=("UPDATE", "DELETE", "TRUNCATE"),
                function=_FUNCTION,
                rows=False,
            )
        )
        doubled = f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - constants
        sqlite += [
            SqliteTrigger(
                name=f"{table}_no_{kind}",
                table=table,
                what=f"BEFORE {event} ON {table}{when} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
            )
            for kind, event, when in (
                ("update", "UPDATE", ""),
                ("delete", "DELETE", ""),
                ("replace", "INSERT", doubled),
            )
        ]
    for table, event, (postgresql, lite) in _waiting():
        name = f"{table}_{event.lower()}"
        functions.append(
            Function(
                name=name,
                body=f" BEGIN IF {postgresql} THEN RAISE EXCEPTION '{WAITING}'"
                f" USING ERRCODE = 'insufficient_privilege'; END IF;"
                f" RETURN {'OLD' if event == 'DELETE' else 'NEW'}; END ",
            )
        )
        made.append(
            Trigger(name=name, table=table, timing="BEFORE", events=(event,), function=name)
        )
        sqlite.append(
            SqliteTrigger(
                name=name,
                table=table,
                # IS DISTINCT FROM came to SQLite with 3.39; IS NOT says the same there always.
                what=f"BEFORE {event} ON {table} FOR EACH ROW"
                f" WHEN {lite.replace('IS DISTINCT FROM', 'IS NOT')}"
                f" BEGIN SELECT RAISE(ABORT, '{WAITING}'); END",
            )
        )
    for table in ("audit_outbox", "audit_tally", "audit_changenote"):
        made.append(
            Trigger(
                name=f"{table}_truncate",
                table=table,
                timing="BEFORE",
                events=("TRUNCATE",),
                function="audit_refuse_truncate",
                rows=False,
            )
        )
        sqlite.append(
            SqliteTrigger(
                name=f"{table}_replace",
                table=table,
                what=f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table}"  # noqa: S608
                f" WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, '{WAITING}'); END",
            )
        )
    return Guards(functions=functions, triggers=made, sqlite=sqlite)


def install(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Put the triggers in place, replacing older ones."""
    triggers.install(guards(), using=using)


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """The tables without a guard, or with one that is another or does not always fire."""
    return list(dict.fromkeys(table for _, table in triggers.wrong(guards(), using=using)))


def lift(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """The first operation of a migration that alters one of these tables; migrate puts them back.

    SQLite rebuilds the table, and refuses to rename it while another table's trigger names it:
    where policies' triggers are installed, these are to be lifted as well.
    """
    using = editor.connection.alias
    ours = set(guards().names(editor.connection.vendor))
    there = [found for found in triggers.present(using=using) if found[0] in ours]
    triggers.drop(there, using=using)


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of post_migrate: install the triggers once their tables exist."""
    tables = set(connections[using].introspection.table_names())
    if {trigger.table for trigger in guards().triggers} <= tables:  # not so at an older state
        install(using=using)
