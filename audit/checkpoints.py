"""Signed statements of where the chain was: Ed25519 over canonical JSON, one line each.

Pure: keys and texts in, texts out. A checkpoint kept outside the database is what finds a cut
tail and a chain that was rewritten as a whole; every other forgery breaks the chain itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audit.chain import VERSION, AuditError, canonical, moment, strict_object

_PURPOSE: Final = "extension-debug-console audit checkpoint"  # signed, so no other text will do
_KEYS: Final = {"v", "seq", "hash", "at", "key_id", "signature"}
_HEX64: Final = re.compile(r"[0-9a-f]{64}")


class BadKey(AuditError):
    """A signing or public key that is not 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A signed statement that row `seq` had this hash at that time (ISO 8601, UTC)."""

    seq: int
    hash: str
    at: str
    key_id: str
    signature: str

    def line(self) -> str:
        """One line of JSON, without its newline."""
        return canonical({"v": VERSION, **_said(self.seq, self.hash, self.at, self.key_id),
                          "signature": self.signature}).decode()  # fmt: skip


def private_key(seed: str) -> Ed25519PrivateKey:
    """The private key of 64 hex digits (the form of AUDIT_SIGNING_KEY); BadKey otherwise."""
    if not _HEX64.fullmatch(seed.lower()):
        raise BadKey(f"signing key: expected 64 hex digits, got {len(seed)} characters")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key in hex, for verifiers: publish it and keep a copy outside the database."""
    return key.public_key().public_bytes_raw().hex()


def key_id(public: str) -> str:
    """A short name of a public key: 16 hex digits of its SHA-256."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def sign(seed: str, *, seq: int, hash: str, at: dt.datetime) -> Statement:
    """Sign that the chain has this hash at row `seq`."""
    key = private_key(seed)
    when, name = moment(at), key_id(public_hex(key))
    signature = key.sign(_message(seq, hash, when, name)).hex()
    return Statement(seq=seq, hash=hash, at=when, key_id=name, signature=signature)


def is_signed(statement: Statement, publics: Iterable[str]) -> bool | None:
    """Whether the signature holds; None when none of these public keys made it."""
    for public in publics:
        if not _HEX64.fullmatch(public.lower()):
            raise BadKey(f"public key: expected 64 hex digits, got {public[:80]!r}")
        if key_id(public) != statement.key_id:
            continue
        message = _message(statement.seq, statement.hash, statement.at, statement.key_id)
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
                bytes.fromhex(statement.signature), message
            )
        except (InvalidSignature, ValueError):
            return False
        return True
    return None


def read(line: str) -> Statement:
    """Parse one line of a checkpoint file; AuditError when it is not one.

    Read as strictly as rows are: the keys that `Statement.line` writes, each once.
    """
    try:
        said: Any = strict_object(line.encode())
        if set(said) != _KEYS or type(said["seq"]) is not int or said["v"] != VERSION:
            raise TypeError
        texts = {name: said[name] for name in ("hash", "at", "key_id", "signature")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise TypeError
        dt.datetime.fromisoformat(texts["at"])
    except (ValueError, TypeError, AuditError):
        raise AuditError(f"expected a checkpoint line, got {line[:80]!r}") from None
    return Statement(seq=said["seq"], **texts)


def _said(seq: int, hash: str, at: str, name: str) -> dict[str, Any]:
    return {"seq": seq, "hash": hash, "at": at, "key_id": name}


def _message(seq: int, hash: str, at: str, name: str) -> bytes:
    return canonical({"v": VERSION, "purpose": _PURPOSE, **_said(seq, hash, at, name)})
