"""What django-allauth's second factors ask the console: names, and secrets kept encrypted."""

from __future__ import annotations

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets lie in the database under a key made of the SECRET_KEY: a copy of the table alone
    makes no codes. Earlier keys read, the present one writes."""

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """ "" for what was encrypted with a key that is gone: no code fits it."""
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return ""

    def _get_user_identifier(self, user: AbstractBaseUser) -> str:
        return str(user.get_username())

    def _get_site_name(self) -> str:
        return "Debug Console"


def _box() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key(each)) for each in keys])


def _key(secret: str) -> bytes:
    digest = hashlib.sha256(b"policies.second_factor\x00" + secret.encode()).digest()
    return base64.urlsafe_b64encode(digest)
