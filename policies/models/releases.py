"""The table of what the directory asks two operators for: batches, released and used once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class DirectoryRelease(models.Model):
    """What a run of some sections left because two people decide on it, as a whole.

    `changes` are its steps as [section, name, words], `digest` is theirs, `gainers` the ids of the
    people who gain. People set `released_at`, two of them, and `used_at` to take a release back.
    """

    sections = models.CharField(max_length=100, help_text="Of the documents that ask for it.")
    digest = models.CharField(max_length=64)
    changes = models.JSONField(default=list)
    gainers = models.JSONField(default=list, blank=True)
    asked_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="policies_release_waits_once",
                fields=["sections"],
                condition=Q(released_at__isnull=True),
            ),
            models.CheckConstraint(
                name="policies_release_before_use",
                condition=Q(used_at__isnull=True) | Q(released_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        many = len(self.changes)
        return f"{many} change{'' if many == 1 else 's'} of {self.sections.replace(',', ', ')}"
