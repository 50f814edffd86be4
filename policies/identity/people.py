"""Names of people by their ids."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth import get_user_model


def names(ids: Collection[int]) -> list[str]:
    """The user names of these ids in order of name; ids of nobody are left out."""
    found = get_user_model().objects.filter(pk__in=ids)
    return sorted(user.get_username() for user in found)
