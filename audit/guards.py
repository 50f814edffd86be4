"""Database triggers that keep the trail append-only, whoever speaks to the database.

Installed after every migration, because SQLite drops all triggers of a table that it alters.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

REFUSAL: Final = "the audit trail is append-only"
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


def install(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Put the triggers in place, replacing older ones."""
    _run(using, _postgresql() if connections[using].vendor == "postgresql" else _sqlite())


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """The tables that lack a guard, or have one that does not always fire."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE t.tgenabled = 'A' AND c.relnamespace = current_schema()::regnamespace"
            )
        else:
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
        present = {(str(table), str(name)) for table, name in cursor.fetchall()}
    return [
        table
        for table in _TABLES
        if any((table, name) not in present for name in _names(connection, table))
    ]


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of post_migrate: install the triggers once their tables exist."""
    tables = set(connections[using].introspection.table_names())
    if set(_TABLES) <= tables:  # not so while an older state is being migrated to
        install(using=using)


def _names(connection: BaseDatabaseWrapper, table: str) -> tuple[str, ...]:
    kinds = ("change",) if connection.vendor == "postgresql" else ("update", "delete", "replace")
    return tuple(f"{table}_no_{kind}" for kind in kinds)


def _postgresql() -> list[str]:
    statements = [
        f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'insufficient_privilege'; END $$"
    ]
    for table in _TABLES:
        name = f"{table}_no_change"
        statements += [
            f"CREATE OR REPLACE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
            # Always: session_replication_role = replica does not step around it.
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
        ]
    return statements


def _sqlite() -> list[str]:
    statements = []
    for table, same in _TABLES.items():
        doubled = f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - constants
        for kind, event, when in (
            ("update", "UPDATE", ""),
            ("delete", "DELETE", ""),
            ("replace", "INSERT", doubled),
        ):
            name = f"{table}_no_{kind}"
            statements += [
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} BEFORE {event} ON {table}{when}"
                f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
            ]
    return statements


def _run(using: str, statements: list[str]) -> None:
    with connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
