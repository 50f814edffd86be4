"""The statement in both dialects; loading/test_snapshot.py compares it with the ORM."""

import re

from policies.database.facts_statement import ENVIRONMENT, LISTS, PARTS, statement

GIVEN = {name: f":{name}" for name in (*LISTS, ENVIRONMENT)}


def test_both_dialects_read_the_same_tables_in_as_many_parts() -> None:
    read = {}
    for postgresql in (True, False):
        said = statement(postgresql=postgresql, given=GIVEN)
        read[postgresql] = re.findall(r"(?:FROM|JOIN) (?!json_each)(\w+_\w+)", said)
        gathered = said.count("(SELECT json_agg(" if postgresql else "json((SELECT ")
        assert gathered == len(PARTS)
        assert all(name in said for name in GIVEN.values())
        assert "{" not in said
    assert read[True] == read[False]
