"""A row's state: its columns and the keys of its relations."""

import pytest

from extdebug.demo.sample import Cast
from policies.changes.row_state import state_of
from policies.models import ExtensionDeveloper


@pytest.mark.django_db
def test_a_state_has_columns_and_relations(cast: Cast) -> None:
    state = state_of(ExtensionDeveloper.objects.get(user=cast.dora))
    assert state is not None
    assert state.columns["user_id"] == cast.dora.pk
    assert state.related == {"installs": frozenset({cast.inst_acme.pk})}
    assert state_of(None) is None
