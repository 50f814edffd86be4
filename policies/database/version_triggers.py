"""Installs the database triggers that move the policy version and that protect grants.

Installed after every migration, because SQLite drops the triggers of a table that it alters.
`BUMPING` is every table a decision reads; each committed change of one moves the version by at
least one. On PostgreSQL the version's row is touched at commit (deferred), so that writers of
policy hold it for an instant and cannot deadlock over it.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from audit import note_triggers as audit_notes
from audit import triggers
from audit.roles import NOTES
from audit.triggers import Function, Guards, SqliteTrigger, Trigger, together
from policies import models
from policies.database import facts_function, grant_triggers, note_triggers
from policies.database.note_triggers import TOKEN_COLUMNS, USER_COLUMNS

_PREFIX: Final = "policies_bump"


def bumping() -> dict[str, tuple[str, ...]]:
    """Every table that decisions read -> the columns whose update counts (none: all)."""
    user = get_user_model()
    whole: list[type[Model]] = [
        models.Tenant,
        models.Extension,
        models.Install,
        models.Membership,
        models.ExtensionDeveloper,
        models.ExtensionDeveloper.installs.through,
        models.Capability,
        models.Consent,
        models.EnvironmentPolicy,
        models.ProductionMode,
        models.Lock,
        models.Limits,
        models.Grant,
        models.Grant.installs.through,
        models.Approval,
        models.RedactionRule,
        user.groups.through,
        user.user_permissions.through,
        Group.permissions.through,
        Group,
        Permission,
        ContentType,
    ]
    return {
        **{_table(model): () for model in whole},
        _table(user): USER_COLUMNS,
        _table(models.AccessToken): TOKEN_COLUMNS,
    }


def guards() -> Guards:
    """Every trigger on the tables of policy, for both databases."""
    return together([_bumps(), _version_only_grows(), grant_triggers.guards()])


def _all(*, using: str) -> Guards:
    """`guards` and, where the audit's tables are, the triggers that note changes for it."""
    if NOTES not in connections[using].introspection.table_names():
        return guards()  # policies migrated alone, for a test
    return together([guards(), note_triggers.guards()])


def install(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Put all triggers in place, replacing older ones, and the version's row."""
    triggers.install(_all(using=using), using=using)
    models.PolicyVersion.objects.using(using).get_or_create(pk=1)


def remove(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take all triggers away. Needs the tables' owner.

    A migration that alters one of these tables starts with `RunPython(version_triggers.lift)`:
    SQLite rebuilds the table, and refuses to rename it while another table's trigger names it.
    """
    vendor = connections[using].vendor
    ours = {*guards().names(vendor), *note_triggers.guards().names(vendor)}
    there = triggers.present(using=using)
    triggers.drop(
        [
            (name, table)
            for name, table in there
            if name in ours or name.startswith((_PREFIX, audit_notes.PREFIX))
        ],
        using=using,
    )


def lift(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """`remove` as the first operation of a migration; post_migrate puts them back."""
    remove(using=editor.connection.alias)


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Triggers that are missing, not what this version installs, or do not always fire."""
    return sorted({name for name, _ in triggers.wrong(_all(using=using), using=using)})


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of post_migrate: install triggers and function once their tables exist."""
    tables = set(connections[using].introspection.table_names())
    noted = {trigger.table for trigger in note_triggers.guards().triggers}
    needed = {*bumping(), _table(models.PolicyVersion), *grant_triggers.TABLES, *noted}
    if needed <= tables:  # not so while an older state is being migrated to
        install(using=using)
        facts_function.install(using=using)


def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's documented model API


_SQLITE_KINDS: Final = ("insert", "update", "delete")
# The owner's rights: any role that may write policy moves the version. Once per transaction is
# enough: nobody sees the number before the commit. Whether this transaction has moved it is read
# from the row itself (who wrote it last), because no session can pretend that.
_BUMP: Final = """
  BEGIN
    IF NOT EXISTS (SELECT 1 FROM policies_policyversion
                   WHERE id = 1 AND xmin = pg_current_xact_id()::xid) THEN
      INSERT INTO policies_policyversion (id, version) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET version = policies_policyversion.version + 1;
    END IF;
    RETURN NULL;
  END"""


def _bumps() -> Guards:
    made, lite = [], []
    for table, columns in bumping().items():
        made += [
            Trigger(
                name=f"{_PREFIX}_{table}_row",
                table=table,
                timing="AFTER",
                events=("INSERT", "DELETE", "UPDATE"),
                columns=columns,
                function=_PREFIX,
                deferred=True,
            ),
            Trigger(
                name=f"{_PREFIX}_{table}_truncate",
                table=table,
                timing="AFTER",
                events=("TRUNCATE",),
                function=_PREFIX,
                rows=False,
            ),
        ]
        update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
        lite += [
            SqliteTrigger(
                name=f"{_PREFIX}_{table}_{kind}",
                table=table,
                what=f"AFTER {event} ON {table} FOR EACH ROW BEGIN"  # noqa: S608 - constants
                " INSERT INTO policies_policyversion (id, version) VALUES (1, 1)"
                " ON CONFLICT (id) DO UPDATE SET version = version + 1; END",
            )
            for kind, event in zip(_SQLITE_KINDS, ("INSERT", update, "DELETE"), strict=True)
        ]
    function = Function(name=_PREFIX, body=_BUMP, definer=True)
    return Guards(functions=[function], triggers=made, sqlite=lite)


_VERSION_MOVES: Final = "the policy version moves up by one, and its row stays"


def _version_only_grows() -> Guards:
    """An update that leaves the version where it is would pass for this transaction's move."""
    table = _table(models.PolicyVersion)
    refused = {
        "UPDATE": "NEW.id <> OLD.id OR NEW.version <> OLD.version + 1",
        "DELETE": "OLD.id = 1",
    }
    functions, made, lite = [], [], []
    for event, condition in refused.items():
        name = f"policies_version_{event.lower()}"
        gone = "OLD" if event == "DELETE" else "NEW"
        body = (
            f" BEGIN IF {condition} THEN RAISE EXCEPTION '{_VERSION_MOVES}'"
            f" USING ERRCODE = 'check_violation'; END IF; RETURN {gone}; END "
        )
        functions.append(Function(name=name, body=body))
        made.append(
            Trigger(name=name, table=table, timing="BEFORE", events=(event,), function=name)
        )
        what = (
            f"BEFORE {event} ON {table} FOR EACH ROW WHEN {condition}"
            f" BEGIN SELECT RAISE(ABORT, '{_VERSION_MOVES}'); END"
        )
        lite.append(SqliteTrigger(name=name, table=table, what=what))
    return Guards(functions=functions, triggers=made, sqlite=lite)
