"""Failed sign-ins are spaced by address and account, in bounded memory; nobody is locked out."""

from __future__ import annotations

import pytest

from policies.identity.attempts import (
    OF_ACCOUNT,
    OF_ADDRESS,
    OF_BROWSER,
    Attempts,
    network_of,
)


def fail(attempts: Attempts, times: int, *, now: float = 0, **who: str) -> list[float]:
    given = {"address": "192.0.2.7", "account": "dan", "browser": "", **who}
    return [attempts.begin(**given, now=now) for _ in range(times)]


def test_after_a_burst_an_account_gets_one_attempt_in_so_many_seconds():
    attempts = Attempts()
    assert fail(attempts, OF_ACCOUNT.burst + 1) == [0] * OF_ACCOUNT.burst + [OF_ACCOUNT.seconds]
    assert fail(attempts, 1, now=OF_ACCOUNT.seconds) == [0]
    assert fail(attempts, 1, now=OF_ACCOUNT.seconds)[0] > 0


def test_an_address_is_bounded_over_all_accounts_and_others_are_not():
    attempts = Attempts()
    for number in range(OF_ADDRESS.burst):
        assert fail(attempts, 1, account=f"user{number}") == [0]
    assert fail(attempts, 1, account="another")[0] == pytest.approx(OF_ADDRESS.seconds)
    assert fail(attempts, 1, account="another", address="198.51.100.1") == [0]


def test_an_account_is_bounded_over_all_addresses():
    attempts = Attempts()
    for number in range(OF_ACCOUNT.burst):
        assert fail(attempts, 1, address=f"192.0.2.{number}") == [0]
    assert fail(attempts, 1, address="198.51.100.1")[0] > 0


def test_refused_attempts_prolong_nothing():
    attempts = Attempts()
    fail(attempts, OF_ACCOUNT.burst + 500)
    assert fail(attempts, 1, now=OF_ACCOUNT.seconds) == [0]


def test_an_owner_with_a_known_browser_comes_in_while_strangers_guess():
    attempts = Attempts()
    for now in range(1000):
        fail(attempts, 5, now=now)
    assert fail(attempts, 1, now=1000)[0] > 0
    assert fail(attempts, 1, now=1000, browser="b1") == [0]
    stolen = fail(attempts, 50, now=1000, browser="b1")
    assert stolen.count(0) == OF_BROWSER.burst - 1


def test_a_right_password_counts_as_no_failure():
    attempts = Attempts()
    who = {"address": "192.0.2.7", "account": "dan", "browser": ""}
    for _ in range(200):
        assert attempts.begin(**who, now=0) == 0
        attempts.succeeded(**who)
    assert fail(attempts, OF_ACCOUNT.burst) == [0] * OF_ACCOUNT.burst


def test_memory_is_bounded_and_the_longest_quiet_is_forgotten():
    attempts = Attempts(most=10)
    fail(attempts, OF_ACCOUNT.burst)
    for number in range(20):
        fail(attempts, 1, address=f"198.51.100.{number}", account=f"user{number}")
    assert len(attempts._failures) == 10
    assert fail(attempts, 1) == [0]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_customers_ipv6_addresses_count_as_one(address: str, network: str):
    assert network_of(address) == network
