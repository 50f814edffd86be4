"""The function of facts on PostgreSQL: there to the letter, and one that is not is named."""

import pytest
from django.db import connection

from policies.database import facts_function
from policies.database.facts_function import NAME
from policies.database.facts_statement import LISTS, PARTS

pytestmark = pytest.mark.django_db
NOTHING: dict[str, list[int]] = {name: [] for name in LISTS}


def test_each_part_is_a_list_of_rows() -> None:
    read = facts_function.read(NOTHING, environment="production")
    assert list(read) == list(PARTS)
    [[version, _]] = read.pop("reading")
    assert version >= 0
    assert all(rows == [] for rows in read.values())


@pytest.mark.parametrize(
    "change",
    [
        "DROP FUNCTION {0}",
        "ALTER FUNCTION {0} SET search_path = public",
        "ALTER FUNCTION {0} RESET plan_cache_mode",
        "ALTER FUNCTION {0} VOLATILE",
        "ALTER FUNCTION {0} SECURITY DEFINER",
    ],
)
def test_a_function_that_is_another_is_named_and_put_back(change: str) -> None:
    assert facts_function.missing() == []
    if connection.vendor != "postgresql":
        return  # there is none
    with connection.cursor() as cursor:
        cursor.execute(change.format(NAME))
    assert facts_function.missing() == [NAME]
    facts_function.install()
    assert facts_function.missing() == []
