"""The directory: tenants, extensions, installs, and who belongs to which of them."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

# Stream keys are made of these ids, so they follow the same grammar (docs/wire-contract.md).
KEY_LENGTH: Final = 64
RESERVED_TENANTS: Final = ("unknown", "-")  # runners write them when they lack a tenant
valid_key = RegexValidator(
    r"\A[a-z0-9][a-z0-9._-]{0,63}\Z",
    "Use 1-64 characters of a-z 0-9 . _ - that start with a letter or digit.",
    code="invalid_key",
)


def _lower_case(model: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=f"policies_{model}_key_lower_case",
        condition=models.Q(key=Lower("key")) & ~models.Q(key=""),
    )


class Tenant(models.Model):
    """A customer of the platform. `key` is half of the stream key: never rename it."""

    key = models.CharField(max_length=KEY_LENGTH, unique=True, validators=[valid_key])
    name = models.CharField(max_length=200)
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="Set: nobody may watch.")
    consent_required = models.BooleanField(
        default=False, help_text="People outside the tenant need its consent to watch."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("key",)
        constraints: ClassVar = [
            _lower_case("tenant"),
            models.CheckConstraint(
                name="policies_tenant_key_not_reserved",
                condition=~models.Q(key__in=RESERVED_TENANTS),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Extension(models.Model):
    """A Wasm extension. `key` is the other half of the stream key: never rename it."""

    key = models.CharField(max_length=KEY_LENGTH, unique=True, validators=[valid_key])
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("key",)
        constraints: ClassVar = [_lower_case("extension")]

    def __str__(self) -> str:
        return self.key


class Install(models.Model):
    """An extension installed at a tenant; `key` is the install id that events carry."""

    key = models.CharField(max_length=KEY_LENGTH, unique=True, validators=[valid_key])
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="installs")
    extension = models.ForeignKey(Extension, models.CASCADE, related_name="installs")
    name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("key",)
        constraints: ClassVar = [_lower_case("install")]
        indexes: ClassVar = [models.Index(fields=["tenant", "extension"])]

    def __str__(self) -> str:
        return self.key


class Membership(models.Model):
    """A person's role at a tenant. One role each; a role that is not here gives nothing."""

    class Role(models.TextChoices):
        ADMIN = "admin", "Tenant admin"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.ADMIN)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "tenant admin"
        constraints: ClassVar = [
            models.UniqueConstraint(name="policies_membership_once", fields=["user", "tenant"]),
            models.CheckConstraint(
                name="policies_membership_known_role",
                condition=models.Q(role__in=["admin"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.tenant}"


class ExtensionDeveloper(models.Model):
    """A developer of an extension: for all its installs, or for the named ones only.

    `all_installs` is said and never implied: a developer whose last named install was deleted
    is left with none, not with all.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="developments")
    extension = models.ForeignKey(Extension, models.CASCADE, related_name="developers")
    all_installs = models.BooleanField(default=False)
    installs = models.ManyToManyField(Install, blank=True, related_name="developers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "developer"
        constraints: ClassVar = [
            models.UniqueConstraint(name="policies_developer_once", fields=["user", "extension"])
        ]

    def __str__(self) -> str:
        return f"{self.user} develops {self.extension}"
