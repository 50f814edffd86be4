"""What the table of change requests refuses."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import ChangeRequest

pytestmark = pytest.mark.django_db


def test_a_request_has_a_reason_and_no_answer_yet(cast: Cast) -> None:
    now = timezone.now()
    asked = {"act": "add", "kind": "policies.lock", "summary": "x", "requester": cast.olivia,
             "requested_at": now, "lapses_at": now}  # fmt: skip
    for wrong in ({"reason": ""}, {"reason": "x", "state": "applied", "decided_by": cast.oscar,
                  "decided_at": now}, {"reason": "x", "decided_by": cast.oscar},
                  {"reason": "x", "act": "paint"}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            ChangeRequest.objects.create(**{**asked, **wrong})
    row = ChangeRequest.objects.create(**asked, reason="x")
    assert str(row) == f"C-{row.pk}"
