"""The console's database role: what it may do with the audit tables, as SQL and as a question."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

APPEND_ONLY: Final = ("audit_auditrecord", "audit_checkpoint")
NOTES: Final = "audit_changenote"
_ROLE: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A power over an append-only table that the console's role should not have."""

    table: str
    power: str


def grants_for(role: str, *, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """SQL for the tables' owner: the role may read and write rows, but only add to the trail.

    ValueError for a role name that would need quoting.
    """
    if not _ROLE.fullmatch(role):
        raise ValueError(f"role: expected a-z 0-9 _ that starts with a letter, got {role[:80]!r}")
    tables = ", ".join(APPEND_ONLY)
    return [
        f"GRANT USAGE ON SCHEMA public TO {role};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};",
        f"REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {tables} FROM {role};",
        # Notes of changes are written by triggers, which have the owner's rights.
        f"REVOKE INSERT, TRUNCATE, REFERENCES, TRIGGER ON {NOTES} FROM {role};",
        f"REVOKE ALL ON django_migrations FROM {role};",
        f"GRANT SELECT ON django_migrations TO {role};",
    ]


def lacking(tables: Iterable[str], *, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """What of `grants_for` the role of this connection does not have on `tables`, as `INSERT on
    audit_auditrecord`; empty on databases without roles."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    needed = [(table, power) for table in tables for power in _powers(table)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, power FROM unnest(%s::text[], %s::text[]) AS needed(name, power)"
            " WHERE NOT COALESCE(has_table_privilege(to_regclass(name), power), false)"
            " ORDER BY name, power",
            [[table for table, _ in needed], [power for _, power in needed]],
        )
        return [f"{power} on {table}" for table, power in cursor.fetchall()]


def _powers(table: str) -> tuple[str, ...]:
    if table in APPEND_ONLY:
        return ("SELECT", "INSERT")
    if table == NOTES:
        return ("SELECT", "UPDATE", "DELETE")
    return ("SELECT", "INSERT", "UPDATE", "DELETE")


def excess(*, using: str = DEFAULT_DB_ALIAS) -> list[Excess]:
    """What the role of this connection could do to the trail; empty on databases without roles."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    found = []
    with connection.cursor() as cursor:
        for table in APPEND_ONLY:
            cursor.execute(
                "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
                " pg_has_role(current_user, relowner, 'MEMBER'),"
                " has_table_privilege(oid, 'UPDATE'), has_table_privilege(oid, 'DELETE'),"
                " has_table_privilege(oid, 'TRUNCATE'), has_table_privilege(oid, 'TRIGGER')"
                " FROM pg_class WHERE oid = to_regclass(%s)",
                [table],
            )
            row = cursor.fetchone()
            if row is None:
                continue  # not migrated yet
            powers = ("superuser", "ownership", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
            found += [
                Excess(table=table, power=power)
                for power, held in zip(powers, row, strict=True)
                if held
            ]
        cursor.execute(
            "SELECT has_table_privilege(oid, 'INSERT'), has_table_privilege(oid, 'TRUNCATE')"
            " FROM pg_class WHERE oid = to_regclass(%s)",
            [NOTES],
        )
        noted = cursor.fetchone() or (False, False)
        found += [
            Excess(table=NOTES, power=power)
            for power, held in zip(("INSERT", "TRUNCATE"), noted, strict=True)
            if held
        ]
    return found
