"""Rows that are never written by hand: not by superusers either."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from unfold.admin import ModelAdmin

from audit.read_only import ReadOnlyMixin


class Shown(ReadOnlyMixin, ModelAdmin):  # type: ignore[misc]
    """An admin of the kind that the mixin is for."""


class Plain(ModelAdmin):  # type: ignore[misc]
    """The same without the mixin, to show that the superuser could otherwise."""


@pytest.mark.parametrize("act", ["add", "change", "delete"])
def test_the_mixin_refuses_what_a_superuser_could_do(act: str) -> None:
    request = RequestFactory().get("/")
    request.user = User(username="root", is_superuser=True, is_active=True, is_staff=True)

    def may(kind: type[Any]) -> bool:
        return bool(getattr(kind(User, admin.site), f"has_{act}_permission")(request))

    assert may(Plain)
    assert not may(Shown)
