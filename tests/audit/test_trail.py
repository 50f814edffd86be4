"""What other apps use of the trail: unknown actions, a tenant's rows, who acted."""

import pytest
from django.contrib.auth.models import AnonymousUser

from audit import trail
from audit.chain import UnknownAction
from tests.audit.conftest import record, rows


def test_an_unknown_action_is_refused_before_anything_is_written(trail_database):
    with pytest.raises(UnknownAction):
        record(trail_database, action="grant.misplaced")
    assert rows(trail_database) == []


def test_a_tenants_slice_has_its_rows_and_no_others(trail_database):
    record(trail_database, tenant="acme")
    record(trail_database, tenant="globex")
    record(trail_database)
    seen = trail.slice_for({"acme", ""}, using=trail_database)
    assert [row.tenant for row in seen] == ["acme"]
    assert not trail.slice_for([], using=trail_database).exists()


def test_the_snapshot_of_a_user_outlives_the_account(django_user_model, db):
    user = django_user_model.objects.create_user("ann")
    actor = trail.actor_of(user, ip="192.0.2.1")
    user.delete()
    assert (actor.kind, actor.name, actor.ip) == ("user", "ann", "192.0.2.1")
    assert trail.actor_of(AnonymousUser(), ip="192.0.2.9").kind == "anonymous"
    assert trail.actor_of(None).kind == "anonymous"
