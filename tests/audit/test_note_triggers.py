"""What a watched table's triggers are made of; that they fire is tested with policy's tables."""

from audit import note_triggers
from audit.note_triggers import NotedTable

NOTED = NotedTable(
    table="t", key="id", columns=("a", "password"), subject_type="thing", subject_column="thing_id"
)


def test_a_note_holds_key_subject_and_the_watched_columns_once():
    assert NOTED.kept() == ["id", "thing_id", "a", "password"]


def test_postgresql_notes_with_the_owners_rights_and_when_a_table_is_emptied():
    made = note_triggers.guards([NOTED])
    assert [function.definer for function in made.functions] == [True]
    row, truncate = made.triggers
    assert (set(row.events), row.rows) == ({"INSERT", "UPDATE", "DELETE"}, True)
    assert (set(truncate.events), truncate.rows) == ({"TRUNCATE"}, False)


def test_a_secret_never_stands_in_a_trigger_of_sqlite_by_its_value():
    for trigger in note_triggers.guards([NOTED]).sqlite:
        assert "'a', " in trigger.what
        assert "'password', OLD.password" not in trigger.what
        assert "'password', NEW.password" not in trigger.what
