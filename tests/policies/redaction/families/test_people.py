"""What identifies or debits a person, and the numbers and names that look like it."""

import pytest

from policies.redaction.families.people import PEOPLE_RULES
from tests.policies.redaction.families.finding import finders


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("paid with 4111 1111 1111 1111", "card"),
        ("card=378282246310005", "card"),
        ("cvv: 123", "card-code"),
        ('"securityCode":"1234"', "card-code"),
        ("to DE89 3704 0044 0532 0130 00", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("social security number: 078-05-1120", "ssn"),
        ("mobile=+49 30 901820", "phone"),
        ("ann.lee@example.com signed in", "email"),
        ("to ann+tag@mail.example.co.uk", "email"),
    ],
)
def test_a_persons_data_is_found(text, name):
    assert finders(PEOPLE_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "paid with 4111 1111 1111 1112",  # Luhn does not hold
        "request_id=4111111111111111",
        "ts 1769817600000000",
        "DE88 3704 0044 0532 0130 00",  # not modulo 97
        "078-05-1120",  # nobody says what it is
        "phone: none",
        "telemetry 901820 points",
        "icon@2x.png",
        "git@example.com:acme/x.git",
        "react@18.2.0-beta.next",
    ],
)
def test_numbers_and_names_of_other_things_are_left_alone(text):
    assert finders(PEOPLE_RULES, text) == []


def test_what_could_be_guessed_shows_no_token():
    assert not any(rule.token for rule in PEOPLE_RULES)
