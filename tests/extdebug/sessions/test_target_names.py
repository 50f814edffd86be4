"""Names of targets: those of installs as far as the decision shows them, many in three queries."""

from typing import Any

import pytest

from extdebug.demo.sample import Cast
from extdebug.sessions.target_names import names_of
from extdebug.wire.keys import Target
from policies.models import Install

pytestmark = pytest.mark.django_db


def test_each_target_has_its_own_names(cast: Cast, django_assert_num_queries: Any) -> None:
    Install.objects.create(key="bare", tenant=cast.acme, extension=cast.invoice_sync)
    with django_assert_num_queries(3):
        all_of, some, none, elsewhere, nowhere = names_of([
            (Target("acme", "invoice-sync"), None),
            (Target("acme", "invoice-sync"), frozenset({"inst-acme", "inst-globex"})),
            (Target("acme", "invoice-sync"), frozenset()),
            (Target("globex", "report-maker"), None),
            (Target("-", "nothing"), None),
        ])  # fmt: skip
    assert [(row.id, row.name) for row in all_of.installs] == [
        ("bare", "bare"), ("inst-acme", "Invoice Sync at Acme Ltd"),
    ]  # fmt: skip
    assert [row.id for row in some.installs] == ["inst-acme"]
    assert none.installs == ()
    assert (all_of.tenant_name, all_of.extension_name) == ("Acme Ltd", "Invoice Sync")
    assert [row.id for row in elsewhere.installs] == ["inst-reports"]
    assert (nowhere.tenant_name, nowhere.extension_name, nowhere.installs) == ("-", "nothing", ())
