"""Tables of tokens, tickets, openings, notices and the policy version."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from policies.models.directory import KEY_LENGTH, Extension, Tenant
from policies.models.grants import Grant


class AccessToken(models.Model):
    """A bearer token for SSE and the command line: its owner's authority, cut down to a scope.

    Only the SHA-256 is kept: the token has 256 random bits, so a slow hash would add nothing.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="debug_tokens")
    name = models.CharField(max_length=100, help_text="Where it is used.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text="How the token begins.")
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="tokens")
    extension = models.ForeignKey(
        Extension, models.CASCADE, null=True, blank=True, related_name="tokens"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_ip = models.CharField(max_length=45, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_token_has_a_scope",
                condition=Q(tenant__isnull=False) | Q(extension__isnull=False),
            ),
            models.CheckConstraint(
                name="policies_token_expires", condition=Q(expires_at__gt=F("created_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class Ticket(models.Model):
    """A one-use pass of 30 s for a WebSocket client without cookie: one person, one target."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.ForeignKey(
        AccessToken, models.CASCADE, null=True, blank=True, related_name="tickets"
    )
    # The sign-in it was issued from, so that a logout ends what the ticket opened.
    session_key = models.CharField(max_length=40, blank=True)
    auth_hash = models.CharField(max_length=128, blank=True)
    tenant = models.CharField(max_length=KEY_LENGTH)
    extension = models.CharField(max_length=KEY_LENGTH)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    used_ip = models.CharField(max_length=45, blank=True)

    def __str__(self) -> str:
        return f"ticket {self.pk} of {self.user}"


class Opening(models.Model):
    """An attempt to open a session or ask for access; the last minute's count is the rate."""

    class Kind(models.TextChoices):
        SESSION = "session", "Session"
        REQUEST = "request", "Request for access"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SESSION)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "at"])]

    def __str__(self) -> str:
        return f"{self.user} at {self.at:%H:%M:%S}"


class Notice(models.Model):
    """A message that waits to be sent: written with what it tells of, sent after the commit."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    grant = models.ForeignKey(
        Grant, models.CASCADE, null=True, blank=True, related_name="notices"
    )  # empty: about a change of a row of policy
    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipients = models.JSONField(default=list)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="When to try next.")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=["sent_at", "due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}"


class PolicyVersion(models.Model):
    """One row, bumped by database triggers whenever anything a decision reads has changed."""

    version = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="policies_version_one_row", condition=Q(pk=1))
        ]

    def __str__(self) -> str:
        return str(self.version)
