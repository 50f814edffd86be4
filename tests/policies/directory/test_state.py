"""What there is, by name, in as many queries for a thousand rows as for one."""

from typing import Any

import pytest

from extdebug.demo.sample import Cast
from policies.directory import state
from policies.directory.steps import Mark
from tests.policies.directory.documents import WHOLE, synced

pytestmark = pytest.mark.django_db


def test_rows_are_found_by_their_names(cast: Cast, django_assert_num_queries: Any) -> None:
    synced(**WHOLE)
    with django_assert_num_queries(10):
        known = state.read()
    assert known.installs["inst-acme"].tenant.key == "acme"
    assert known.admins["uma admin umbrella"].tenant_id == known.tenants["umbrella"].pk
    assert known.named["dora developer invoice-sync"] == {"inst-acme"}
    assert known.named["dan developer invoice-sync"] == frozenset()
    assert {"mailer", "mailer/mail-u"} <= known.capabilities.keys()
    assert known.trusted == {"uma", "ines", "olivia", "oscar", "alice", "greta", "dan", "dora"}
    assert list(known.kept_in("extensions")) == [Mark(section="extensions", name="mailer")]
    assert known.mark("extensions", "invoice-sync") is None
