"""The runbook "A suspended tenant" of docs/runbooks, walked at the desk in production."""

from typing import Any

import pytest

from extdebug.demo.sample import Cast
from policies.changes import requests
from policies.models import ChangeRequest, Tenant
from tests.policies.at_the_desk import seen, signed_in, watch
from tests.policies.conftest import actions, ask, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_tenant_is_suspended_by_one_and_resumed_by_two(cast: Cast) -> None:
    granted(cast, cast.dan)
    watch(cast.dan)
    olivia, address = signed_in(cast.olivia), f"/admin/policies/tenant/{cast.acme.pk}/change/"
    form: dict[str, Any] = {"name": cast.acme.name, "suspended": "on"}

    # One operator, at once; the page first says whose sessions end.
    asked = olivia.post(address, {**form, **seen(olivia, address)})
    assert b"dan" in asked.content
    assert ask(cast.dan).allowed
    done = olivia.post(address, {**form, **seen(olivia, address), "_cuts": "1"})
    assert done.status_code == 302
    decision = ask(cast.dan)
    assert not decision.allowed
    assert decision.failed is not None
    assert decision.failed.rule == "tenant"
    assert actions(action="tenant.suspended") == ["tenant.suspended"]

    # Back: a reason, and another operator. The grant is still there, for as long as it lasts.
    form.pop("suspended")
    waits = olivia.post(address, {**form, **seen(olivia, address), "_why": "the inquiry is over"})
    assert waits.status_code == 302
    assert Tenant.objects.get(pk=cast.acme.pk).suspended_at is not None
    requests.approve(ChangeRequest.objects.get().pk, by=cast.oscar)
    assert ask(cast.dan).allowed
