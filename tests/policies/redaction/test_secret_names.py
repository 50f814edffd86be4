import pytest

from policies.redaction.secret_names import SecretNames, Verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("password", Verdict.CHOSEN),
        ("User.Password", Verdict.CHOSEN),
        ("clientSecret", Verdict.CHOSEN),
        ("PIN", Verdict.CHOSEN),
        ("X-CSRFToken", Verdict.ISSUED),
        ("slack_token", Verdict.ISSUED),
        ("connect.sid", Verdict.ISSUED),
        ("Set-Cookie", Verdict.ISSUED),
        ("PHPSESSID", Verdict.ISSUED),
        ("path", Verdict.HARMLESS),
        ("opinion", Verdict.HARMLESS),
        ("spin", Verdict.HARMLESS),
        ("author", Verdict.HARMLESS),
        ("tokens", Verdict.HARMLESS),
        ("password" + "x" * 200, Verdict.HARMLESS),
        ("", Verdict.HARMLESS),
    ],
)
def test_names_of_fields_tell(name, verdict):
    assert SecretNames()[name] is verdict


def test_the_memory_of_names_is_bounded():
    names = SecretNames()
    for n in range(10_000):
        assert names[f"field-{n}"] is Verdict.HARMLESS
    assert len(names) < 5_000
    assert names["password"] is Verdict.CHOSEN


def test_the_memory_of_objects_is_bounded():
    names = SecretNames()
    for n in range(5_000):
        names.keep_harmless((f"a{n}", "b"))
    names.keep_harmless(("x" * 1_000,))
    assert len(names.harmless_together) < 2_000
    assert ("x" * 1_000,) not in names.harmless_together
