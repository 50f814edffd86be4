"""The closed vocabulary of the audit trail: what can be written down, and by what kind of actor.

A name is `subject.verb` in the past tense and never changes its meaning once rows carry it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """Every action that a row can name; `trail.record` refuses any other."""

    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    SESSION_DENIED = "session.denied"
    SESSION_RESUMED = "session.resumed"  # on another grant, from another address or sign-in
    SESSION_LINES_SAVED = "session.lines_saved"  # as a file or to the clipboard, by the page
    SESSION_VIEW_SHARED = "session.view_shared"  # with those who may watch the same
    SESSION_EXTENDED = "session.extended"
    SESSION_END_REQUESTED = "session.end_requested"
    SESSION_GRANT_CHANGED = "session.grant_changed"
    REPLAY = "session.replayed"

    STREAM_PURGE_ORDERED = "stream.purge_ordered"  # before any of it is removed
    STREAM_PURGED = "stream.purged"
    STREAM_PURGE_FAILED = "stream.purge_failed"

    PAGE_REFUSED = "page.refused"

    GRANT_REQUEST_REFUSED = "grant.request_refused"  # to ask for access or to break glass
    GRANT_REFUSED = "grant.refused"  # an act on a grant that there is, by its rules
    GRANT_REQUESTED = "grant.requested"
    GRANT_APPROVAL_GIVEN = "grant.approval_given"
    GRANT_APPROVED = "grant.approved"
    GRANT_DENIED = "grant.denied"
    GRANT_SCHEDULED = "grant.scheduled"
    GRANT_ACTIVATED = "grant.activated"
    GRANT_ENDED = "grant.ended"
    GRANT_RELEASED = "grant.released"
    GRANT_REVOKED = "grant.revoked"
    GRANT_WITHDRAWN = "grant.withdrawn"
    GRANT_CANCELLED = "grant.cancelled"
    GRANT_LAPSED = "grant.lapsed"
    GRANT_EXTENSION_REQUESTED = "grant.extension_requested"
    BREAK_GLASS_USED = "break_glass.used"
    BREAK_GLASS_REVIEWED = "break_glass.reviewed"

    CHANGE_REQUESTED = "change.requested"
    CHANGE_APPLIED = "change.applied"
    CHANGE_DENIED = "change.denied"
    CHANGE_WITHDRAWN = "change.withdrawn"
    CHANGE_LAPSED = "change.lapsed"
    CHANGE_MADE_ALONE = "change.made_alone"

    POLICY_CHANGED = "policy.changed"
    PRODUCTION_MODE_CHANGED = "production_mode.changed"
    LIMITS_CHANGED = "limits.changed"
    CAPABILITY_GIVEN = "capability.given"
    CAPABILITY_CHANGED = "capability.changed"
    CAPABILITY_WITHDRAWN = "capability.withdrawn"
    CONSENT_REQUIRED = "consent.required"
    CONSENT_GIVEN = "consent.given"
    CONSENT_CHANGED = "consent.changed"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    LOCK_SET = "lock.set"
    LOCK_CHANGED = "lock.changed"
    LOCK_LIFTED = "lock.lifted"
    RULE_CREATED = "rule.created"
    RULE_CHANGED = "rule.changed"
    RULE_REMOVED = "rule.removed"

    TENANT_CREATED = "tenant.created"
    TENANT_CHANGED = "tenant.changed"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_RESTORED = "tenant.restored"
    TENANT_REMOVED = "tenant.removed"
    EXTENSION_CREATED = "extension.created"
    EXTENSION_CHANGED = "extension.changed"
    EXTENSION_REMOVED = "extension.removed"
    INSTALL_CREATED = "install.created"
    INSTALL_CHANGED = "install.changed"
    INSTALL_REMOVED = "install.removed"
    MEMBERSHIP_CREATED = "membership.created"
    MEMBERSHIP_CHANGED = "membership.changed"
    MEMBERSHIP_REMOVED = "membership.removed"
    DEVELOPER_ADDED = "developer.added"
    DEVELOPER_CHANGED = "developer.changed"
    DEVELOPER_REMOVED = "developer.removed"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_REMOVED = "user.removed"

    ROW_CHANGED = "row.changed"  # by no verb: plain SQL, a shell, a cascade; noted by a trigger

    TOKEN_ISSUED = "token.issued"
    TOKEN_CHANGED = "token.changed"
    TOKEN_REVOKED = "token.revoked"
    TOKEN_REFUSED = "token.refused"
    TICKET_REFUSED = "ticket.refused"
    SIGN_IN_REFUSED = "sign_in.refused"
    IDENTITY_LINKED = "identity.linked"  # an account to a subject of the provider
    IDENTITY_UNLINKED = "identity.unlinked"
    PASSWORD_ALLOWED = "password.allowed"  # to one account for a while, where passwords are off

    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SECOND_FACTOR_CODE_USED = "second_factor.code_used"  # a recovery code, which counts once
    SECOND_FACTOR_REFUSED = "second_factor.refused"

    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_VERIFIED = "audit.verified"


# What anyone can cause at will: repeated ones are counted, not chained one by one.
# (`grant.denied` is not among them: an approver's decision is a fact of its own.)
SUMMARISED: Final = frozenset({
    Action.SESSION_DENIED, Action.SESSION_RESUMED, Action.SESSION_LINES_SAVED,
    Action.SESSION_VIEW_SHARED, Action.PAGE_REFUSED, Action.GRANT_REQUEST_REFUSED,
    Action.GRANT_REFUSED, Action.TOKEN_REFUSED, Action.TICKET_REFUSED, Action.SIGN_IN_REFUSED,
    Action.SECOND_FACTOR_REFUSED,
})  # fmt: skip


# What takes rights away or ends something: it is done although the chain takes no row just now,
# and its row waits in the outbox, in the same transaction.
TAKES_AWAY: Final = frozenset(
    {
        Action.SESSION_END_REQUESTED, Action.GRANT_DENIED, Action.GRANT_RELEASED,
        Action.GRANT_REVOKED, Action.GRANT_WITHDRAWN, Action.GRANT_CANCELLED,
        Action.CAPABILITY_WITHDRAWN, Action.CONSENT_WITHDRAWN, Action.LOCK_SET,
        Action.TENANT_SUSPENDED, Action.MEMBERSHIP_REMOVED, Action.DEVELOPER_REMOVED,
        Action.TOKEN_REVOKED, Action.CHANGE_DENIED, Action.CHANGE_WITHDRAWN,
        Action.STREAM_PURGE_ORDERED,
    }
)  # fmt: skip


class ActorKind(StrEnum):
    """What kind of actor: for a token the actor's id is its owner, the token's is in the data."""

    USER = "user"
    TOKEN = "token"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"
    DATABASE = "database"  # a role of the database, by whom a row was changed without a verb
