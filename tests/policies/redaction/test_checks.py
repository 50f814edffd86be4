import random

import pytest

from policies.redaction.checks import (
    has_digit,
    is_address,
    is_basic,
    is_card,
    is_iban,
    is_id_name,
    is_mixed,
    not_prose,
)


def whole(check, text):
    return check(text.encode(), 0, len(text))


@pytest.mark.parametrize(
    "number",
    ["4111111111111111", "4111 1111 1111 1111", "4111.1111.1111.1111", "378282246310005",
     "5555555555554444", "6011111111111117", "3530111333300000", "30569309025904",
     "2223003122003222"],
)  # fmt: skip
def test_cards_are_known_by_issuer_length_and_sum(number):
    assert whole(is_card, number)
    assert not whole(is_card, number[:-1] + str((int(number[-1]) + 1) % 10))


def test_ids_of_sixteen_digits_are_not_cards():
    rng = random.Random(1)
    for name in ("order_id=", "offset: ", '"traceId":', "order ", "ts="):
        for _ in range(200):
            text = name + rng.choice("3456") + "".join(rng.choices("0123456789", k=15))
            assert not is_card(text.encode(), len(name), len(text))
    taken = sum(whole(is_card, "3" + "".join(rng.choices("0123456789", k=15))) for _ in range(2000))
    assert taken < 40  # of those that merely start with 3
    assert is_card(b"card id 4111111111111111", 8, 24)
    assert is_card(b"paid 4111111111111111", 5, 21)


def test_names_that_say_id():
    for name in ("id", "orderId", "order_id", "trace-id", "timestamp"):
        assert is_id_name(name)
    for name in ("paid", "number", "card", "pan", "valid"):
        assert not is_id_name(name)


def test_an_iban_has_its_countrys_length_and_sum():
    assert whole(is_iban, "DE89 3704 0044 0532 0130 00")
    assert whole(is_iban, "GB82WEST12345698765432")
    assert not whole(is_iban, "DE88 3704 0044 0532 0130 00")
    assert not whole(is_iban, "DE89 3704 0044 0532 0130")
    assert not whole(is_iban, "ZZ89 3704 0044 0532 0130 00")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@example.com", True),
        ("ann@163.com", True),
        ("ann@mail.example.co.uk", True),
        ("handler@index.js:10:5", False),
        ("outgoing-handler@0.2.0.handle", False),
        ("name@2x.png", False),
        ("getty@tty1.service", False),
        ("Order@1b2c3d4e.toString", False),
        ("git@github.com:acme/x.git", False),
        ("react@18.2.0-beta.next", False),
    ],
)
def test_addresses_are_told_from_frames_files_and_packages(text, address):
    end = text.find(":") if ":" in text else len(text)
    assert is_address(text.encode(), 0, end) == address


def test_the_small_ones():
    assert whole(has_digit, "abc1")
    assert not whole(has_digit, "abc")
    assert whole(is_mixed, "aB1")
    assert not whole(is_mixed, "ab1")
    assert whole(is_basic, "dXNlcjpodW50ZXIy")
    assert not whole(is_basic, "authentication")
    assert not whole(not_prose, "required.")
