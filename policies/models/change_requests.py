"""The table of changes that need a second person: what is asked for, by whom, and the answer.

The verbs live in `policies.changes.requests`; what may never be is a constraint here or a trigger
in `policies.database.change_triggers`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from policies.models.directory import KEY_LENGTH


class ChangeRequest(models.Model):
    """One row to add, change or delete, which waits for an operator other than who asks.

    `columns` and `related` are the values to set, `subjects` the ids of the people who gain by it
    (empty: a rule for everybody), `before` a fingerprint of the row as it was when asked. Only
    state, decision and version ever change (triggers).
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPLIED = "applied", "Applied"
        DENIED = "denied", "Denied"
        WITHDRAWN = "withdrawn", "Withdrawn"
        LAPSED = "lapsed", "Expired (not answered)"

    class Act(models.TextChoices):
        ADD = "add", "Add"
        CHANGE = "change", "Change"
        DELETE = "delete", "Delete"

    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    act = models.CharField(max_length=10, choices=Act.choices)
    kind = models.CharField(max_length=60, help_text="app.model")
    object_pk = models.CharField(max_length=40, blank=True, help_text="Empty for a new row.")
    summary = models.CharField(max_length=300)
    columns = models.JSONField(default=dict, blank=True)
    related = models.JSONField(default=dict, blank=True)
    shown = models.JSONField(default=dict, blank=True, help_text="What people read about it.")
    before = models.CharField(max_length=64, blank=True)
    subjects = models.JSONField(default=list, blank=True)
    tenant_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    extension_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="changes_requested"
    )
    reason = models.TextField()
    requested_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="changes_decided",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=["state", "lapses_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_change_known_state",
                condition=Q(state__in=["requested", "applied", "denied", "withdrawn", "lapsed"]),
            ),
            models.CheckConstraint(
                name="policies_change_known_act", condition=Q(act__in=["add", "change", "delete"])
            ),
            models.CheckConstraint(name="policies_change_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="policies_change_by_a_second_person",
                condition=Q(state__in=["applied", "denied"], decided_by__isnull=False)
                & ~Q(decided_by=F("requester"))
                | Q(state__in=["requested", "withdrawn", "lapsed"], decided_by__isnull=True),
            ),
            models.CheckConstraint(
                name="policies_change_decided_when_over",
                condition=Q(state="requested", decided_at__isnull=True)
                | (~Q(state="requested") & Q(decided_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name shown in e-mails, on pages and in the audit: `C-` and the id."""
        return f"C-{self.pk}"
