"""Admin of users and groups: operators see them, changes need the right and are recorded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.requesters import ip_of, user_of
from policies.changes import second_person, verbs
from policies.changes.second_person import ChangeRefused
from policies.desk.recorded_admin import RecordedAdmin, answer_refused, operates

admin.site.unregister(User)
admin.site.unregister(Group)

_LIMITED = (
    (None, {"fields": ("username", "first_name", "last_name", "email")}),
    ("Standing", {"fields": ("is_active", "is_staff", "is_superuser", "last_login")}),
)


def _has_rights(person: User | None) -> bool:
    return person is not None and (person.is_staff or person.is_superuser)


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """Operators may look people up; changing them needs Django's own permission."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operates(request) or bool(super().has_view_permission(request, obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return operates(request) or bool(super().has_module_permission(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the right to change: neither the password's hash nor the list of rights."""
        if obj is not None and not self.has_change_permission(request, obj):
            return _LIMITED
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser can change staff, superuser, group and permission fields."""
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_superuser", "is_staff", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a superuser changes staff accounts: a new password would give away their rights."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (request.user.is_superuser or not _has_rights(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (request.user.is_superuser or not _has_rights(obj))

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set a password, recorded; it ends that person's sign-ins and their sessions."""
        person, by, ip = self.get_object(request, id), user_of(request), ip_of(request)
        try:
            # Before Django's view, which gives the sign-in a new key: a rollback would end it.
            second_person.require_own_password(User, person.pk, by=by)
            with verbs.recorded(person, by=by, ip=ip):
                answer: HttpResponse = super().user_change_password(request, id, form_url)
        except ChangeRefused as refused:
            return answer_refused(self, request, refused)
        return answer


def own_password(request: HttpRequest) -> HttpResponse:
    """Change one's own password, recorded like any other change of a user."""
    me = get_object_or_404(User, pk=request.user.pk)
    try:
        with verbs.recorded(me, by=user_of(request), ip=ip_of(request)):
            answer: HttpResponse = admin.site.password_change(request)
    except ChangeRefused as refused:
        return answer_refused(admin.site.get_model_admin(User), request, refused)
    return answer


@admin.register(Group)
class GroupAdmin(RecordedAdmin, DjangoGroupAdmin):
    """Groups give rights, so only superusers change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)
