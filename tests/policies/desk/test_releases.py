"""The desk's page of a batch: what it gives is read there, and released by two."""

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.changes import requests
from policies.directory.document import Options
from policies.models import ChangeRequest, DirectoryRelease, Membership
from tests.policies.at_the_desk import seen, signed_in
from tests.policies.directory.documents import WHOLE, synced

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
LIST = "/admin/policies/directoryrelease/"


def test_a_batch_is_read_and_released_by_two_operators(cast: Cast) -> None:
    synced(Options(), **WHOLE)
    batch = DirectoryRelease.objects.get()
    address = f"{LIST}{batch.pk}/change/"
    olivia = signed_in(cast.olivia)
    assert b"4 changes of tenants" in olivia.get(LIST).content
    page = olivia.get(address).content
    assert b"role: uma is admin of umbrella" in page
    assert b"waits" in page

    asked = olivia.post(address, {"released": "on", **seen(olivia, address)})
    assert b"second person" in asked.content
    sent = {"released": "on", "_why": "the first import", **seen(olivia, address)}
    assert olivia.post(address, sent).status_code == 302
    batch.refresh_from_db()
    assert batch.released_at is None
    requests.approve(ChangeRequest.objects.get().pk, by=cast.oscar)
    assert b"released" in olivia.get(LIST).content
    synced(Options(), **WHOLE)
    assert Membership.objects.filter(user__username="uma").exists()
    assert b"over" in olivia.get(address).content


def test_a_release_is_taken_back_by_one(cast: Cast) -> None:
    synced(Options(), **WHOLE)
    DirectoryRelease.objects.update(released_at=timezone.now())
    oscar = signed_in(cast.oscar)
    address = f"{LIST}{DirectoryRelease.objects.get().pk}/change/"
    assert oscar.post(address, seen(oscar, address)).status_code == 302
    assert DirectoryRelease.objects.get().used_at is not None
    assert len(synced(Options(), **WHOLE).waiting) == 4


def test_a_list_that_was_altered_is_not_released(cast: Cast) -> None:
    synced(Options(), **WHOLE)
    batch = DirectoryRelease.objects.get()
    batch.changes = batch.changes[:1]
    batch.save()
    olivia, address = signed_in(cast.olivia), f"{LIST}{batch.pk}/change/"
    answer = olivia.post(address, {"released": "on", **seen(olivia, address)})
    assert b"This list is not what the directory asked for." in answer.content
    assert not ChangeRequest.objects.exists()


def test_nobody_makes_or_deletes_one_and_outsiders_see_none(cast: Cast) -> None:
    synced(Options(), **WHOLE)
    batch = DirectoryRelease.objects.get()
    olivia = signed_in(cast.olivia)
    assert olivia.get(f"{LIST}add/").status_code == 403
    assert olivia.post(f"{LIST}{batch.pk}/delete/", {"post": "yes"}).status_code == 403
    for outsider in (cast.alice, cast.mallory):
        assert signed_in(outsider).get(LIST).status_code == 302
