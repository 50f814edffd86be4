"""What the provider says of a person, read without guessing."""

from typing import Any

import pytest

from policies.sign_in.claims import LONGEST_GROUP, MOST_GROUPS, BadClaims, Person, lacks, person


def read(**claims: Any) -> Person:
    return person(
        {"sub": "s-1", **claims}, issuer="https://id.example",
        name_claim="preferred_username", groups_claim="groups",
    )  # fmt: skip


def test_a_person_is_issuer_and_subject():
    assert read() == Person("https://id.example", "s-1", "", "", frozenset())


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("lena", "lena"), (" lena ", "lena"), ("lena@acme.example", "lena@acme.example"),
        ("ｌｅｎａ", "lena"), ("two words", ""), ("", ""), (7, ""), (["lena"], ""), ("x" * 151, ""),
        ("a\nb", ""), ("<b>", ""),
    ],
)  # fmt: skip
def test_a_name_is_one_that_an_account_can_have(said: object, name: str):
    assert read(preferred_username=said).name == name


@pytest.mark.parametrize(
    ("verified", "email"), [(True, "a@b.example"), (False, ""), ("true", ""), (1, ""), (None, "")]
)
def test_only_a_verified_address_is_one(verified: object, email: str):
    assert read(email="a@b.example", email_verified=verified).email == email


@pytest.mark.parametrize("said", ["a@b@c", "nobody", "", 7, "a b@c", "x" * 250 + "@b.example"])
def test_what_is_no_address_is_none(said: object):
    assert read(email=said, email_verified=True).email == ""


def test_groups_are_a_list_or_nothing():
    assert read(groups=["a", "b", "a"]).groups == {"a", "b"}
    assert read(groups=[]).groups == frozenset()
    assert read(groups=["x" * (LONGEST_GROUP + 1), "a"]).groups == {"a"}
    for said in ("a", "a,b", {"a": 1}, ["a", 1], [["a"]], True, 0):
        with pytest.raises(BadClaims, match="no list"):
            read(groups=said)


def test_groups_without_bound_are_refused():
    with pytest.raises(BadClaims, match="more than"):
        read(groups=["a"] * (MOST_GROUPS + 1))


def test_groups_that_are_listed_elsewhere_are_not_taken_for_none():
    with pytest.raises(BadClaims, match="only says where"):
        read(_claim_names={"groups": "src1"})


def test_a_claim_is_lacking_when_it_is_not_said_and_not_when_it_is_empty():
    assert lacks({"sub": "s-1", "groups": []}, "groups", "name")
    assert not lacks({"sub": "s-1", "groups": [], "name": ""}, "groups", "name")
