"""Who sent a request: their address, the person, and the record of what they read."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory

from audit import requesters
from audit.models import AuditRecord
from tests.fixtures.trail import refusing


def request_of(user: User | AnonymousUser, *, address: str = "192.0.2.7") -> HttpRequest:
    request = RequestFactory().get("/some/page/", REMOTE_ADDR=address)
    request.user = user
    return request


@pytest.mark.parametrize(
    ("address", "ip"), [("192.0.2.7", "192.0.2.7"), ("", ""), ("f" * 60, "f" * 45)]
)
def test_an_address_fits_its_columns_and_may_be_missing(address: str, ip: str) -> None:
    assert requesters.ip_of(request_of(AnonymousUser(), address=address)) == ip


def test_only_somebody_signed_in_is_a_person() -> None:
    ann = User(username="ann")
    assert requesters.user_of(request_of(ann)) is ann
    with pytest.raises(PermissionDenied):
        requesters.user_of(request_of(AnonymousUser()))


@pytest.mark.django_db
def test_a_reading_is_recorded_with_who_and_what(django_user_model: type[User]) -> None:
    ann = django_user_model.objects.create_user("ann")
    request = request_of(ann)
    assert requesters.note_reading(request, "grant", 7, tenant="acme") is None
    row = AuditRecord.objects.get()
    assert (row.action, row.actor_name, row.ip) == ("audit.read", "ann", "192.0.2.7")
    assert (row.subject_type, row.subject_id, row.tenant) == ("grant", "7", "acme")
    assert row.data == {"code": "/some/page/"}


@pytest.mark.django_db
def test_a_reading_that_cannot_be_recorded_is_answered_by_503(
    django_user_model: type[User],
) -> None:
    request = request_of(django_user_model.objects.create_user("ann"))
    with refusing(connection):
        answer = requesters.note_reading(request, what="the whole trail")
    assert answer is not None
    assert answer.status_code == 503
    assert answer["Content-Type"].startswith("text/html")
    assert b"cannot record who reads it" in answer.content
    assert not AuditRecord.objects.exists()
