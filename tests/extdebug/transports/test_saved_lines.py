"""The page tells before lines leave it; only for its own session."""

from typing import Any

import pytest
from django.test import Client

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.wire.keys import Target
from policies import access
from tests.extdebug.opened_rows import open_row

pytestmark = pytest.mark.django_db(transaction=True)


def tell(user: Any, **body: Any) -> int:
    client = Client()
    client.force_login(user)
    said = {"what": "save-jsonl", "lines": 12, **body}
    place = "/api/ext-debug/saved"
    return client.post(place, said, content_type="application/json").status_code


def test_saved_lines_are_on_record(cast: Cast) -> None:
    viewer = access.viewer_of(cast.dan, transport="ws")
    _, lease = open_row(viewer, Target("acme", "invoice-sync"))
    assert lease is not None
    assert tell(cast.dan, session=lease.id) == 200
    assert tell(cast.mallory, session=lease.id) == 404
    assert tell(cast.dan, session=lease.id, what="steal") == 400
    (row,) = AuditRecord.objects.filter(action="session.lines_saved")
    assert (row.actor_name, row.subject_id, row.data["lines"]) == ("dan", lease.id, 12)
