"""Tables of the console: debug sessions, the processes that hold them, and purges of streams."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit import session_ends


class Process(models.Model):
    """A console process. `beat_at` is renewed every 5 s; a silent one loses its sessions."""

    name = models.CharField(primary_key=True, max_length=64)
    host = models.CharField(max_length=128)
    pid = models.PositiveIntegerField()
    server = models.CharField(max_length=32, blank=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    health = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "streams"  # the list begins with what they read
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DebugSession(models.Model):
    """One person watching one stream, from its opening to its end, across reconnects.

    The row outlives its user, grant and tenant as text. `holder` is the connection that serves
    it now: whoever takes the session over writes its own and the other lets go.
    """

    class Transport(models.TextChoices):
        WEBSOCKET = "ws", "WebSocket"
        SSE = "sse", "SSE"
        POLL = "poll", "Polling"
        REPLAY = "replay", "Terminal"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="debug_sessions"
    )
    username = models.CharField(max_length=150)
    tenant = models.CharField(max_length=64)
    extension = models.CharField(max_length=64)
    grant = models.ForeignKey(
        "policies.Grant", models.SET_NULL, null=True, blank=True, related_name="sessions"
    )
    environment = models.CharField(max_length=32)
    transport = models.CharField(max_length=8, choices=Transport.choices)
    ip = models.CharField(max_length=64, blank=True)
    session_hash = models.CharField(max_length=64, blank=True)
    token_id = models.BigIntegerField(null=True, blank=True)

    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    extendable_until = models.DateTimeField()
    process = models.CharField(max_length=64, db_index=True)
    holder = models.CharField(max_length=32)
    detached_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    close_code = models.PositiveSmallIntegerField(null=True, blank=True)
    close_reason = models.CharField(max_length=200, blank=True)
    end_requested_at = models.DateTimeField(null=True, blank=True)
    end_requested_by = models.CharField(max_length=150, blank=True)

    filters = models.JSONField(default=list, blank=True)
    cursor = models.CharField(max_length=192, blank=True)
    shown = models.PositiveBigIntegerField(default=0)
    filtered = models.PositiveBigIntegerField(default=0)
    lost = models.JSONField(default=dict, blank=True)
    # Stretches that events were sent of, [first id, last id]. None: written before it was kept.
    reach = models.JSONField(default=list, blank=True, null=True)
    uncounted = models.JSONField(default=list, blank=True)  # reasons of losses of unknown size
    # What an earlier connection told last, on another process (handed_in.py); null: nothing.
    handed_in = models.JSONField(null=True, blank=True)
    # Who may be told of it (watcher_rows.py), and the view it shares; null: nobody, and none.
    standing = models.JSONField(null=True, blank=True)
    shared = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "session"
        ordering = ("-opened_at",)
        indexes: ClassVar = [
            models.Index(
                name="extdebug_open_by_target",
                fields=["tenant", "extension"],
                condition=Q(closed_at=None),
            ),
            models.Index(
                name="extdebug_open_by_user", fields=["user"], condition=Q(closed_at=None)
            ),
            models.Index(  # `ownership.held_elsewhere`
                name="extdebug_held",
                fields=["process", "holder"],
                condition=Q(closed_at=None, end_requested_at=None),
            ),
            models.Index(name="extdebug_by_opening", fields=["-opened_at"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="extdebug_session_ends_in_order",
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
            ),
            models.CheckConstraint(
                name="extdebug_session_extends_forward",
                condition=Q(extendable_until__gte=F("opened_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} on {self.tenant}:{self.extension}"

    @property
    def end_in_words(self) -> str:
        """Why it ended, for people; empty while it is open."""
        if self.closed_at is None:
            return ""
        return self._end_in_words("the watcher")

    @property
    def end_to_the_watcher(self) -> str:
        """The same, said to the person whose session it was."""
        return self._end_in_words("you") if self.closed_at else ""

    def _end_in_words(self, watcher: str) -> str:
        by = self.end_requested_by
        whom = watcher if by == self.username else by or "an operator"
        return session_ends.in_words(self.close_code, self.close_reason, by=whom)

    @property
    def lost_total(self) -> int:
        return sum(count or 0 for count in self.lost.values())


class StreamPurge(models.Model):
    """Lines of one stream that an operator removes. Written before Redis is touched.

    `first` and `last` are ids, both inclusive. `done_at` without `failure`: all of them are gone.
    """

    tenant = models.CharField(max_length=64)
    extension = models.CharField(max_length=64)
    first = models.CharField(max_length=48)
    last = models.CharField(max_length=48)
    reason = models.CharField(max_length=500)
    ordered_by = models.CharField(max_length=150)
    ordered_at = models.DateTimeField(db_index=True)
    expected = models.PositiveBigIntegerField()
    removed = models.PositiveBigIntegerField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"purge of {self.tenant}:{self.extension}"
