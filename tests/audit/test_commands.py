import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from audit import trail
from audit.checkpoints import private_key, public_hex
from tests.fixtures.database import without_triggers

SEED = "11" * 32
PUBLIC = public_hex(private_key(SEED))

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    return out.getvalue()


@pytest.fixture
def exported(tmp_path, settings):
    """A trail of four rows, exported, and the checkpoint file; then the settings forget the key."""
    settings.AUDIT_SIGNING_KEY = SEED
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    for _ in range(3):
        trail.record(trail.Action.SESSION_OPENED, actor=trail.SYSTEM, tenant="acme")
    run("export_audit", output=str(tmp_path / "audit.jsonl"))
    assert '"seq":4' in run("checkpoint_audit")
    settings.AUDIT_SIGNING_KEY = ""
    return tmp_path


def verify(folder, **options):
    return run(
        "verify_audit",
        str(folder / "audit.jsonl"),
        checkpoints=str(folder / "checkpoints.jsonl"),
        public_key=[PUBLIC],
        **options,
    )


def test_a_whole_export_verifies_offline(exported):
    said = verify(exported)
    assert "4 rows" in said
    assert "signed up to row 4" in said
    assert said.endswith("the trail is whole\n")


@pytest.mark.parametrize(
    ("forge", "kind"),
    [
        (lambda lines: [lines[0], lines[1].replace("acme", "evil"), *lines[2:]], "edited"),
        (lambda lines: [lines[0], *lines[2:]], "removed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "reordered"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "inserted"),
        (lambda lines: lines[:3], "cut"),
        (lambda lines: ["not json", *lines], "unreadable"),
    ],
)
def test_a_forged_export_does_not(exported, forge, kind):
    place = exported / "audit.jsonl"
    place.write_text("\n".join(forge(place.read_text().splitlines())))
    out = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("verify_audit", str(place), checkpoints=str(exported / "checkpoints.jsonl"),
                     public_key=[PUBLIC], json=True, stdout=out)  # fmt: skip
    assert raised.value.returncode == 1
    verdict = json.loads(out.getvalue())
    assert not verdict["ok"]
    assert kind in {finding["kind"] for finding in verdict["findings"]}


def test_the_database_is_what_is_verified_without_a_file():
    trail.record(trail.Action.SESSION_OPENED, actor=trail.SYSTEM)
    assert "the trail is whole" in run("verify_audit")
    with without_triggers(connections["default"]), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET reason = 'forged'")
    with pytest.raises(CommandError, match="1 findings"):
        run("verify_audit")


@pytest.mark.parametrize(
    "arguments",
    [
        {"checkpoints": "/does/not/exist"},
        {"public_key": ["short"], "checkpoints": "checkpoints"},
    ],
)
def test_what_cannot_be_checked_is_said_and_not_passed_over(exported, arguments):
    place = arguments["checkpoints"].replace("checkpoints", str(exported / "checkpoints.jsonl"))
    with pytest.raises(CommandError):
        run("verify_audit", **{**arguments, "checkpoints": place})


def test_an_export_never_overwrites_a_file(exported):
    with pytest.raises(CommandError, match="exists"):
        run("export_audit", output=str(exported / "audit.jsonl"))


def test_an_export_to_stdout_as_csv(exported):
    lines = run("export_audit", format="csv", tenant=["acme"]).splitlines()
    assert len(lines) == 1 + 3 + 1  # the header, acme's rows and the export's own


def test_a_new_key_is_a_key_that_signs(settings):
    seed = run("checkpoint_audit", new_key=True).splitlines()[0].partition("=")[2]
    settings.AUDIT_SIGNING_KEY = seed
    assert run("checkpoint_audit", public_key=True).strip() == public_hex(private_key(seed))


def test_a_checkpoint_without_a_key_fails_with_a_reason(settings):
    settings.AUDIT_SIGNING_KEY = ""
    with pytest.raises(CommandError, match="AUDIT_SIGNING_KEY"):
        run("checkpoint_audit")


def test_a_role_that_needs_quoting_is_refused():
    with pytest.raises(CommandError, match="role"):
        run("audit_role", 'console"; DROP TABLE x')
