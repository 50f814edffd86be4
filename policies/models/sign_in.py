"""Tables of sign-in by a provider: whom it knows as whom, what its groups gave, open doors."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class SignInIdentity(models.Model):
    """An account as the provider knows it: by issuer and subject, never by a name or address.

    `seen_at` is the last sign-in: what groups gave holds so long after it.
    """

    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_in_identities"
    )
    linked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="policies_identity_once", fields=["issuer", "subject"]),
            models.UniqueConstraint(name="policies_identity_of_one", fields=["issuer", "user"]),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.subject} at {self.issuer}"


class RoleByGroup(models.Model):
    """A role that groups of the provider gave and keep; what the desk or the directory made has no
    such row. `scope` is what the groups said last: `policies.sign_in.role_map.Role`."""

    identity = models.ForeignKey(SignInIdentity, models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=150, blank=True)
    scope = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="policies_role_by_group_once", fields=["identity", "kind", "name"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.identity}"


class PasswordDoor(models.Model):
    """An account that may sign in with its password for a while although passwords are off."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="password_door"
    )
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} until {self.until:%Y-%m-%d %H:%M}"
