"""What the traces of one process need to know: where they go, and how many of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """`endpoint` is the receiver's address without `/v1/traces`; `headers` may hold a secret."""

    endpoint: str
    ratio: float = 1.0
    service: str = "ext-debug-console"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: Path | None = None
