"""The rules a decision asks besides relations and grants: an operator's or a tenant's word."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from policies.models.directory import Extension, Install, Tenant

MAX_GRANT_MINUTES: Final = 8 * 60  # no grant lasts longer, whatever a policy says
MAX_BREAK_GLASS_MINUTES: Final = 60


def _one_per_scope(model: str, *, extra: tuple[str, ...] = ()) -> list[models.UniqueConstraint]:
    """Unique per (tenant, extension) where NULL means "any" and NULLs count as equal."""
    scopes = {
        "pair": (("tenant", "extension"), Q(tenant__isnull=False, extension__isnull=False)),
        "tenant": (("tenant",), Q(tenant__isnull=False, extension__isnull=True)),
        "extension": (("extension",), Q(tenant__isnull=True, extension__isnull=False)),
    }
    return [
        models.UniqueConstraint(
            name=f"policies_{model}_once_per_{name}", fields=[*fields, *extra], condition=condition
        )
        for name, (fields, condition) in scopes.items()
    ]


class Capability(models.Model):
    """A capability: declared by an extension (no install) or granted to one install.

    Watching needs both: the extension declares `cap:debug.logs` and the install has it.
    """

    class Name(models.TextChoices):
        DEBUG_LOGS = "cap:debug.logs", "cap:debug.logs"

    extension = models.ForeignKey(Extension, models.CASCADE, related_name="capabilities")
    install = models.ForeignKey(
        Install, models.CASCADE, null=True, blank=True, related_name="capabilities"
    )
    name = models.CharField(max_length=64, choices=Name.choices, default=Name.DEBUG_LOGS)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "capabilities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="policies_capability_once_per_extension",
                fields=["extension", "name"],
                condition=Q(install__isnull=True),
            ),
            models.UniqueConstraint(
                name="policies_capability_once_per_install",
                fields=["install", "name"],
                condition=Q(install__isnull=False),
            ),
            models.CheckConstraint(
                name="policies_capability_known", condition=Q(name__in=["cap:debug.logs"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.install or self.extension}"


class Consent(models.Model):
    """A tenant's word on being watched by people outside it; no extension means all of them.

    Withdrawn is stronger than absent: it refuses even where consent is not required.
    """

    class State(models.TextChoices):
        GIVEN = "given", "Given"
        WITHDRAWN = "withdrawn", "Withdrawn"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="consents")
    extension = models.ForeignKey(
        Extension, models.CASCADE, null=True, blank=True, related_name="consents"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Only for consent given.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            *_one_per_scope("consent")[:2],
            models.CheckConstraint(
                name="policies_consent_known_state", condition=Q(state__in=["given", "withdrawn"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.extension or '*'}: {self.state}"


class EnvironmentPolicy(models.Model):
    """What one environment asks for; without a row, the defaults of decisions/facts.py."""

    class Environment(models.TextChoices):
        DEVELOPMENT = "development", "Development"
        STAGING = "staging", "Staging"
        PRODUCTION = "production", "Production"

    environment = models.CharField(max_length=20, choices=Environment.choices, unique=True)
    enabled = models.BooleanField(default=True, help_text="Off: nobody watches here.")
    grant_required = models.BooleanField(default=True)
    consent_required = models.BooleanField(
        default=False, help_text="Every tenant's consent is required, not only where it asked."
    )
    approvals_required = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    max_grant_minutes = models.PositiveSmallIntegerField(
        default=MAX_GRANT_MINUTES,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_GRANT_MINUTES)],
    )
    pending_minutes = models.PositiveIntegerField(
        default=24 * 60,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 60)],
        help_text="A request that nobody decided lapses after this.",
    )
    break_glass = models.BooleanField(
        default=True, help_text="Operators may use break-glass access."
    )
    break_glass_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(MAX_BREAK_GLASS_MINUTES)]
    )

    class Meta:
        verbose_name_plural = "environment policies"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_environment_known",
                condition=Q(environment__in=["development", "staging", "production"]),
            ),
            models.CheckConstraint(
                name="policies_production_needs_grants",
                condition=Q(grant_required=True) | ~Q(environment="production"),
            ),
            models.CheckConstraint(
                name="policies_environment_bounds",
                condition=Q(
                    approvals_required__range=(1, 10),
                    max_grant_minutes__range=(1, MAX_GRANT_MINUTES),
                    pending_minutes__range=(1, 7 * 24 * 60),
                    break_glass_minutes__range=(1, MAX_BREAK_GLASS_MINUTES),
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.environment


class ProductionMode(models.Model):
    """Whether grants can be had in production for a tenant, an extension, or the pair.

    Of several rows that apply the strictest counts: one `off` is enough.
    """

    class Mode(models.TextChoices):
        GRANT = "grant", "By grant"
        OFF = "off", "Off: no requests, no watching"

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, null=True, blank=True, related_name="production_modes"
    )
    extension = models.ForeignKey(
        Extension, models.CASCADE, null=True, blank=True, related_name="production_modes"
    )
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.GRANT)
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            *_one_per_scope("mode"),
            models.CheckConstraint(
                name="policies_mode_known", condition=Q(mode__in=["grant", "off"])
            ),
            models.CheckConstraint(
                name="policies_mode_names_a_scope",
                condition=Q(tenant__isnull=False) | Q(extension__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant or '*'}/{self.extension or '*'}: {self.mode}"


class Lock(models.Model):
    """Stops one user, one tenant or one extension at once, until it expires or is deleted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="debug_locks"
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="locks")
    extension = models.ForeignKey(
        Extension, models.CASCADE, null=True, blank=True, related_name="locks"
    )
    reason = models.TextField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until deleted.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_lock_names_exactly_one",
                condition=Q(user__isnull=False, tenant__isnull=True, extension__isnull=True)
                | Q(user__isnull=True, tenant__isnull=False, extension__isnull=True)
                | Q(user__isnull=True, tenant__isnull=True, extension__isnull=False),
            ),
            models.CheckConstraint(name="policies_lock_has_a_reason", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"lock on {self.user or self.tenant or self.extension}"


class Limits(models.Model):
    """Caps and rates. No tenant and no extension: the defaults; empty fields inherit.

    For a target the pair's row counts, else the smaller of its tenant's and its extension's,
    else the defaults' row, else the values built into decisions/facts.py.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="limits")
    extension = models.ForeignKey(
        Extension, models.CASCADE, null=True, blank=True, related_name="limits"
    )
    sessions_per_user = models.PositiveIntegerField(null=True, blank=True)
    openings_per_minute = models.PositiveIntegerField(null=True, blank=True)
    sessions_per_tenant = models.PositiveIntegerField(null=True, blank=True)
    sessions_per_extension = models.PositiveIntegerField(null=True, blank=True)
    events_per_second = models.PositiveIntegerField(null=True, blank=True)
    bytes_per_second = models.PositiveIntegerField(null=True, blank=True)
    ttl_seconds = models.PositiveIntegerField(null=True, blank=True)
    max_ttl_seconds = models.PositiveIntegerField(null=True, blank=True)
    window_bytes = models.PositiveIntegerField(null=True, blank=True)
    ring_bytes = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "limits"
        constraints: ClassVar = [
            *_one_per_scope("limits"),
            models.UniqueConstraint(
                models.Value(1),
                name="policies_limits_one_default",
                condition=Q(tenant__isnull=True, extension__isnull=True),
            ),
            models.CheckConstraint(
                name="policies_limits_sane",
                condition=(Q(ttl_seconds__isnull=True) | Q(ttl_seconds__range=(10, 28_800)))
                & (Q(max_ttl_seconds__isnull=True) | Q(max_ttl_seconds__range=(10, 28_800)))
                & (Q(window_bytes__isnull=True) | Q(window_bytes__range=(16_384, 4_194_304)))
                & (Q(ring_bytes__isnull=True) | Q(ring_bytes__range=(16_384, 4_194_304))),
            ),
        ]

    def __str__(self) -> str:
        return f"limits of {self.tenant or '*'}/{self.extension or '*'}"


class RedactionRule(models.Model):
    """An operator's own redaction rule, applied at the console after the built-in ones."""

    name = models.SlugField(max_length=64, unique=True)
    pattern = models.TextField(help_text="RE2. Group 1, where there is one, is what gets masked.")
    keywords = models.JSONField(
        default=list, blank=True, help_text="Lower-case words, one of which must be in the text."
    )
    token = models.BooleanField(
        default=True, help_text="Off for guessable values (e-mail, card): the mask has no token."
    )
    example = models.TextField(help_text="A text that the rule masks.")
    counter_example = models.TextField(blank=True, help_text="A text that it must leave alone.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="policies_redaction_has_a_pattern", condition=~Q(pattern="") & ~Q(name="")
            )
        ]

    def __str__(self) -> str:
        return self.name
