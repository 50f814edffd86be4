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

from policies import models
from policies.database import grant_triggers

# Columns of a table that decisions read, where a change of the others is daily life.
_USER_COLUMNS: Final = ("is_active", "is_staff", "is_superuser", "password")
_TOKEN_COLUMNS: Final = ("owner_id", "tenant_id", "extension_id", "expires_at", "revoked_at")
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
        _table(user): _USER_COLUMNS,
        _table(models.AccessToken): _TOKEN_COLUMNS,
    }


def install(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Put all triggers in place, replacing older ones, and the version's row."""
    vendor = connections[using].vendor
    statements = _postgresql() if vendor == "postgresql" else _sqlite()
    with connections[using].cursor() as cursor:
        for statement in [*statements, *grant_triggers.statements(vendor)]:
            cursor.execute(statement)
    models.PolicyVersion.objects.using(using).get_or_create(pk=1)


def remove(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take all triggers away. Needs the tables' owner.

    A migration that alters one of these tables starts with `RunPython(version_triggers.lift)`:
    SQLite rebuilds the table, and refuses to rename it while another table's trigger names it.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        for name, table in _present(using=using):
            on = f' ON "{table}"' if connection.vendor == "postgresql" else ""
            cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on}')


def lift(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """`remove` as the first operation of a migration; post_migrate puts them back."""
    remove(using=editor.connection.alias)


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Triggers that are not there or do not always fire; for the system check and /readyz."""
    connection = connections[using]
    present = {name for name, _ in _present(using=using, firing=True)}
    kinds = ("row", "truncate") if connection.vendor == "postgresql" else _SQLITE_KINDS
    wanted = {f"{_PREFIX}_{table}_{kind}" for table in bumping() for kind in kinds}
    return sorted((wanted | set(grant_triggers.names(connection.vendor))) - present)


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of post_migrate: install the triggers once their tables exist."""
    tables = set(connections[using].introspection.table_names())
    needed = {*bumping(), _table(models.PolicyVersion), *grant_triggers.TABLES}
    if needed <= tables:  # not so while an older state is being migrated to
        install(using=using)


def _present(*, using: str, firing: bool = False) -> list[tuple[str, str]]:
    """Name and table of our triggers; with `firing` only those that no session can switch off."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname, t.tgenabled = 'A' FROM pg_trigger t"
                " JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal"
            )
        else:
            cursor.execute("SELECT name, tbl_name, 1 FROM sqlite_master WHERE type = 'trigger'")
        rows = [(str(name), str(table)) for name, table, always in cursor.fetchall()
                if always or not firing]  # fmt: skip
    ours = set(grant_triggers.names(connection.vendor))
    return [row for row in rows if row[0].startswith(_PREFIX) or row[0] in ours]


def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's documented model API


_SQLITE_KINDS: Final = ("insert", "update", "delete")


def _postgresql() -> list[str]:
    # The owner's rights and a fixed path: any role that may write policy moves the version.
    # Once per transaction is enough: nobody sees the number before the commit. The mark is
    # local to the transaction and is rolled back with a savepoint together with the bump.
    body = """
      BEGIN
        IF current_setting('policies.bumped', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
          INSERT INTO policies_policyversion (id, version) VALUES (1, 1)
            ON CONFLICT (id) DO UPDATE SET version = policies_policyversion.version + 1;
          PERFORM set_config('policies.bumped', pg_current_xact_id()::text, true);
        END IF;
        RETURN NULL;
      END"""
    statements = [
        f"CREATE OR REPLACE FUNCTION {_PREFIX}() RETURNS trigger LANGUAGE plpgsql"
        f" SECURITY DEFINER AS $${body}$$",
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {_PREFIX}() SET search_path = pg_catalog, %I',"
        " current_schema()); END $$",
    ]
    for table, columns in bumping().items():
        row, truncate = f"{_PREFIX}_{table}_row", f"{_PREFIX}_{table}_truncate"
        update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
        statements += [
            f"DROP TRIGGER IF EXISTS {row} ON {table}",
            f"CREATE CONSTRAINT TRIGGER {row} AFTER INSERT OR DELETE OR {update} ON {table}"
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {_PREFIX}()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {row}",
            f"DROP TRIGGER IF EXISTS {truncate} ON {table}",
            f"CREATE TRIGGER {truncate} AFTER TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {_PREFIX}()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {truncate}",
        ]
    return statements


def _sqlite() -> list[str]:
    bump = (
        "INSERT INTO policies_policyversion (id, version) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET version = version + 1"
    )
    statements = []
    for table, columns in bumping().items():
        update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
        for kind, event in zip(_SQLITE_KINDS, ("INSERT", update, "DELETE"), strict=True):
            name = f"{_PREFIX}_{table}_{kind}"
            statements += [
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW BEGIN {bump}; END",
            ]
    return statements
