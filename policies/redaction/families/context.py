"""Secrets that their form or their context tells: keys, tokens, addresses, headers, names."""

from __future__ import annotations

import re
from typing import Any, Final

from policies.redaction.checks import has_digit, is_basic, not_prose
from policies.redaction.families.issued import FILL
from policies.redaction.harmless_values import is_harmless, is_plain_word, looks_issued
from policies.redaction.named_values import BEGINS, named_hint, read_before_name, reader
from policies.redaction.rules import Rule
from policies.redaction.secret_names import Verdict
from policies.redaction.values import read_value, rest_of_line, unquoted_end

_Q: Final = r"""(?:[bBuUrR]?\\*["'`])?"""
_AUTHORIZATION: Final = rf"(?i)\b(?:proxy-)?authorization(?:{_Q}\]?\s*(?:=>|[:=])\s*|{_Q}\s*,\s*)"
_COOKIE: Final = rf"(?i)\b(?:set-)?cookie2?(?:{_Q}\]?\s*(?:=>|[:=])\s*|{_Q}\s*,\s*)\[?"
_SCHEME: Final = re.compile(
    rb"(?i)(digest|aws4-hmac-sha256|oauth|hawk|signature)\s+|(?:bearer|basic|token|negotiate|ntlm"
    rb"|apikey|key|bot|ssws|klaviyo-api-key)\s+"
)
_OPENING: Final = re.compile(rb"(?:[bBuUrR]?\\*[\"'`])?")
_NAMES_AND_VALUES: Final = re.compile(rb"(?:[bBuUrR]?\\*[\"'`])?[^\s\"'=;,\\\[\]{}]{1,256}=")
_LONGEST_PASSWORD: Final = 1024  # bytes, in an address
_PORT: Final = re.compile(rb"\d{1,5}[/?#]")
_HOST: Final = re.compile(rb"[A-Za-z0-9_\[\]-]*[.:][A-Za-z0-9_.:\[\]-]*|localhost")
_AUTHORITY: Final = re.compile(rb"[^/?#]*")

_PASSWORD: Final = (
    r"(?i:password|passwd|passphrase|passcode|passwort|pwd|pass|credentials?|creds?|mnemonic"
    r"|seed[_-]?phrase|[_-]pwd?|\bpwd?|\botp|[_-]otp|\btotp|\bpin|[_-]pin)"
)
_VALUE_FIRST: Final = (
    rf"(?i)\b(?:value|val){_Q}\s*(?:=>|[:=])\s*{_Q}([^\"'`\r\n]+)[\"'`]\s*[,;]?\s*"
    rf"{_Q}(?:name|key|header){_Q}\s*(?:=>|[:=])\s*{_Q}"
)
_UP_TO: Final = r"\b[^\r\n|;]{0,200}?\s"
_COMMAND: Final = (
    rf"\b(?:(?:mysql(?:dump|admin)?|mariadb|7z){_UP_TO}-p|(?:sshpass|mongo(?:sh|dump|restore)?"
    rf"|(?:docker|podman|registry|az) login){_UP_TO}-p\s?|redis-cli{_UP_TO}-a\s?"
    rf"|(?:sqlcmd|zip|unzip){_UP_TO}-P\s?|ldap(?:search|modify|add){_UP_TO}-w\s?"
    rf"|(?:plink|pscp){_UP_TO}-pw\s|curl{_UP_TO}(?:-u\s?|--user[\s=])[^\s:@]{{1,40}}:)"
)
_AWS: Final = r"(?i:aws[_-]?(?:secret[_-]?access[_-]?key|secret[_-]?key|session[_-]?token))"
_SECRET: Final = r"(?i:secret(?:[ _-]?(?:access)?[ _-]?key)?|private[ _-]?key)"
_TOKEN: Final = (
    r"(?:(?i:token|api[ _-]?key|access[ _-]?key(?:[_-]?id)?|session[_-]?id|sessid|connect\.sid|csrf"
    r"|xsrf|(?:auth|signing|encryption|licen[sc]e|master|shared|account|client|hmac|webhook"
    r"|integration|subscription|deploy|ingestion|signature|session)[ _-]?key|[_.-]key|jwt"
    r"|[_-]auth|\bauth"
    r"|[_-]pat|[_-]sig(?:nature)?|[_-]assertion|x-amz-(?:signature|credential))|[a-z0-9](?:Key|Auth|Pat|Sig|KEY))"
)


def _authorization(raw: bytes, match: Any) -> tuple[int, int] | None:
    """What follows the scheme: all of a Digest and its kin, one word of the others."""
    start = _OPENING.match(raw, match.end()).end()  # type: ignore[union-attr]  # may be empty
    scheme = _SCHEME.match(raw, start)
    if scheme and scheme.group(1):
        value = rest_of_line(raw, match.end())
        start = scheme.end()
    else:
        value = read_value(raw, scheme.end() if scheme else match.end())
        start = value.start if value else start
    if value is None:
        return None
    end = value.end
    text = raw[start:end]
    if end - start < 7 or is_harmless(text) or is_plain_word(text):
        return None
    return start, end


def _cookie(raw: bytes, match: Any) -> tuple[int, int] | None:
    if not _NAMES_AND_VALUES.match(raw, match.end()):
        return None
    value = rest_of_line(raw, match.end())
    return (value.start, value.end) if value else None


def _url_password(raw: bytes, match: Any) -> tuple[int, int] | None:
    """From the colon to the last @ of the address's authority, whatever stands between."""
    start = match.end()
    word = raw[start : unquoted_end(raw, start, start + _LONGEST_PASSWORD)]
    following = word.find(b"://")
    if following >= 0:  # the next address of a list
        word = word[:following]
    first = word.find(b"@")
    if first < 1 or _PORT.match(word, 0, first):
        return None
    rest: Any = _AUTHORITY.match(word, first)
    last = word.rfind(b"@", 0, rest.end())
    if not _HOST.match(word, last + 1):
        last = max(last, word.rfind(b"@"))
    return start, start + last


def _parameter(raw: bytes, start: int, end: int) -> bool:
    return looks_issued(raw[start:end])


FORM_RULES: Final = (
    Rule(
        name="jwt",
        pattern=r"\beyJ[A-Za-z0-9_-]{8,}\.(?:[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)+"
        r"|(?:\.[A-Za-z0-9_-]{8,})+)",
        hint=r"\beyJ[A-Za-z0-9_-]{4}",
        example="eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + FILL[:43],
        family="JWT, JWE",
        form="eyJ.. and two to four more parts apart by dots; the second may be empty",
    ),
    Rule(
        name="password-hash",
        pattern=r"\$(?:2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|[156y]\$[^\s$]{1,40}\$[./A-Za-z0-9$]{20,}"
        r"|argon2(?:id|i|d)\$[^\s\"']{30,}|apr1\$[^\s$]{1,16}\$[./A-Za-z0-9]{20,})"
        r"|\bpbkdf2_sha(?:1|256|512)\$\d+\$[^\s$]+\$[A-Za-z0-9+/=]{20,}",
        hint=r"\$(?:2[abxy]?\$\d\d\$|[156y]\$|argon2|apr1\$)|pbkdf2_sha",
        example="stored $2b$12$" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
        family="hashed passwords",
        form="bcrypt, crypt, argon2, apr1, pbkdf2 as they are stored",
    ),
    Rule(
        name="url-password",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>\[\]]*:",
        hint=r"://[^\s/:@\"'<>\[\]]*:" + BEGINS + r"[^\s]*@",
        example="connecting to postgres://app:" + "s3cret@db.internal:5432/app",
        token=False,
        read=_url_password,
        family="addresses",
        form="scheme://user:password@host",
    ),
    Rule(
        name="oracle-password",
        pattern=r"jdbc:oracle:[a-z0-9]+:[^\s/:@]{1,64}/([^\s@]+)@",
        hint=r"jdbc:oracle:[a-z0-9]+:[^\s/:@]+/[^\s@\[]",
        example="jdbc:oracle:thin:app/" + "s3cret@db.internal:1521/x",
        token=False,
        family="addresses",
        form="jdbc:oracle:thin:user/password@host",
    ),
    Rule(
        name="url-token",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_.~%-]{16,})@",
        hint=r"://[A-Za-z0-9_.~%-]+@",
        example="fetching https://" + FILL[:20] + "@git.example.com/x.git",
        check=has_digit,
        family="addresses, Sentry DSN",
        form="scheme://token@host",
    ),
    Rule(
        name="url-parameter",
        pattern=r"[?&](?i:key|code|sig|hmac|signature|auth|refresh_token|assertion|hapikey|sas)="
        r"([A-Za-z0-9+/_=.~%-]{16,})",
        hint=r"[?&](?i:key|code|sig|hmac|signature|auth|refresh_token|assertion|hapikey|sas)="
        r"[A-Za-z0-9+/_=.~%-]{4}",
        example="GET /v1/map?key=" + FILL[:24] + " 200",
        check=_parameter,
        family="addresses",
        form="?key= ?code= ?sig= ?signature= ?hmac= and a value that a machine made",
    ),
)

CONTEXT_RULES: Final = (
    Rule(
        name="bearer",
        pattern=r"(?i)\bbearer[\s+:=]+([A-Za-z0-9._~+/-]{8,}=*)",
        hint=r"(?i)\bbearer[\s+:=]+[A-Za-z0-9._~+/-]{4}",
        example="sent Authorization with Bearer " + FILL[:24],
        check=not_prose,
        family="HTTP headers",
        form="Bearer and 8 or more",
    ),
    Rule(
        name="basic-auth",
        pattern=r"(?i)\bbasic[\s+]+([A-Za-z0-9+/]{6,}={0,2})",
        hint=r"(?i)\bbasic[\s+]+[A-Za-z0-9+/]{4}",
        example="sent Basic " + "dXNlcjpodW50ZXIy",
        check=is_basic,
        token=False,
        family="HTTP headers",
        form="Basic and base64 of user:password",
    ),
    Rule(
        name="authorization",
        pattern=_AUTHORIZATION,
        hint=_AUTHORIZATION + _Q + r"(?:(?:digest|aws4-hmac-sha256|oauth|hawk|signature)\s+[^\s\[]"
        r"""|(?:(?:token|negotiate|ntlm|apikey|key|bot|ssws)\s+)?[^\s"'`\[]{7})""",
        example='> Authorization: Digest username="Mufasa", response="6629fae49393a05397450978"',
        read=_authorization,
        family="HTTP headers",
        form="Authorization: and what follows the scheme",
    ),
    Rule(
        name="cookie",
        pattern=_COOKIE,
        hint=_COOKIE + _Q + r"""[^\s"'=;,\\\[\]{}]+=""",
        example="< Set-Cookie: sessionid=" + "38afes7a8; HttpOnly; Path=/",
        read=_cookie,
        family="HTTP headers",
        form="Cookie: and Set-Cookie: up to the end of the line",
    ),
    Rule(
        name="command-password",
        pattern=_COMMAND + r"""["']?([^\s"'-][^\s"']*)""",
        hint=r"\b(?:mysql|mariadb|7z|sshpass|mongo|(?:docker|podman|registry|az) login|redis-cli"
        r"|sqlcmd|zip|unzip|ldap(?:search|modify|add)|plink|pscp|curl)[a-z]*\s",
        example="ran mysql -u app -p" + "Tr0ub4dor crm",
        token=False,
        check=lambda raw, start, end: (
            not (
                is_harmless(raw[start:end])
                or (raw[start:end].isdigit() and end - start < 6 and raw[start - 1 : start] != b"p")
            )
        ),
        family="command lines",
        form="the password of mysql -p, sshpass -p, docker login -p, curl -u user:, redis-cli -a",
    ),
    Rule(
        name="named-value",
        pattern=_VALUE_FIRST + r"[A-Za-z0-9_.-]{2,64}",
        hint=_VALUE_FIRST,
        example='{"value":"' + FILL[:20] + '","name":"x-api-key"}',
        read=read_before_name,
        family="names of secrets",
        form='{"value": .., "name": ..} where the name comes second',
    ),
    Rule(
        name="aws-secret-key",
        pattern=_AWS,
        hint=named_hint(_AWS),
        example="aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        read=reader(Verdict.ISSUED, Verdict.CHOSEN),
        family="AWS",
        form="aws_secret_access_key, aws_session_token and their value",
    ),
    Rule(
        name="password",
        pattern=_PASSWORD,
        hint=named_hint(_PASSWORD),
        example='login {"user":"ann","password":"' + 'hunter2"}',
        token=False,
        read=reader(Verdict.CHOSEN),
        family="names of secrets",
        form="password, passwd, passphrase, pwd, _pass, pin, otp and their value",
    ),
    Rule(
        name="secret",
        pattern=_SECRET,
        hint=named_hint(_SECRET),
        example="CLIENT_SECRET=" + "correct-horse-battery",
        token=False,
        read=reader(Verdict.CHOSEN, Verdict.ISSUED),
        family="names of secrets",
        form="secret, secret_key, private_key and their value",
    ),
    Rule(
        name="token",
        pattern=_TOKEN,
        hint=named_hint(_TOKEN),
        example="GET /v1/items?access_token=" + FILL[:20] + "&page=2",
        read=reader(Verdict.ISSUED, Verdict.LIKELY),
        family="names of secrets",
        form="token, api_key, <vendor>_key, _auth, _jwt, _pat and their value",
    ),
)
