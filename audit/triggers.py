"""Installs database triggers and says which are not, to the letter, what this version installs.

A trigger that is only there by name protects nothing: its function may have been replaced (on
PostgreSQL) or itself (on SQLite). So bodies, events, columns, arguments and search paths count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connections
from django.db.backends.utils import CursorWrapper

# Relations of the session's own temporary schema come last: a table made there under the name of
# ours must not be what a function reads.
_PATH: Final = "pg_catalog, {schema}, pg_temp"
# The schema in quotes, names in quotes, functions and triggers as they are there. A trigger of
# another name cannot be one of ours, so its definition is not asked for.
_PRESENT: Final = """
SELECT quote_ident(current_schema()),
  (SELECT json_object_agg(name, quote_ident(name)) FROM unnest(%(names)s::text[]) AS name),
  (SELECT COALESCE(json_agg(json_build_array(p.proname, p.prosrc, p.prosecdef,
      COALESCE(p.proconfig, '{}'),
      EXISTS (SELECT 1 FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a
        WHERE a.grantee <> p.proowner))), '[]')
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = current_schema()::regnamespace AND l.lanname = 'plpgsql'
      AND p.pronargs = 0 AND p.proname = ANY(%(functions)s)),
  (SELECT COALESCE(json_agg(json_build_array(t.tgname, c.relname,
      pg_get_triggerdef(t.oid, true))), '[]')
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgname = ANY(%(triggers)s)
      AND c.relnamespace = current_schema()::regnamespace
      AND p.pronamespace = current_schema()::regnamespace)
"""
Quote = Callable[[str], str]  # a name as PostgreSQL prints it: in quotes where it needs them
_EVENTS: Final = ("INSERT", "DELETE", "UPDATE", "TRUNCATE")  # as pg_get_triggerdef orders them


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A trigger function in plpgsql. `definer`: it runs with the rights of the tables' owner.

    Nobody else may execute such a function, that is, make a trigger of their own with it: on a
    table of theirs it would write whatever they like with the owner's rights. A trigger that is
    there needs no such right to fire.
    """

    name: str
    body: str
    definer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger of PostgreSQL that fires in every session (ENABLE ALWAYS).

    `columns` narrows UPDATE; `deferred` makes a constraint trigger that runs at commit.
    """

    name: str
    table: str
    timing: str  # BEFORE or AFTER
    events: Sequence[str]
    function: str
    columns: Sequence[str] = ()
    arguments: Sequence[str] = ()
    rows: bool = True  # FOR EACH ROW, else FOR EACH STATEMENT
    deferred: bool = False

    def definition(self, quote: Quote = str) -> str:
        """The statement that makes it, as pg_get_triggerdef(oid, true) prints it back.

        `quote` is the server's own `quote_ident`: which words need quotes depends on its version.
        """
        columns = ", ".join(map(quote, self.columns))
        events = " OR ".join(
            f"UPDATE OF {columns}" if event == "UPDATE" and columns else event
            for event in _EVENTS
            if event in self.events
        )
        kind = "CONSTRAINT TRIGGER" if self.deferred else "TRIGGER"
        waits = " DEFERRABLE INITIALLY DEFERRED" if self.deferred else ""
        each = "ROW" if self.rows else "STATEMENT"
        arguments = ", ".join("'" + text.replace("'", "''") + "'" for text in self.arguments)
        return (
            f"CREATE {kind} {quote(self.name)} {self.timing} {events} ON {quote(self.table)}{waits}"
            f" FOR EACH {each} EXECUTE FUNCTION {quote(self.function)}({arguments})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteTrigger:
    """A trigger of SQLite: `what` follows its name in CREATE TRIGGER."""

    name: str
    table: str
    what: str

    def definition(self) -> str:
        """The statement that makes it, as sqlite_master keeps it."""
        return f"CREATE TRIGGER {self.name} {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Functions and triggers that belong together, for both databases."""

    functions: Sequence[Function]
    triggers: Sequence[Trigger]
    sqlite: Sequence[SqliteTrigger]

    def of(self, vendor: str) -> Sequence[Trigger] | Sequence[SqliteTrigger]:
        """The triggers for this kind of database."""
        return self.triggers if vendor == "postgresql" else self.sqlite

    def names(self, vendor: str) -> list[str]:
        """The triggers' names."""
        return [trigger.name for trigger in self.of(vendor)]


def together(parts: Iterable[Guards]) -> Guards:
    """All of them as one."""
    listed = list(parts)
    return Guards(
        functions=[item for part in listed for item in part.functions],
        triggers=[item for part in listed for item in part.triggers],
        sqlite=[item for part in listed for item in part.sqlite],
    )


def install(guards: Guards, *, using: str) -> None:
    """Put functions and triggers in place, replacing older ones. Needs the tables' owner."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            path, quote = _path(cursor), _quote(cursor, guards)
            for function in guards.functions:
                rights = " SECURITY DEFINER" if function.definer else ""
                cursor.execute(
                    f"CREATE OR REPLACE FUNCTION {function.name}() RETURNS trigger"
                    f" LANGUAGE plpgsql{rights} SET search_path = {path} AS $${function.body}$$"
                )
                if function.definer:
                    cursor.execute(f"REVOKE ALL ON FUNCTION {function.name}() FROM PUBLIC")
            for trigger in guards.triggers:
                name, table = quote(trigger.name), quote(trigger.table)
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(trigger.definition(quote))
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        else:
            for made in guards.sqlite:
                cursor.execute(f"DROP TRIGGER IF EXISTS {made.name}")
                cursor.execute(made.definition())


def wrong(guards: Guards, *, using: str) -> list[tuple[str, str]]:
    """(trigger, table) of those that are missing, changed, or can be switched off by a session."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
            kept = {(str(name), str(table)): str(sql) for name, table, sql in cursor.fetchall()}
            return [
                (made.name, made.table)
                for made in guards.sqlite
                if kept.get((made.name, made.table)) != made.definition()
            ]
        # One statement: the page of the trail asks on every view whether the guards are whole.
        cursor.execute(
            _PRESENT,
            {
                "names": _quoted_names(guards),
                "functions": [function.name for function in guards.functions],
                "triggers": [trigger.name for trigger in guards.triggers],
            },
        )
        schema, quoted, functions, triggers = cursor.fetchone()
    path, quote = f"search_path={_PATH.format(schema=schema)}", (quoted or {}).__getitem__
    whole = {
        name
        for name, body, definer, config, others in functions
        if Function(name=name, body=body, definer=definer) in guards.functions
        and list(config) == [path]
        and not (definer and others)
    }
    there = {(str(name), str(table)): str(sql) for name, table, sql in triggers}
    return [
        (trigger.name, trigger.table)
        for trigger in guards.triggers
        if there.get((trigger.name, trigger.table)) != trigger.definition(quote)
        or trigger.function not in whole
    ]


def present(*, using: str) -> list[tuple[str, str]]:
    """(trigger, table) of every trigger of the schema, whoever made it."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal"
            )
        else:
            cursor.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        return [(str(name), str(table)) for name, table in cursor.fetchall()]


def drop(triggers: Iterable[tuple[str, str]], *, using: str) -> None:
    """Take these (trigger, table) away. Needs the tables' owner."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for name, table in triggers:
            on = f' ON "{table}"' if connection.vendor == "postgresql" else ""
            cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on}')


def _path(cursor: CursorWrapper) -> str:
    cursor.execute("SELECT quote_ident(current_schema())")
    return _PATH.format(schema=cursor.fetchone()[0])


def _quote(cursor: CursorWrapper, guards: Guards) -> Quote:
    """Quotes the names in these triggers as the server does."""
    cursor.execute(
        "SELECT name, quote_ident(name) FROM unnest(%s::text[]) AS name", [_quoted_names(guards)]
    )
    quoted: dict[str, str] = dict(cursor.fetchall())
    return quoted.__getitem__


def _quoted_names(guards: Guards) -> list[str]:
    """The names that stand in the definitions of these triggers."""
    return sorted({
        name
        for made in guards.triggers
        for name in (made.name, made.table, made.function, *made.columns)
    })  # fmt: skip
