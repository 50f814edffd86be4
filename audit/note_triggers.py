"""Triggers that note each change of a row that decisions read, in the change's own transaction.

Which tables and columns these are is the caller's to say (`NotedTable`). On PostgreSQL the function
runs with the rights of the tables' owner, so that the console's role needs none to write a note and
has none to forge one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from audit.triggers import Function, Guards, SqliteTrigger, Trigger

PREFIX: Final = "audit_note"
SECRET: Final = ("password", "digest")  # whoever reads the trail must not sign in with them
SAME: Final = "(secret)"
OTHER: Final = "(another secret)"

# Arguments: the key's column, subject type, the subject's column, the relation, watched columns.
_BODY: Final = f"""
DECLARE
  was jsonb; became jsonb; name text; changed boolean;
  watched text[] := string_to_array(TG_ARGV[4], ',');
BEGIN
  IF TG_OP <> 'TRUNCATE' THEN
    IF TG_OP <> 'INSERT' THEN
      SELECT jsonb_object_agg(key, value) INTO was FROM jsonb_each(to_jsonb(OLD))
        WHERE key = ANY(watched);
    END IF;
    IF TG_OP <> 'DELETE' THEN
      SELECT jsonb_object_agg(key, value) INTO became FROM jsonb_each(to_jsonb(NEW))
        WHERE key = ANY(watched);
    END IF;
    IF was IS NOT DISTINCT FROM became THEN RETURN NULL; END IF;
    FOREACH name IN ARRAY string_to_array('{",".join(SECRET)}', ',') LOOP
      changed := TG_OP = 'UPDATE' AND was->name IS DISTINCT FROM became->name;
      IF was ? name THEN was := jsonb_set(was, ARRAY[name], '"{SAME}"'); END IF;
      IF became ? name THEN
        became := jsonb_set(became, ARRAY[name],
          CASE WHEN changed THEN '"{OTHER}"'::jsonb ELSE '"{SAME}"'::jsonb END);
      END IF;
    END LOOP;
  END IF;
  INSERT INTO audit_changenote (at, txid, role, table_name, row_key, operation, was, became,
    subject_type, subject_id, relation)
  VALUES (clock_timestamp(), pg_current_xact_id()::text,
    session_user || CASE current_setting('role', true) WHEN 'none' THEN ''
      ELSE COALESCE(' as ' || NULLIF(current_setting('role', true), ''), '') END,
    TG_TABLE_NAME, COALESCE(COALESCE(became, was)->>TG_ARGV[0], ''), TG_OP, was, became,
    TG_ARGV[1], COALESCE(COALESCE(became, was)->>TG_ARGV[2], ''), TG_ARGV[3]);
  RETURN NULL;
END """  # noqa: S608 - constants


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedTable:
    """A table to watch, and what the record of a verb that changes it names.

    `columns` are those whose values count; key and subject stand in each note besides. A row of a
    relation (a many-to-many table, an approval) belongs to its subject's record, which tells it
    under the name `relation`.
    """

    table: str
    key: str
    columns: Sequence[str]
    subject_type: str
    subject_column: str
    relation: str = ""

    def kept(self) -> list[str]:
        """The columns that a note holds."""
        return list(dict.fromkeys([self.key, self.subject_column, *self.columns]))


def guards(tables: Iterable[NotedTable]) -> Guards:
    """The triggers for these tables, for both databases."""
    made, lite = [], []
    for noted in tables:
        arguments = (
            noted.key, noted.subject_type, noted.subject_column, noted.relation,
            ",".join(noted.kept()),
        )  # fmt: skip
        for kind, events in (("row", ("INSERT", "DELETE", "UPDATE")), ("truncate", ("TRUNCATE",))):
            made.append(
                Trigger(
                    name=f"{PREFIX}_{noted.table}_{kind}",
                    table=noted.table,
                    timing="AFTER",
                    events=events,
                    columns=noted.kept() if kind == "row" else (),
                    function=PREFIX,
                    arguments=arguments,
                    rows=kind == "row",
                )
            )
        lite += [_sqlite(noted, event) for event in ("INSERT", "UPDATE", "DELETE")]
    function = Function(name=PREFIX, body=_BODY, definer=True)
    return Guards(functions=[function], triggers=made, sqlite=lite)


def _sqlite(noted: NotedTable, event: str) -> SqliteTrigger:
    row = "OLD" if event == "DELETE" else "NEW"
    was = "NULL" if event == "INSERT" else _object("OLD", noted, event)
    became = "NULL" if event == "DELETE" else _object("NEW", noted, event)
    of, when = "", ""
    if event == "UPDATE":
        of = " OF " + ", ".join(f'"{name}"' for name in noted.kept())
        when = " WHEN " + " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in noted.kept())
    return SqliteTrigger(
        name=f"{PREFIX}_{noted.table}_{event.lower()}",
        table=noted.table,
        # The last record's number stands for the transaction: there is one writer at a time, and
        # a verb's record comes after what it tells.
        what=f"AFTER {event}{of} ON {noted.table} FOR EACH ROW{when} BEGIN"  # noqa: S608
        " INSERT INTO audit_changenote (at, txid, role, table_name, row_key, operation, was,"
        " became, subject_type, subject_id, relation)"
        " VALUES (strftime('%Y-%m-%d %H:%M:%f', 'now'),"
        " COALESCE((SELECT MAX(seq) FROM audit_auditrecord), 0), '',"
        f" '{noted.table}', {row}.\"{noted.key}\", '{event}', {was}, {became},"
        f" '{noted.subject_type}', {row}.\"{noted.subject_column}\", '{noted.relation}'); END",
    )


def _object(row: str, noted: NotedTable, event: str) -> str:
    pairs = []
    for name in noted.kept():
        value = f'{row}."{name}"'
        if name in SECRET:
            value = f"'{SAME}'"
            if event == "UPDATE" and row == "NEW":
                same = f'NEW."{name}" IS OLD."{name}"'
                value = f"CASE WHEN {same} THEN '{SAME}' ELSE '{OTHER}' END"
        pairs.append(f"'{name}', {value}")
    return f"json_object({', '.join(pairs)})"
