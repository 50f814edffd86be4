"""The map of groups to roles: what can be written, what is refused, what groups give together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.sign_in.role_map import ALL, Kind, Role, RoleMapText

parse = RoleMapText().parse


def test_each_form_of_an_entry_is_read():
    read = parse(
        "leads=admin:acme;devs = developer:sync ; d2=developer:sync/inst-1;"
        "cn=ops,ou=it=operator:On call, night;"
    )
    assert read.gives == (
        ("leads", Role(Kind.ADMIN, "acme")),
        ("devs", Role(Kind.DEVELOPER, "sync", ALL)),
        ("d2", Role(Kind.DEVELOPER, "sync", "inst-1")),
        ("cn=ops,ou=it", Role(Kind.OPERATOR, "On call, night")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "leads", "leads=", "=admin:acme", "leads=admin", "leads=admin:", "leads=admin:Acme",
        "leads=admin:a/b", "leads=developer:", "leads=developer:sync/", "leads=developer:/inst",
        "leads=developer:sync/a/b", "leads=operator:", "leads=staff:", "leads=superuser:x",
        "leads=operator:" + "x" * 151, "x" * 257 + "=admin:acme", "ok=admin:acme;bad",
        "leads=admin:*", "leads=root",
    ],
)  # fmt: skip
def test_what_is_no_entry_is_refused(text: str):
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


def test_an_operators_role_brings_staff_along_and_nothing_else_does():
    read = parse("ops=operator:desk;leads=admin:acme")
    assert read.roles({"ops"}) == {Role(Kind.OPERATOR, "desk"), Role(Kind.STAFF, "")}
    assert read.roles({"leads"}) == {Role(Kind.ADMIN, "acme")}
    assert read.roles({"LEADS", "lead", "leads "}) == frozenset()


def test_scopes_of_one_extension_are_joined():
    read = parse("a=developer:s/x;b=developer:s/y;c=developer:s;d=developer:t/z")
    assert read.roles({"a", "b", "d"}) == {
        Role(Kind.DEVELOPER, "s", "x y"), Role(Kind.DEVELOPER, "t", "z"),
    }  # fmt: skip
    assert read.roles({"a", "c"}) == {Role(Kind.DEVELOPER, "s", ALL)}


@given(st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcdxyz")))
def test_more_groups_never_give_less(some: set[str], more: set[str]):
    read = parse("a=admin:t;b=operator:o;c=admin:u;d=admin:t")
    assert read.roles(some) <= read.roles(some | more)
    assert read.roles(more - set("abcd")) == frozenset()
