"""Fetches what the provider publishes of itself: its configuration and its keys, kept for a while.

Keys are fetched anew when a token names one that is not known, as providers change theirs, at most
once in ten seconds. A provider that does not answer is not asked again for some seconds: whoever
wants to sign in hears it at once, and no thread waits in line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from policies.sign_in.id_tokens import ALGORITHMS

KEPT: Final = 600.0  # seconds
KEYS_AGAIN: Final = 10.0  # seconds between two looks for new keys
AWAY_FOR: Final = 5.0  # seconds without asking after a failure
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")

Fetch = Callable[[str], Any]  # an address -> its JSON; requests.RequestException


class ProviderAway(Exception):
    """The provider cannot be used now. The message is a clause: "it does not answer"."""


@dataclass(slots=True)
class Documents:
    """Of one issuer; `fetch` and `clock` (monotonic seconds) are the edges."""

    issuer: str
    fetch: Fetch
    clock: Callable[[], float] = time.monotonic
    _configuration: tuple[float, dict[str, Any]] | None = None
    _keys: tuple[float, list[dict[str, Any]]] | None = None
    _away: tuple[float, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def configuration(self) -> Mapping[str, Any]:
        """What discovery says, checked. ProviderAway."""
        with self._lock:
            return self._configured()

    def keys(self, *, again: bool = False) -> Sequence[Mapping[str, Any]]:
        """The provider's keys; `again`: a token names one that is not among them."""
        with self._lock:
            now = self.clock()
            kept = self._keys
            most = KEYS_AGAIN if again else KEPT
            if kept is not None and now - kept[0] < most:
                return kept[1]
            said = self._ask(str(self._configured()["jwks_uri"]))
            listed = said.get("keys")
            if not isinstance(listed, list):
                raise self._failed("it publishes no keys")
            keys = [each for each in listed if isinstance(each, dict)]
            self._keys = (now, keys)
            return keys

    def _configured(self) -> dict[str, Any]:
        now = self.clock()
        if self._configuration is not None and now - self._configuration[0] < KEPT:
            return self._configuration[1]
        said = self._ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != self.issuer:
            raise self._failed("its configuration is that of another issuer")
        scheme = urlsplit(self.issuer).scheme
        for name in _ENDPOINTS:
            if urlsplit(str(said.get(name, ""))).scheme not in ("https", scheme):
                raise self._failed(f"its configuration has no {name} that could be used")
        algorithms = said.get("id_token_signing_alg_values_supported", ["RS256"])
        if not isinstance(algorithms, list) or ALGORITHMS.isdisjoint(map(str, algorithms)):
            raise self._failed("it signs with nothing that its keys could prove")
        self._configuration = (now, said)
        return said

    def _ask(self, url: str) -> dict[str, Any]:
        if self._away is not None and self.clock() - self._away[0] < AWAY_FOR:
            raise ProviderAway(self._away[1])
        try:
            said = self.fetch(url)
        except (requests.RequestException, ValueError):
            raise self._failed("it does not answer") from None
        if not isinstance(said, dict):
            raise self._failed("its answer cannot be read")
        self._away = None
        return said

    def _failed(self, why: str) -> ProviderAway:
        self._away = (self.clock(), why)
        return ProviderAway(why)
