"""How often somebody may try to sign in: failures are spaced by address and by account.

Pure, and in the memory of one process, bounded in size. Nobody is locked out: an attempt that
comes too early is told when the next one counts, and a browser that signed in to an account
before has a bucket of its own there, which strangers cannot drain.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST: Final = 10_000  # keys remembered; whoever failed longest ago is forgotten


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` failures at once, then one in every `seconds`."""

    burst: int
    seconds: float


OF_ADDRESS: Final = Allowance(30, 2.0)  # a whole office may stand behind one
OF_ACCOUNT: Final = Allowance(10, 15.0)  # 5,760 guesses a day
OF_BROWSER: Final = Allowance(10, 15.0)  # one that signed in to this account before


class Attempts:
    """`now` is any monotonic clock in seconds."""

    def __init__(self, *, most: int = MOST, of_account: Allowance = OF_ACCOUNT) -> None:
        self._most = most
        self._of_account = of_account
        # key -> failures not yet forgiven, and when that was so
        self._failures: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def begin(self, *, address: str, account: str, browser: str, now: float) -> float:
        """0 when this attempt may be made: it counts as failed until `succeeded`. Otherwise the
        seconds until one may. `browser` is empty unless it is known to this account, `account`
        where the provider says whose it is."""
        keys = self._keys(address, account, browser)
        wait = max(self._wait(key, allowance, now) for key, allowance in keys)
        if wait > 0:
            return wait
        for key, allowance in keys:
            self._failures[key] = (self._level(key, allowance, now) + 1, now)
            self._failures.move_to_end(key)
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)
        return 0

    def succeeded(self, *, address: str, account: str, browser: str) -> None:
        """The attempt that `begin` let through was right: it is taken back."""
        for key, _ in self._keys(address, account, browser):
            level, at = self._failures.get(key, (0.0, 0.0))
            if level > 1:
                self._failures[key] = (level - 1, at)
            else:
                self._failures.pop(key, None)

    def _keys(
        self, address: str, account: str, browser: str
    ) -> list[tuple[tuple[str, str], Allowance]]:
        if browser:
            return [(("browser", browser), OF_BROWSER)]
        found = [(("address", network_of(address)), OF_ADDRESS)]
        return [*found, (("account", account), self._of_account)] if account else found

    def _level(self, key: tuple[str, str], allowance: Allowance, now: float) -> float:
        level, at = self._failures.get(key, (0.0, now))
        return max(0.0, level - max(0.0, now - at) / allowance.seconds)

    def _wait(self, key: tuple[str, str], allowance: Allowance, now: float) -> float:
        over = self._level(key, allowance, now) - (allowance.burst - 1)
        return max(0.0, over * allowance.seconds) if over > 1e-9 else 0.0


def network_of(address: str) -> str:
    """The address, of IPv6 the /64 that one customer has; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
