"""The table of what the directory keeps: which rows of policy it speaks for, and what it ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from policies.models.rules import Lock


class KeptRow(models.Model):
    """A row that the directory keeps, by section and name; what was made at the desk has none.

    `left`: it is no longer in the directory, which took its access away. `ended_at` is the moment
    with which it did: what somebody else ended (another moment, or none here) it does not lift.
    """

    section = models.CharField(max_length=20)
    name = models.CharField(max_length=240)
    left = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Without a constraint: locks are lifted on any road, TRUNCATE among them.
    lock = models.ForeignKey(
        Lock, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="policies_kept_once", fields=["section", "name"])
        ]

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"
