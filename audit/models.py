"""Tables of the audit trail: the chain, its checkpoints, and what waits to be written.

`AuditRecord` is append-only: database triggers (`audit.guards`) refuse every change, the methods
here only say so earlier and more kindly. No foreign keys: a row outlives whatever it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit import chain, wording


class AppendOnly(Exception):
    """Someone tried to change or remove a row of the trail through the ORM."""


class AppendOnlyQuerySet(models.QuerySet["AuditRecord"]):
    """Refuses the bulk ways to change rows, which never call the model's own methods."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("the audit trail is append-only")

    def delete(self) -> NoReturn:
        raise AppendOnly("the audit trail is append-only")

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("rows enter the audit trail through audit.trail alone")

    def add_chained(self, records: Sequence[AuditRecord]) -> None:
        """For `audit.writer`, which chains them: new rows in the order of their numbers."""
        super().bulk_create(records)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("the audit trail is append-only")


class AuditRecord(models.Model):
    """One recorded action. `seq` counts from 1 without gaps; `prev` is the hash before it."""

    seq = models.BigIntegerField("no.", primary_key=True)
    at = models.DateTimeField("when")
    action = models.CharField(max_length=64)  # one of audit.actions.Action
    actor_kind = models.CharField(max_length=16)  # one of audit.actions.ActorKind
    actor_id = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    actor_name = models.CharField("actor", max_length=chain.MAX_TEXT, blank=True)
    ip = models.CharField("address", max_length=64, blank=True)
    tenant = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    extension = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    subject_type = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    subject_id = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    once = models.CharField(max_length=chain.MAX_TEXT, blank=True)
    # PostgreSQL's number of the transaction that wrote it: a note of the same one is told by it.
    # Not part of what is hashed or exported.
    # Its default is the database's too: a console of the version before goes on writing.
    txid = models.CharField(max_length=24, blank=True, default="", db_default="", editable=False)
    prev = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ("-seq",)
        verbose_name = "audit record"
        verbose_name_plural = "audit trail"
        default_permissions = ("view",)
        permissions = (("export_auditrecord", "Can export the audit trail"),)
        constraints = (
            models.CheckConstraint(condition=Q(seq__gte=1), name="audit_seq_positive"),
            models.UniqueConstraint(
                fields=("once",), condition=~Q(once=""), name="audit_once_unique"
            ),
        )
        indexes = (
            models.Index(fields=("tenant", "-seq"), name="audit_tenant"),
            models.Index(fields=("extension", "-seq"), name="audit_extension"),
            models.Index(fields=("actor_kind", "actor_id", "-seq"), name="audit_actor"),
            models.Index(fields=("action", "-seq"), name="audit_action"),
            models.Index(fields=("subject_type", "subject_id", "-seq"), name="audit_subject"),
            models.Index(fields=("-at",), name="audit_at"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("the audit trail is append-only")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("the audit trail is append-only")

    @property
    def action_in_words(self) -> str:
        """ "Session closed" for `session.closed`."""
        return wording.action(self.action)

    @property
    def subject_in_words(self) -> str:
        """What it is about, by name; empty for what is about nothing of ours."""
        named = self.data.get("subject")
        if named is None and self.subject_type == "tenant":
            named = self.tenant
        return wording.subject(self.subject_type, self.subject_id, named=named)

    @property
    def why(self) -> str:
        """The reason in words, as `wording.why` says it."""
        return wording.why(
            self.action, self.reason, self.data, actor=self.actor_name, about=self.subject_in_words
        )

    @property
    def behind(self) -> str:
        """The codes behind the words of `why`, of rows that have them."""
        return wording.behind(self.action, self.reason, self.data)

    def row(self) -> chain.Row:
        """The row in the one form that is hashed and exported, hash as stored."""
        return {
            "v": chain.VERSION,
            "seq": self.seq,
            "at": chain.moment(self.at),
            "action": self.action,
            "actor": {
                "kind": self.actor_kind,
                "id": self.actor_id,
                "name": self.actor_name,
                "ip": self.ip,
            },
            "tenant": self.tenant,
            "extension": self.extension,
            "subject": {"type": self.subject_type, "id": self.subject_id},
            "reason": self.reason,
            "data": self.data,
            "once": self.once,
            "prev": self.prev,
            "hash": self.hash,
        }


class Checkpoint(models.Model):
    """A signed statement that the chain had this hash at this place. Append-only as well.

    The copy that convicts is the one exported elsewhere: whoever can cut the trail's tail in
    the database could cut this table too.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField("when")
    hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128)

    class Meta:
        ordering = ("-seq",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"checkpoint at {self.seq}"


class Tally(models.Model):
    """Repeated refusals of one minute, counted here until their one summary row is written."""

    key = models.CharField(max_length=64)  # of action, person, target and code
    person = models.CharField(max_length=64)
    minute = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)  # beyond the one that has its own row
    entry = models.JSONField()  # what the summary row will say

    class Meta:
        verbose_name_plural = "tallies"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("key", "minute"), name="audit_tally_once_a_minute"),
        )
        indexes = (models.Index(fields=("person", "minute"), name="audit_tally_person"),)

    def __str__(self) -> str:
        return f"{self.count} more in {self.minute:%H:%M}"


class Outbox(models.Model):
    """Rows that must not wait and could not be chained at once; retried until they are."""

    entry = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "outbox"
        default_permissions = ("view",)
        ordering = ("id",)

    def __str__(self) -> str:
        return f"waiting since {self.created_at:%Y-%m-%d %H:%M:%S}"


class ChangeNote(models.Model):
    """A change of a row that decisions read, written by a trigger in the change's transaction.

    `audit.change_notes` moves notes into the chain: a note that a verb's own record tells is
    settled by it, any other becomes a record. `told_by` is that record's number; a note cannot be
    deleted without one.
    """

    at = models.DateTimeField()
    # PostgreSQL: the transaction's number. SQLite: the last record's number before the change.
    txid = models.CharField(max_length=24)
    role = models.CharField(max_length=200, blank=True)  # of the database; SQLite has none
    table_name = models.CharField(max_length=100)
    row_key = models.CharField(max_length=100, blank=True)
    operation = models.CharField(max_length=10)  # INSERT, UPDATE, DELETE or TRUNCATE
    was = models.JSONField(null=True)
    became = models.JSONField(null=True)
    subject_type = models.CharField(max_length=100)  # whom a verb's record would name
    subject_id = models.CharField(max_length=100, blank=True)
    relation = models.CharField(max_length=100, blank=True)  # of the subject, "" for its own row
    told_by = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name} {self.row_key}"
