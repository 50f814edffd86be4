"""Tables of time-boxed approvals: the grant, its approvals, the review of a break-glass grant.

What must never be is a constraint here or a trigger in `policies.database.grant_triggers`; the
verbs that move a grant live in `policies.grants.verbs`. The state is a label: authority is
computed from times and approvals by `policies.decisions`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import LessThanOrEqual

from policies.models.directory import KEY_LENGTH, RESERVED_TENANTS, Extension, Install, Tenant
from policies.models.rules import MAX_BREAK_GLASS_MINUTES, MAX_GRANT_MINUTES, Capability

GRANTED: Final = ("scheduled", "active", "ended", "released", "revoked", "cancelled")
NEVER_GRANTED: Final = ("requested", "denied", "withdrawn", "lapsed")
OPEN: Final = ("requested", "scheduled", "active")


class WholeSeconds(models.Func):
    """Seconds from the first moment to the second, rounded: the same in a CHECK on both databases.

    Django's own interval arithmetic needs a Python function on SQLite, which plain SQL lacks.
    """

    output_field: ClassVar = models.IntegerField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(ROUND((julianday(%(expressions)s)) * 86400) AS INTEGER)"
        return self.as_sql(
            compiler, connection, template=template, arg_joiner=") - julianday(", **context
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "ROUND(EXTRACT(EPOCH FROM (%(expressions)s)))"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


def default_capabilities() -> list[str]:
    return [Capability.Name.DEBUG_LOGS.value]


class Grant(models.Model):
    """Permission for one person to watch one target for a limited time.

    No tenant means one of the tenant-less streams that `tenant_key` names. `minutes` counts from
    activation (`starts_at`), not from the request. Requester, beneficiary, target and `extends`
    never change; `minutes` and `ends_at` only shrink (triggers).
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        SCHEDULED = "scheduled", "Scheduled"
        ACTIVE = "active", "Active"
        ENDED = "ended", "Expired"
        RELEASED = "released", "Released"
        REVOKED = "revoked", "Revoked"
        DENIED = "denied", "Denied"
        WITHDRAWN = "withdrawn", "Withdrawn"
        LAPSED = "lapsed", "Expired (not answered)"
        CANCELLED = "cancelled", "Cancelled"

    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    environment = models.CharField(max_length=20)
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="grants")
    tenant_key = models.CharField(max_length=KEY_LENGTH)
    extension = models.ForeignKey(
        Extension, models.PROTECT, null=True, blank=True, related_name="grants"
    )
    extension_key = models.CharField(max_length=KEY_LENGTH)
    all_installs = models.BooleanField(default=False)
    installs = models.ManyToManyField(Install, blank=True, related_name="grants")
    capabilities = models.JSONField(default=default_capabilities)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="grants_requested"
    )
    beneficiary = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="grants_held"
    )
    reason = models.TextField()
    ticket = models.CharField(max_length=100, blank=True)
    minutes = models.PositiveSmallIntegerField()
    approvals_required = models.PositiveSmallIntegerField(default=1)
    break_glass = models.BooleanField(default=False)
    extends = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="extensions"
    )
    requested_at = models.DateTimeField()
    lapses_at = models.DateTimeField(help_text="An approval after this is too late.")
    starts_after = models.DateTimeField(null=True, blank=True, help_text="Not before this.")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    closed_reason = models.TextField(blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, help_text="Counts changes: stale forms fail.")

    class Meta:
        ordering = ("-id",)
        permissions = (("operate_debug", "Can operate the debug console: watch, approve, revoke"),)
        indexes: ClassVar = [
            models.Index(fields=["beneficiary", "tenant_key", "extension_key"]),
            models.Index(fields=["state", "lapses_at"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_grant_known_state",
                condition=Q(state__in=[*GRANTED, *NEVER_GRANTED]),
            ),
            models.CheckConstraint(
                name="policies_grant_at_most_8_hours",
                condition=Q(minutes__range=(1, MAX_GRANT_MINUTES)),
            ),
            models.CheckConstraint(
                name="policies_grant_span_at_most_8_hours",
                # The stubs do not know that Q | Lookup is a condition.
                condition=Q(starts_at__isnull=True)  # type: ignore[arg-type]
                | LessThanOrEqual(
                    WholeSeconds(F("ends_at"), F("starts_at")), 60 * MAX_GRANT_MINUTES
                ),
            ),
            models.CheckConstraint(
                name="policies_grant_times_together",
                condition=Q(starts_at__isnull=True, ends_at__isnull=True)
                | Q(starts_at__isnull=False, ends_at__isnull=False, ends_at__gte=F("starts_at")),
            ),
            models.CheckConstraint(
                name="policies_grant_times_fit_state",
                condition=Q(state__in=GRANTED, starts_at__isnull=False)
                | Q(state__in=NEVER_GRANTED, starts_at__isnull=True),
            ),
            models.CheckConstraint(
                name="policies_grant_closed_when_over",
                condition=Q(state__in=OPEN, closed_at__isnull=True)
                | (~Q(state__in=OPEN) & Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="policies_grant_needs_approval",
                condition=Q(approvals_required__gte=1, break_glass=False)
                | Q(
                    break_glass=True,
                    approvals_required=0,
                    requester=F("beneficiary"),
                    minutes__lte=MAX_BREAK_GLASS_MINUTES,
                    extends__isnull=True,
                ),
            ),
            models.CheckConstraint(name="policies_grant_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="policies_grant_names_its_target",
                condition=Q(tenant__isnull=False, extension__isnull=False)
                | Q(tenant__isnull=True, tenant_key__in=RESERVED_TENANTS),
            ),
            models.UniqueConstraint(
                name="policies_grant_one_pending",
                fields=["requester", "beneficiary", "tenant_key", "extension_key"],
                condition=Q(state="requested"),
            ),
            models.UniqueConstraint(
                name="policies_break_glass_reviewed_first",
                fields=["beneficiary"],
                condition=Q(break_glass=True, reviewed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name shown in e-mails, on pages and in the audit: `G-` and the id."""
        return f"G-{self.pk}"

    def state_at(self, now: dt.datetime) -> Grant.State:
        """The state by the clock: the label in the row may be a minute late."""
        if self.state == self.State.REQUESTED and self.lapses_at <= now:
            return self.State.LAPSED
        begun = self.starts_at is not None and self.starts_at <= now
        over = self.ends_at is not None and self.ends_at <= now
        if self.state in (self.State.SCHEDULED, self.State.ACTIVE) and begun:
            return self.State.ENDED if over else self.State.ACTIVE
        return self.State(self.state)

    @property
    def ends(self) -> dt.datetime | None:
        """When its authority ends or ended, earlier than planned if it was closed before."""
        if self.ends_at is None or self.closed_at is None:
            return self.ends_at
        return min(self.ends_at, self.closed_at)

    @property
    def began(self) -> bool:
        """Whether it ever had authority, or still may have: false if it was closed before."""
        if self.starts_at is None:
            return False
        return self.closed_at is None or self.closed_at > self.starts_at


class _Judgement(models.Model):
    """What an approval and a review share: copies of the people it must not come from."""

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    beneficiary = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True


class Approval(_Judgement):
    """One approver's word on a grant. The copies are held equal to the grant's by a trigger."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", "Approve"
        DENY = "deny", "Deny"

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="approvals")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="approvals_given"
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="policies_approval_once_each", fields=["grant", "approver"]
            ),
            models.CheckConstraint(
                name="policies_approval_not_by_a_party",
                condition=~Q(approver=F("requester")) & ~Q(approver=F("beneficiary")),
            ),
            models.CheckConstraint(
                name="policies_approval_known_verdict",
                condition=Q(verdict__in=["approve", "deny"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approver}: {self.verdict} {self.grant}"


class BreakGlassReview(_Judgement):
    """The review of a break-glass grant by another operator; one is due before its user's next."""

    class Verdict(models.TextChoices):
        JUSTIFIED = "justified", "Justified"
        UNJUSTIFIED = "unjustified", "Not justified"

    grant = models.OneToOneField(Grant, models.CASCADE, related_name="review")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews_given"
    )
    verdict = models.CharField(max_length=12, choices=Verdict.choices)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_review_not_by_a_party",
                condition=~Q(reviewer=F("requester")) & ~Q(reviewer=F("beneficiary")),
            ),
            models.CheckConstraint(
                name="policies_review_known_verdict",
                condition=Q(verdict__in=["justified", "unjustified"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant}: {self.verdict}"
