"""The statement of facts as each database runs it best: on PostgreSQL a function.

Planning the statement takes PostgreSQL longer than running it (1.9 ms of 2.7); a function of
plpgsql keeps its plan with the connection (.8 ms), behind any pooler of connections too. Its
name tells its body, so that processes of two versions each find theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from policies.database.facts_statement import ENVIRONMENT, LISTS, PARTS, statement

_TYPES: Final = {
    **dict.fromkeys(LISTS, "text[]"),
    "users": "bigint[]",
    "tokens": "bigint[]",
    ENVIRONMENT: "text",
}
_BODY: Final = (
    "BEGIN RETURN ("
    + statement(postgresql=True, given={name: f"given_{name}" for name in _TYPES})
    + "\n); END"
)
_CONFIG: Final = ("search_path=pg_catalog, {schema}, pg_temp", "plan_cache_mode=force_generic_plan")
NAME: Final = f"policies_facts_{hashlib.sha256(_BODY.encode()).hexdigest()[:12]}"
# Types are said, so that no other function of this name is a better match.
_CALL: Final = (
    f"SELECT {NAME}("
    + ", ".join(f"%({name})s::{kind}" for name, kind in _TYPES.items())
    + ")::text"
)
# SQLite keeps no plans, and needs none for this long. A per cent sign of its own is doubled.
_SQLITE: Final = (
    statement(postgresql=False, given={name: f"\0({name})s" for name in _TYPES})
    .replace("%", "%%")
    .replace("\0", "%")
)


def read(
    lists: Mapping[str, Collection[Any]], *, environment: str, using: str = DEFAULT_DB_ALIAS
) -> dict[str, list[list[Any]]]:
    """The rows of each of `PARTS`, all of one moment: a statement sees one snapshot."""
    connection = connections[using]
    given: dict[str, Any] = {name: list(lists[name]) for name in LISTS}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_CALL, {**given, ENVIRONMENT: environment})
        else:
            texts = {name: json.dumps(listed) for name, listed in given.items()}
            cursor.execute(_SQLITE, {**texts, ENVIRONMENT: environment})
        (answer,) = cursor.fetchone()
    return {name: rows or [] for name, rows in zip(PARTS, json.loads(answer), strict=True)}


def install(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Put the function in place. Needs the tables' owner."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    given = ", ".join(f"given_{name} {kind}" for name, kind in _TYPES.items())
    with connection.cursor() as cursor:
        config = " ".join(f"SET {each.replace('=', ' = ', 1)}" for each in _config(cursor))
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {NAME}({given}) RETURNS json LANGUAGE plpgsql STABLE"
            f" {config} AS $facts${_BODY}$facts$"
        )


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Its name, when it is not there to the letter, or not for us to execute."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        config = list(_config(cursor))
        cursor.execute(
            "SELECT p.prosrc, p.provolatile::text, p.prosecdef, p.proconfig, l.lanname,"
            " has_function_privilege(p.oid, 'EXECUTE')"
            " FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = %s"
            " AND oidvectortypes(p.proargtypes) = %s",
            [NAME, ", ".join(_TYPES.values())],
        )
        found = cursor.fetchall()
    return [] if found == [(_BODY, "s", False, config, "plpgsql", True)] else [NAME]


def _config(cursor: Any) -> tuple[str, ...]:
    cursor.execute("SELECT quote_ident(current_schema())")
    (schema,) = cursor.fetchone()
    return tuple(each.format(schema=schema) for each in _CONFIG)
