"""Names of people by their ids."""

import pytest

from extdebug.demo.sample import Cast
from policies.identity import people


@pytest.mark.django_db
def test_ids_of_nobody_are_left_out(cast: Cast) -> None:
    assert people.names([cast.dora.pk, 99_999, cast.dan.pk]) == ["dan", "dora"]
