"""What an admin of rows that are never written by hand has in common, in any app."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest


class ReadOnlyMixin:
    """Refuses to add, change and delete, superusers included. Stands before ModelAdmin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
