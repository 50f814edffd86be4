"""Users and groups at the desk: operators look, and nobody lifts themselves."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.models import RoleByGroup
from policies.sign_in import accounts
from tests.policies.at_the_desk import seen, signed_in
from tests.policies.second_factor_by_hand import app_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_operators_look_people_up_and_change_nobody(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    page = client.get(f"/admin/auth/user/{cast.dan.pk}/change/")
    assert page.status_code == 200
    assert cast.dan.password not in page.text
    assert "algorithm" not in page.text
    for url in (f"{cast.dan.pk}/change/", f"{cast.dan.pk}/password/", f"{cast.dan.pk}/delete/"):
        assert client.post(f"/admin/auth/user/{url}", {}).status_code == 403


def test_operators_see_how_somebody_signs_in_and_who_keeps_their_roles(cast: Cast) -> None:
    row = accounts.link(cast.dan, issuer="https://id.example", subject="s-1", by="x")
    RoleByGroup.objects.create(identity=row, kind="admin", name="acme")
    app_of(cast.dan)
    page = signed_in(cast.olivia).get(f"/admin/auth/user/{cast.dan.pk}/change/").text
    for said in ("s-1 at https://id.example", "admin acme", "authenticator app"):
        assert said in page


def test_staff_who_manage_users_cannot_lift_themselves(cast: Cast) -> None:
    manager = User.objects.create_user("manager", is_staff=True)
    manager.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client = signed_in(manager)
    root = User.objects.create_superuser("root")
    data = {
        "username": "manager", "is_active": "on", "is_staff": "on", "is_superuser": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "",
        "last_login_1": "", "user_permissions": [p.pk for p in Permission.objects.all()],
    }  # fmt: skip
    assert client.post(f"/admin/auth/user/{manager.pk}/change/", data).status_code == 403
    url = f"/admin/auth/user/{cast.dan.pk}/change/"
    sent = {**data, "username": "dan", "email": "new@example.test", **seen(client, url)}
    assert client.post(url, sent).status_code == 302
    cast.dan.refresh_from_db()
    assert cast.dan.email == "new@example.test"
    assert (cast.dan.is_superuser, cast.dan.is_staff) == (False, False)
    assert not cast.dan.user_permissions.exists()
    new = {"password1": "kq9-tangerine", "password2": "kq9-tangerine", "usable_password": "true"}
    for person in (root, cast.olivia, manager):
        for act in ("password", "delete"):
            url = f"/admin/auth/user/{person.pk}/{act}/"
            assert client.post(url, {**new, "post": "yes"}).status_code == 403
    many = {"action": "delete_selected", "_selected_action": [cast.dan.pk, root.pk], "post": "yes"}
    assert client.post("/admin/auth/user/", many).status_code == 403
    assert User.objects.filter(pk__in=(cast.dan.pk, root.pk)).count() == 2
    assert client.post("/admin/auth/group/add/", {"name": "x"}).status_code == 403


def test_a_new_password_is_on_record_without_it(cast: Cast, root: Client) -> None:
    url = f"/admin/auth/user/{cast.mallory.pk}/password/"
    new = {"password1": "kq9-tangerine", "password2": "kq9-tangerine", "usable_password": "true"}
    assert root.post(url, new).status_code == 302
    row = AuditRecord.objects.get(actor_name="root")
    cast.mallory.refresh_from_db()
    assert row.action == "user.changed"
    assert list(row.data["changed"]) == ["password"]
    assert cast.mallory.password not in str(row.data)


def test_ones_own_new_password_is_on_record_too(cast: Cast) -> None:
    cast.olivia.set_password("old-tangerine-9")
    cast.olivia.save()
    client = signed_in(cast.olivia)
    data = {"old_password": "old-tangerine-9", "new_password1": "kq9-tangerine",
            "new_password2": "kq9-tangerine"}  # fmt: skip
    assert client.get("/admin/password_change/").status_code == 200
    assert client.post("/admin/password_change/", data).status_code == 302
    row = AuditRecord.objects.get(actor_name="olivia")
    assert (row.action, list(row.data["changed"])) == ("user.changed", ["password"])
