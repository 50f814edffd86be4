"""Tokens have a scope and an end; there is one policy version; rows read as a person says them."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import AccessToken, Notice, Opening, PolicyVersion
from tests.policies.conftest import request

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("scoped", "days"), [(False, 1), (True, 0), (True, -1)])
def test_a_token_without_scope_or_end_is_refused(cast: Cast, scoped: bool, days: int) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessToken.objects.create(
            owner=cast.dan, name="ci", digest="d", hint="edc_abcd",
            tenant=cast.acme if scoped else None, created_at=now,
            expires_at=now + dt.timedelta(days=days),
        )  # fmt: skip


def test_there_is_one_policy_version() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.create(pk=2, version=0)


def test_rows_show_neither_a_tokens_text_nor_an_address(cast: Cast, production: object) -> None:
    now = timezone.now()
    token = AccessToken(owner=cast.dan, name="ci", digest="0123", hint="edc_abcd")
    assert str(token) == "ci (edc_abcd…)"
    assert str(Opening(user=cast.dan, at=now)) == f"dan at {now:%H:%M:%S}"
    request(cast.dan)
    assert {str(notice) for notice in Notice.objects.all()} == {"requested by email"}
