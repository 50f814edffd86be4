"""Which tables of policy are noted when a row changes, and what the verbs' own records name.

Every table a decision reads, and what is asked of a second person. `audit.change_notes` puts into
the trail what no verb has recorded.
"""

from __future__ import annotations

from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from audit import note_triggers
from audit.note_triggers import NotedTable
from audit.triggers import Guards
from policies import models

# Columns of a table that decisions read, where a change of the others is daily life.
USER_COLUMNS: Final = ("is_active", "is_staff", "is_superuser", "password")
TOKEN_COLUMNS: Final = ("owner_id", "tenant_id", "extension_id", "expires_at", "revoked_at")
# Noted besides, though no open session depends on them: who comes in by the name or the token from
# now on, and where an operator's alerts go, without which nobody may break glass.
_USER_MORE: Final = ("username", "email")
_TOKEN_MORE: Final = ("name", "digest")


def tables() -> list[NotedTable]:
    """Each table with its watched columns and the subject that a verb's record names."""
    user = get_user_model()
    return [
        *(
            _own(model)
            for model in (
                models.Tenant,
                models.Extension,
                models.Install,
                models.Membership,
                models.ExtensionDeveloper,
                models.Capability,
                models.Consent,
                models.EnvironmentPolicy,
                models.ProductionMode,
                models.Lock,
                models.Limits,
                models.RedactionRule,
                models.Grant,
                models.ChangeRequest,
                Group,
                Permission,
                ContentType,
            )
        ),
        _own(user, columns=(*_USER_MORE, *USER_COLUMNS)),
        _own(
            models.AccessToken,
            subject_type="access_token",
            columns=(*_TOKEN_MORE, *TOKEN_COLUMNS),
        ),
        # Its list may be longer than a record: the digest says which it is.
        _own(models.DirectoryRelease, columns=("digest", "released_at", "used_at")),
        # Whoever is linked to an account comes in as that account.
        _own(models.SignInIdentity, columns=("issuer", "subject", "user_id")),
        # What its owner proves widening by; the secret itself stays out of the trail.
        _own(Authenticator, columns=("user_id", "type")),
        _of(models.ExtensionDeveloper, "installs"),
        _of(user, "groups"),
        _of(user, "user_permissions"),
        _of(Group, "permissions"),
        _of(models.Grant, "installs"),
        _own(models.Approval, subject_type="grant", subject="grant_id", relation="approvals"),
        _own(models.BreakGlassReview, subject_type="grant", subject="grant_id", relation="review"),
    ]


def guards() -> Guards:
    """The triggers that write the notes."""
    return note_triggers.guards(tables())


def _own(
    model: type[Model],
    *,
    columns: tuple[str, ...] = (),
    subject_type: str = "",
    subject: str = "",
    relation: str = "",
) -> NotedTable:
    meta = model._meta  # noqa: SLF001 - Django's documented model API
    assert meta.pk is not None
    key = str(meta.pk.column)
    return NotedTable(
        table=meta.db_table,
        key=key,
        columns=columns or [str(field.column) for field in meta.concrete_fields],
        subject_type=subject_type or meta.model_name or "",
        subject_column=subject or key,
        relation=relation,
    )


def _of(model: type[Model], name: str) -> NotedTable:
    field = model._meta.get_field(name)  # noqa: SLF001
    through = field.remote_field.through  # type: ignore[union-attr]
    return _own(
        through,
        subject_type=model._meta.model_name or "",  # noqa: SLF001
        subject=f"{model._meta.model_name}_id",  # noqa: SLF001
        relation=name,
    )
