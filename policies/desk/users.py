"""Admin of users and groups: operators see them, changes need the right and are recorded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.requesters import ip_of, user_of
from policies.changes import second_person, verbs
from policies.changes.second_person import ChangeRefused
from policies.desk.recorded_admin import RecordedAdmin, answer_refused, operates
from policies.models import RoleByGroup
from policies.second_factor import factors

admin.site.unregister(User)
admin.site.unregister(Group)

_LIMITED = (
    (None, {"fields": ("username", "first_name", "last_name", "email")}),
    ("Standing", {"fields": ("is_active", "is_staff", "is_superuser", "last_login")}),
)


_SIGN_IN = ("Sign-in", {"fields": ("signs_in_as", "by_groups", "second_factors")})
_SHOWN = ("signs_in_as", "by_groups", "second_factors")


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
            return (*_LIMITED, _SIGN_IN)
        sets = super().get_fieldsets(request, obj)
        return sets if obj is None else (*sets, _SIGN_IN)

    @display(description="signs in as")
    def signs_in_as(self, person: User) -> str:
        """Whom the provider knows them as; "" where they sign in with a password alone."""
        rows = person.sign_in_identities.all()
        return ", ".join(f"{row.subject} at {row.issuer}" for row in rows)

    @display(description="roles by groups")
    def by_groups(self, person: User) -> str:
        """What groups of the provider gave and keep; other roles are the desk's or directory's."""
        rows = RoleByGroup.objects.filter(identity__user=person).order_by("kind", "name")
        return ", ".join(" ".join(filter(None, (row.kind, row.name, row.scope))) for row in rows)

    @display(description="second factors")
    def second_factors(self, person: User) -> str:
        return ", ".join(factors.name_of(row) for row in factors.of(person))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser can change staff, superuser, group and permission fields."""
        fields = (*super().get_readonly_fields(request, obj), *_SHOWN)
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
