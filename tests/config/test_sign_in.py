"""Sign-in by a provider is configured as a whole or not at all, each gap in one line."""

import re
import shlex

import pytest

from config import declared
from config.sign_in import sign_in
from extdebug.wire.environment.setting import Environment
from tests.files import ROOT

WHOLE = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "console",
    "OIDC_CLIENT_SECRET": "a-secret",
}


def problems(variables: dict[str, str], *, production: bool = True) -> list[str]:
    environment = Environment(variables)
    sign_in(environment, production=production)
    return environment.problems


def test_nothing_set_is_off_with_passwords_on():
    read = sign_in(Environment({}), production=True)
    assert (read.issuer, read.passwords) == ("", True)


def test_a_whole_one_is_read():
    environment = Environment(
        {**WHOLE, "OIDC_ROLES": "leads=admin:acme", "PASSWORD_SIGN_IN": "off"}
    )
    read = sign_in(environment, production=True)
    assert environment.problems == []
    assert (read.issuer, read.client_id, read.passwords) == ("https://id.example", "console", False)
    assert read.roles.roles({"leads"})


@pytest.mark.parametrize("missing", WHOLE)
def test_a_part_that_is_missing_is_one_line_with_its_name(missing: str):
    rest = {name: value for name, value in WHOLE.items() if name != missing}
    (line,) = problems(rest)
    assert line.startswith(f"{missing}: expected a value, because OIDC_")
    assert line.endswith("set, got none")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_NAME", "Acme"), ("OIDC_ROLES", "leads=admin:acme"), ("OIDC_SCOPES", "groups"),
        ("OIDC_GROUPS_CLAIM", "roles"), ("OIDC_SESSION_SECONDS", "600"),
    ],
)  # fmt: skip
def test_a_detail_of_no_provider_is_half_a_provider(name: str, value: str):
    assert [line.partition(":")[0] for line in problems({name: value})] == list(WHOLE)


def test_a_secret_in_a_file_counts_as_set(tmp_path):
    (tmp_path / "secret").write_text("a-secret\n")
    rest = {name: value for name, value in WHOLE.items() if name != "OIDC_CLIENT_SECRET"}
    environment = Environment({**rest, "OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert sign_in(environment, production=True).client_secret == "a-secret"
    assert environment.problems == []


def test_without_passwords_there_has_to_be_a_provider():
    assert problems({"PASSWORD_SIGN_IN": "off"}) == [
        "PASSWORD_SIGN_IN: expected on without OIDC_ISSUER, got off"
    ]


def test_production_wants_https():
    plain = {**WHOLE, "OIDC_ISSUER": "http://id.example"}
    assert problems(plain) == ["OIDC_ISSUER: expected https in production, got 'http://id.example'"]
    assert problems(plain, production=False) == []


def test_what_is_wrong_already_is_not_called_missing_as_well():
    lines = problems({**WHOLE, "OIDC_ISSUER": "id.example"})
    assert [line.partition(":")[0] for line in lines] == ["OIDC_ISSUER"]


def test_the_settings_of_the_page_are_a_whole_provider(tmp_path):
    """The block of docs/sign-in.md, as a shell reads it."""
    (block, *_) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/sign-in.md").read_text(), re.DOTALL)
    variables = dict(word.split("=", 1) for word in shlex.split(block))
    secret = tmp_path / "secret"
    secret.write_text("a-secret\n")
    environment = Environment({**variables, "OIDC_CLIENT_SECRET_FILE": str(secret)})
    read = sign_in(environment, production=True)
    assert environment.problems == []
    assert read.name == "Acme ID"
    assert len(read.roles.gives) == 3


def test_every_variable_of_it_is_declared():
    names = {each.name for each in declared.DECLARED}
    assert {*WHOLE, "OIDC_ROLES", "OIDC_ROLES_SECONDS", "PASSWORD_SIGN_IN"} <= names


def test_how_long_a_second_factor_counts_means_nothing_without_one():
    assert problems({"SECOND_FACTOR_SECONDS": "60"}) == [
        "REQUIRE_SECOND_FACTOR: expected on, because SECOND_FACTOR_SECONDS is set, got off"
    ]
    assert problems({"SECOND_FACTOR_SECONDS": "60", "REQUIRE_SECOND_FACTOR": "on"}) == []
