"""Every change of what decisions read reaches the trail, however it was made; verbs tell once."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import roles, trail
from audit.models import AuditRecord, ChangeNote
from extdebug.demo.sample import Cast
from policies import consent
from policies.changes import requests
from policies.changes import verbs as changes
from policies.changes.second_person import NeedsSecond
from policies.database import note_triggers, version_triggers
from policies.grants import verbs
from policies.identity import tokens
from policies.models import (
    AccessToken,
    Capability,
    ChangeRequest,
    Consent,
    DirectoryRelease,
    EnvironmentPolicy,
    ExtensionDeveloper,
    Grant,
    Install,
    Limits,
    Lock,
    Membership,
    PolicyVersion,
    ProductionMode,
    RedactionRule,
    SignInIdentity,
    Tenant,
)
from tests.fixtures.trail import noted, sql
from tests.policies.conftest import bring_deferred_triggers, granted, request, wants

HOUR = dt.timedelta(hours=1)


def _asked(cast: Cast, **more: Any) -> ChangeRequest:
    """A request that nobody has asked for by its verb."""
    now = timezone.now()
    given = {"requested_at": now, "lapses_at": now + HOUR, **more}
    return ChangeRequest.objects.create(
        act="delete", kind="policies.lock", object_pk="1", summary="Delete lock: x",
        requester=cast.olivia, reason="x", **given,
    )  # fmt: skip


def _ways(cast: Cast) -> dict[str, Callable[[], Any]]:
    now, dan = timezone.now(), cast.dan
    developer = ExtensionDeveloper.objects.get(user=cast.dora)
    group = Group.objects.create(name="operators")
    permission = Permission.objects.get(codename="operate_debug")
    token = AccessToken.objects.create(
        owner=dan, name="ci", digest="d" * 64, tenant=cast.acme, created_at=now,
        expires_at=now + HOUR,
    )  # fmt: skip
    asked = ChangeRequest.objects.filter(pk=_asked(cast).pk)
    return {
        "policies_changerequest": lambda: asked.update(state="withdrawn", decided_at=now),
        "policies_tenant": lambda: Tenant.objects.update(suspended_at=now),
        "policies_extension": lambda: sql("UPDATE policies_extension SET name = 'x'"),
        "policies_install": lambda: Install.objects.update(tenant=cast.globex),
        "policies_membership": lambda: sql("DELETE FROM policies_membership"),
        "policies_extensiondeveloper": lambda: ExtensionDeveloper.objects.update(all_installs=True),
        "policies_extensiondeveloper_installs": lambda: developer.installs.set([cast.inst_globex]),
        "policies_consent": lambda: Consent.objects.bulk_create(
            [Consent(tenant=cast.acme, state="withdrawn", decided_at=now)]
        ),
        "policies_environmentpolicy": lambda: EnvironmentPolicy.objects.create(
            environment="staging"
        ),
        "policies_productionmode": lambda: ProductionMode.objects.create(
            tenant=cast.acme, mode="off"
        ),
        "policies_directoryrelease": lambda: DirectoryRelease.objects.create(
            sections="roles", digest="x", asked_at=now, released_at=now
        ),
        "policies_signinidentity": lambda: SignInIdentity.objects.create(
            issuer="https://id.example", subject="s-1", user=dan, linked_at=now
        ),
        "mfa_authenticator": lambda: Authenticator.objects.create(user=dan, type="totp", data={}),
        "policies_lock": lambda: Lock.objects.create(user=dan, reason="x"),
        "policies_limits": lambda: Limits.objects.create(sessions_per_user=1),
        "policies_redactionrule": lambda: RedactionRule.objects.create(
            name="r", pattern="x", example="x"
        ),
        "auth_user": lambda: User.objects.filter(pk=dan.pk).update(is_superuser=True),
        "auth_user_user_permissions": lambda: dan.user_permissions.add(permission),
        "auth_user_groups": lambda: group.user_set.add(dan),
        "auth_group_permissions": lambda: group.permissions.add(permission),
        "auth_group": lambda: Group.objects.create(name="more"),
        "auth_permission": lambda: Permission.objects.filter(pk=permission.pk).update(codename="o"),
        "django_content_type": lambda: sql(
            "UPDATE django_content_type SET model = 'x'"
            " WHERE id = (SELECT min(id) FROM django_content_type)"
        ),
        "policies_accesstoken": lambda: AccessToken.objects.filter(pk=token.pk).update(
            expires_at=now + HOUR * 9
        ),
    }


_TESTED_APART = {
    "policies_grant", "policies_grant_installs", "policies_approval", "policies_breakglassreview",
    "policies_capability",
}  # fmt: skip
TABLES = sorted({noted.table for noted in note_triggers.tables()} - _TESTED_APART)


def test_every_table_that_moves_the_version_is_noted() -> None:
    watched = {noted.table for noted in note_triggers.tables()}
    assert set(version_triggers.bumping()) <= watched


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_a_change_that_no_verb_made_is_recorded(cast: Cast, table: str) -> None:
    found = noted(_ways(cast)[table])
    assert table in {row.data["table"] for row in found}
    assert {row.actor_kind for row in found} == {"database"}
    if connection.vendor == "postgresql":
        assert {row.actor_id for row in found} == {"console"}


@pytest.mark.django_db
def test_capabilities_and_grants_too(cast: Cast, production: Any) -> None:
    grant = granted(cast, cast.dan)
    found = noted(lambda: Grant.objects.filter(pk=grant.pk).update(minutes=1))
    assert found[0].data["rows"][0]["changed"] == {"minutes": {"from": 60, "to": 1}}
    assert (found[0].subject_type, found[0].subject_id) == ("grant", str(grant.pk))
    assert noted(lambda: Capability.objects.all().delete())[0].data["operation"] == "DELETE"


@pytest.mark.django_db
def test_what_changes_nothing_of_a_decision_is_not_noted(cast: Cast) -> None:
    assert noted(lambda: User.objects.update(last_login=timezone.now(), first_name="X")) == []
    token = AccessToken.objects.create(
        owner=cast.dan, name="ci", digest="d" * 64, tenant=cast.acme, created_at=timezone.now(),
        expires_at=timezone.now() + HOUR,
    )  # fmt: skip
    tokens_of = AccessToken.objects.filter(pk=token.pk)
    assert noted(lambda: tokens_of.update(last_used_at=timezone.now())) == []
    assert noted(lambda: Tenant.objects.filter(pk=cast.acme.pk).update(key="acme")) == []
    assert noted(cast.dan.save) == []


@pytest.mark.django_db
def test_secrets_are_not_noted(cast: Cast) -> None:
    (row,) = noted(lambda: User.objects.filter(pk=cast.dan.pk).update(password="argon2$s3cret"))
    assert row.data["rows"][0]["changed"] == {
        "password": {"from": "(secret)", "to": "(another secret)"}
    }
    assert "s3cret" not in str(row.data)


@pytest.mark.django_db
def test_who_comes_in_by_a_token_and_whom_alerts_reach_is_noted(cast: Cast) -> None:
    token = tokens.issue(cast.dan, name="ci", tenant=cast.acme, lifetime=HOUR).token
    mine = AccessToken.objects.filter(pk=token.pk)
    (row,) = noted(lambda: mine.update(digest=tokens.digest("edc_of-somebody-else")))
    assert row.data["rows"][0]["changed"] == {
        "digest": {"from": "(secret)", "to": "(another secret)"}
    }
    (row,) = noted(lambda: User.objects.filter(pk=cast.oscar.pk).update(email="olivia@x.test"))
    assert row.data["rows"][0]["changed"]["email"]["to"] == "olivia@x.test"


@pytest.mark.django_db
def test_a_verb_is_recorded_once(cast: Cast, production: Any) -> None:
    production.EXT_DEBUG_ONE_PERSON = True  # what takes two has a test of its own

    def verbs_of_all_kinds() -> None:
        olivia = cast.olivia
        developer = ExtensionDeveloper.objects.get(user=cast.dora)
        developer.all_installs = not developer.all_installs
        changes.save(developer, by=olivia, related={"installs": [cast.inst_acme]})
        lock = Lock(user=cast.dora, reason="x")
        changes.save(lock, by=olivia)
        changes.delete(lock, by=olivia)
        member = Membership(user=cast.dora, tenant=cast.globex)
        changes.save(member, by=olivia)
        changes.delete(member, by=olivia)
        with changes.recorded(cast.dora, by=olivia):
            cast.dora.set_password("x")
            cast.dora.save()
            cast.dora.groups.set([Group.objects.get(name="given")])
        changes.save(User(username="new", password="x"), by=olivia)
        rule = RedactionRule(name="r", pattern="x", example="x")
        changes.save(rule, by=None)
        consent.require(cast.acme, by=cast.alice, required=True)
        consent.give(cast.acme, by=cast.alice)
        consent.withdraw(cast.acme, by=cast.alice)
        consent.give(cast.acme, by=cast.alice)
        consent.require(cast.acme, by=cast.alice, required=False)
        verbs.revoke(granted(cast, cast.dan).pk, by=cast.oscar, reason="x")
        verbs.release(granted(cast, cast.dan, installs=["inst-acme"]).pk, by=cast.dan)
        verbs.deny(request(cast.dan).pk, by=cast.oscar, reason="x")
        verbs.withdraw(request(cast.dan).pk, by=cast.dan)

    Group.objects.create(name="given")
    assert noted(verbs_of_all_kinds) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("production")
def test_what_takes_two_people_is_recorded_once(cast: Cast) -> None:
    def asked(change: Callable[[], Any]) -> int:
        return wants(change, by=cast.olivia).pk

    def member() -> None:
        changes.save(Membership(user=cast.mallory, tenant=cast.acme), by=cast.olivia)

    def all_installs() -> None:
        row = ExtensionDeveloper.objects.get(user=cast.dora)
        row.all_installs = True
        changes.save(row, by=cast.olivia, related={"installs": []})

    def entered() -> None:
        consent.enter(cast.acme, by=cast.olivia, evidence="a letter")

    def answers() -> None:
        requests.deny(asked(member), by=cast.oscar, reason="not now")
        requests.withdraw(asked(member), by=cast.olivia)
        for change in (member, all_installs, entered):
            requests.approve(asked(change), by=cast.oscar, comment="fine")
        assert requests.lapse() == 1

    _asked(cast, requested_at=timezone.now() - 2 * HOUR, lapses_at=timezone.now() - HOUR)
    assert noted(answers) == []
    assert set(ChangeRequest.objects.values_list("state", flat=True)) == {
        "denied", "withdrawn", "applied", "lapsed",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.usefixtures("production")
def test_an_answer_that_no_verb_gave_is_recorded(cast: Cast) -> None:
    """A request's words on the row that it is about tell nothing of the request's own row."""
    row = EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    row.approvals_required = 1
    with pytest.raises(NeedsSecond) as needs:
        changes.save(row, by=cast.olivia)

    def answered() -> None:
        with transaction.atomic():
            asked = requests.ask(needs.value.plan, by=cast.olivia, reason="an audit")
            ChangeRequest.objects.filter(pk=asked.pk).update(
                state="applied", decided_by=cast.oscar, decided_at=timezone.now()
            )

    (told,) = noted(answered)
    assert told.data["rows"][0]["changed"]["state"] == {"from": "requested", "to": "applied"}


@pytest.mark.django_db
def test_tokens_are_recorded_once(cast: Cast) -> None:
    def life() -> None:
        issued = tokens.issue(cast.dan, name="ci", tenant=cast.acme, lifetime=HOUR)
        tokens.revoke(issued.token, by=cast.dan)

    assert noted(life) == []


@pytest.mark.django_db
def test_a_change_beside_a_verbs_in_one_transaction_is_recorded(cast: Cast) -> None:
    """A verb's record hides only what it says."""

    def both() -> None:
        with transaction.atomic():
            ExtensionDeveloper.objects.filter(user=cast.dora).update(all_installs=True)
            lock = Lock(user=cast.dora, reason="x")
            changes.save(lock, by=cast.olivia)
            Lock.objects.filter(pk=lock.pk).update(user=cast.dan)

    found = noted(both)
    assert {row.data["table"] for row in found} == {"policies_extensiondeveloper", "policies_lock"}


@pytest.mark.django_db
def test_a_rolled_back_change_leaves_no_note(cast: Cast) -> None:
    def undone() -> None:
        with transaction.atomic():
            Tenant.objects.update(suspended_at=timezone.now())
            transaction.set_rollback(True)

    assert noted(undone) == []


@pytest.mark.django_db
def test_the_notes_triggers_come_back_and_are_missed_while_away(cast: Cast) -> None:
    bring_deferred_triggers()
    version_triggers.remove()
    assert any(name.startswith("audit_note_") for name in version_triggers.missing())
    version_triggers.install()
    assert version_triggers.missing() == []
    assert noted(lambda: Tenant.objects.update(name="x"))


# --- what the console's own role cannot do (PostgreSQL) -------------------------------------------


@pytest.fixture
def console_role(transactional_db: None, cast: Cast) -> Iterator[str]:
    """A role with the console's grants; the tests take it on for a transaction."""
    if connection.vendor != "postgresql":
        pytest.skip("roles are PostgreSQL's")
    trail.settle_notes()
    sql("CREATE ROLE debug_tried")
    for statement in roles.grants_for("debug_tried"):
        sql(statement)
    yield "debug_tried"
    sql("DROP OWNED BY debug_tried; DROP ROLE debug_tried")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_changenote (at, txid, role, table_name, row_key, operation,"
        " subject_type, subject_id, relation)"
        " VALUES (now(), '1', 'somebody else', 't', '1', 'DELETE', 's', '1', '')",
        "UPDATE policies_policyversion SET version = version",
        "UPDATE policies_policyversion SET version = version + 1000000",
        "UPDATE policies_policyversion SET version = 0",
        "DELETE FROM policies_policyversion",
        "ALTER TABLE policies_lock DISABLE TRIGGER ALL",
        "SET LOCAL session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION audit_note() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
        "DROP FUNCTION audit_note() CASCADE",
        # A note forged by a trigger on a table of one's own, with the owner's rights.
        "CREATE TEMP TABLE policies_lock (id int); CREATE TRIGGER t AFTER INSERT"
        " ON pg_temp.policies_lock FOR EACH ROW"
        " EXECUTE FUNCTION audit_note('id', 'lock', 'id', '', 'id');"
        " INSERT INTO pg_temp.policies_lock VALUES (7)",
    ],
)
def test_the_consoles_role_cannot(cast: Cast, console_role: str, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(f"SET LOCAL ROLE {console_role}; {statement}")


@pytest.mark.parametrize(
    "trick",
    [
        "",
        "SELECT set_config('policies.bumped', pg_current_xact_id()::text, true)",
        "UPDATE policies_policyversion SET version = version + 1",
        "CREATE TEMP TABLE policies_policyversion (id int primary key, version bigint);"
        " GRANT ALL ON policies_policyversion TO PUBLIC",
        "CREATE TEMP TABLE audit_changenote (LIKE public.audit_changenote);"
        " GRANT ALL ON audit_changenote TO PUBLIC",
        "SET LOCAL search_path = pg_temp",
        "SET LOCAL ROLE debug_tried",
    ],
)
def test_no_setting_and_no_table_of_the_session_hides_a_change(
    cast: Cast, console_role: str, trick: str
) -> None:
    before = PolicyVersion.objects.get(pk=1).version
    with transaction.atomic():
        sql(f"SET LOCAL ROLE {console_role}")
        if trick:
            sql(trick)
        sql(
            "INSERT INTO public.policies_lock (reason, created_at, user_id)"
            f" VALUES ('x', now(), {cast.dan.pk})"
        )
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql("DROP TABLE IF EXISTS pg_temp.policies_policyversion, pg_temp.audit_changenote")
    assert PolicyVersion.objects.get(pk=1).version > before
    (note,) = ChangeNote.objects.filter(table_name="policies_lock")
    assert note.role == "console as debug_tried"
    trail.settle_notes()
    row = AuditRecord.objects.get(action="row.changed", actor_name="console as debug_tried")
    assert row.data["table"] == "policies_lock"


ROADS = {
    "select": "CREATE TEMP TABLE l AS SELECT 'x'::text AS reason, now() AS at, {dan} AS u;"
    " INSERT INTO policies_lock (reason, created_at, user_id) SELECT * FROM l",
    "upsert": "INSERT INTO policies_lock (id, reason, created_at, user_id)"
    " VALUES (1, 'x', now(), {dan}) ON CONFLICT (id) DO UPDATE SET reason = 'y'",
    "merge": "MERGE INTO policies_lock l USING (SELECT {dan} AS u) s ON l.user_id = s.u"
    " WHEN NOT MATCHED THEN INSERT (reason, created_at, user_id) VALUES ('x', now(), s.u)",
    "cte": "WITH a AS (INSERT INTO policies_lock (reason, created_at, user_id)"
    " VALUES ('x', now(), {dan}) RETURNING id) SELECT * FROM a",
    "function": "DO $$ BEGIN INSERT INTO policies_lock (reason, created_at, user_id)"
    " VALUES ('x', now(), {dan}); EXCEPTION WHEN division_by_zero THEN NULL; END $$",
    "after a savepoint undone": "SAVEPOINT s; UPDATE policies_tenant SET name = 'z';"
    " SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO s; SET CONSTRAINTS ALL DEFERRED;"
    " INSERT INTO policies_lock (reason, created_at, user_id) VALUES ('x', now(), {dan})",
}


@pytest.mark.parametrize("road", ROADS)
def test_every_road_of_sql_is_noted_and_moves_the_version(
    cast: Cast, console_role: str, road: str
) -> None:
    before = PolicyVersion.objects.get(pk=1).version
    with transaction.atomic():
        sql(f"SET LOCAL ROLE {console_role}")
        sql(ROADS[road].format(dan=cast.dan.pk))
    assert PolicyVersion.objects.get(pk=1).version == before + 1
    assert [note.table_name for note in ChangeNote.objects.all()] == ["policies_lock"]
    trail.settle_notes()
    assert AuditRecord.objects.filter(action="row.changed", subject_type="lock").count() == 1
