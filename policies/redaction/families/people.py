"""What identifies or debits a person: cards, accounts, numbers under their name, addresses."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import is_address, is_card, is_iban
from policies.redaction.rules import Rule

# Between a name and its number.
_IS: Final = r"""\\*["']?\s*(?:[:=#]|=>|is)?\s*\\*["']?"""
_PHONE: Final = (
    r"(?i:(?:phone|mobile)(?:[_ -]?(?:number|no|nr))?|telephone|\btel|[_-]tel|\bfax|msisdn|telefon"
    r"|whatsapp)"
)
_CODE: Final = r"(?i)\b(?:card[ _-]?)?(?:cvv2?|cvc2?|csc|security[ _-]?code|card[ _-]?code)"
_SSN: Final = r"(?i)(?:\bssn|[_-]ssn|social[ _-]security(?:[ _-](?:number|num|no|nr))?)"

PEOPLE_RULES: Final = (
    Rule(
        name="card",
        pattern=r"\b(?:[2-6]\d{3}(?:[ .-]\d{4}[ .-]\d{4}[ .-]\d{1,4}(?:[ .-]?\d{3})?"
        r"|[ .-]\d{6}[ .-]\d{4,5}|\d{8,15}))\b",
        hint=r"\b[2-6]\d{3}(?:[ .-]\d{4}|\d{8})",
        example="paid with 4111 1111 1111 " + "1111 today",
        token=False,
        check=is_card,
        family="people",
        form="card numbers: an issuer's prefix and length, and Luhn",
    ),
    Rule(
        name="card-code",
        pattern=_CODE + _IS + r"(\d{3,4})\b",
        hint=_CODE + _IS + r"\d{3}",
        example="card accepted, cvv=" + "123",
        token=False,
        family="people",
        form="cvv, cvc, security code and 3 or 4 digits",
    ),
    Rule(
        name="iban",
        pattern=r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        hint=r"\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}",
        example="paid to DE89 3704 0044 0532 " + "0130 00",
        token=False,
        check=is_iban,
        family="people",
        form="IBAN: a country's length, and modulo 97",
    ),
    Rule(
        name="ssn",
        pattern=_SSN + _IS + r"(\d{3}[- ]?\d{2}[- ]?\d{4})\b",
        hint=_SSN + _IS + r"\d{3}",
        example="applicant ssn: 078-05-" + "1120",
        token=False,
        family="people",
        form="ssn or social security number, and the number",
    ),
    Rule(
        name="phone",
        pattern=_PHONE + _IS + r"(\+?\(?\d[\d ()./-]{5,20}\d)\b",
        hint=_PHONE + _IS + r"\+?\(?\d[\d ()./-]{4}",
        example="calling phone=+49 30 " + "901820 now",
        token=False,
        check=lambda raw, start, end: 7 <= sum(48 <= b <= 57 for b in raw[start:end]) <= 15,
        family="people",
        form="phone, mobile, tel, fax and a number of 7 to 15 digits",
    ),
    Rule(
        name="email",
        pattern=r"\b[A-Za-z0-9][A-Za-z0-9._%+'-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
        r"[A-Za-z]{2,24}\b",
        hint=r"[A-Za-z0-9._%+'-]@(?:[A-Za-z0-9-]+\.)+[A-Za-z]",
        example="welcome, ann.lee@example.com",
        token=False,
        check=is_address,
        family="people",
        form="e-mail addresses",
    ),
)
