"""Secrets of second factors lie encrypted; earlier secret keys still read them."""

import pytest
from allauth.mfa.adapter import get_adapter
from pytest_django import Settings

from extdebug.demo.sample import Cast
from policies.second_factor.adapter import FactorAdapter
from tests.policies.second_factor_by_hand import SECRET, app_of

OTHER = "another-key-for-tests-0123456789-abcdefghijklmnop"


def test_what_is_encrypted_is_read_and_never_twice_the_same():
    adapter = FactorAdapter()
    assert adapter.encrypt("x") != adapter.encrypt("x")
    assert adapter.decrypt(adapter.encrypt("x")) == "x"


def test_a_new_secret_key_reads_what_the_earlier_one_wrote(settings: Settings):
    box, before = FactorAdapter().encrypt("x"), settings.SECRET_KEY
    settings.SECRET_KEY = OTHER
    assert FactorAdapter().decrypt(box) == ""
    settings.SECRET_KEY_FALLBACKS = [before]
    assert FactorAdapter().decrypt(box) == "x"


@pytest.mark.parametrize("garbage", ["", "x", SECRET])
def test_what_was_never_encrypted_fits_no_code(garbage: str):
    assert FactorAdapter().decrypt(garbage) == ""


@pytest.mark.django_db
def test_the_table_has_no_secret_to_read(cast: Cast):
    assert SECRET not in str(app_of(cast.olivia).data)


@pytest.mark.django_db
def test_an_app_is_named_after_account_and_product(cast: Cast):
    url = get_adapter().build_totp_url(cast.olivia, SECRET)
    assert url == f"otpauth://totp/olivia?secret={SECRET}&issuer=Debug%20Console"
