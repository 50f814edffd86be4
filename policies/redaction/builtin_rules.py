"""The built-in redaction rules, an example beside each, and the names of sensitive fields.

Prefixes and shapes are the ones that the issuers document; field names follow the default deny
list of Sentry's SDKs. Order is priority: what names the issuer comes before what only guesses from
the context, so that a mask says the most it can. Examples are split after the prefix so that
scanners of source code do not report them. One table, and therefore one long file.
"""

from __future__ import annotations

from typing import Final

from policies.redaction.rules import (
    Rule,
    has_digit,
    is_address,
    is_basic,
    is_credential,
    is_luhn,
    is_password,
    not_prose,
)

# Between a name and its value: `=`, `:`, `=>`; in JSON also quoted, and escaped inside a string.
_IS: Final = r"""\\*["']?\s*(?:=>|:=|[:=])\s*"""


def _value(stop: str, *, least: int = 0) -> str:
    """Text up to a delimiter. A mask is passed over, so that a masked line is a clean line,
    unless more follows it: what one rule masked in part another may mask whole."""
    repeat = f"{{{least},}}" if least else "*"
    plain = rf"(?:[^{stop}\[]|\[[^{stop}r]|\[r[^{stop}e])[^{stop}]{repeat}"
    more = rf"\[redacted:[a-z0-9#-]+\][A-Za-z0-9_%+/=~-][^{stop}]*"
    return f"({plain}|{more})"


# The value: quoted inside an escaped string, quoted (spaces allowed), or up to a delimiter.
_SPACE: Final = r"""\s"'&,;\\"""  # what ends a value without quotes
_UNQUOTED: Final = _value(_SPACE)
_QUOTED: Final = r'"((?:[^"\\\r\n\[]|\\.|\[[^"\\\r\nr]|\[r[^"\\\r\ne])(?:[^"\\\r\n]|\\.)*)'
_VALUE: Final = (
    "(?:" + r'\\+"' + _value(r'"\\\r\n') + "|" + _QUOTED + "|"
    + r"\\*'" + _value(r"'\\\r\n") + "|" + _UNQUOTED + ")"
)  # fmt: skip
# How any of these begins: what is not a mask, or a mask with more behind it.
_NO_MASK: Final = r"\[[^r]|\[r[^e]|\[redacted:[a-z0-9#-]+\][A-Za-z0-9_%+/=~-]"
_BEGINS: Final = rf"""(?:\\*["'](?:[^\r\n\[]|{_NO_MASK})|[^\s"'&,;\\\[]|{_NO_MASK})"""
# Names of what people choose, what only the context tells, and what machines issue.
_PASSWORD: Final = (
    r"(?i)(?:password|passwd|passphrase|passcode|[_-]pwd|\bpwd|[_-]pass|\bpass=)(?:[_-]?\d)?"
)
_SECRET: Final = r"(?i)(?:secret(?:[_-]?(?:access)?[_-]?key)?|private[_-]?key)"
_TOKEN: Final = (
    r"(?i)(?:token|api[_-]?key|access[_-]?key(?:[_-]?id)?|auth[_-]?key|signing[_-]?key"
    r"|encryption[_-]?key|session[_-]?id|sessid|connect\.sid|[cx]srf|x-amz-(?:signature|credential))"
)


def _issued(pattern: str) -> str:
    """A credential with a prefix of its issuer, also as the end of a longer name: KEY_AKIA…"""
    return rf"(?:\b|_)({pattern})"


_FILL: Final = "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ01234567"
_HEX: Final = "0123456789abcdef" * 4

BUILTIN_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="private-key",
        pattern=(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            # Without an end: all of it. (To stop sooner and look again would be quadratic.)
            r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
        ),
        hint=r"PRIVATE KEY(?: BLOCK)?-----",
        example="-----BEGIN RSA " + "PRIVATE KEY-----\\nMIIEow==\\n-----END RSA PRIVATE KEY-----",
    ),
    # --- clouds ---
    Rule(
        name="aws-access-key",
        pattern=_issued(r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
        hint=r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{4}",
        example="key AKIA" + "IOSFODNN7EXAMPLE used",
    ),
    Rule(
        name="aws-secret-key",
        pattern=r"(?i)aws_?(?:secret_?access_?key|secret_?key|session_?token)" + _IS + _VALUE,
        hint=r"(?i)aws_?(?:secret|session)_?(?:access_?)?(?:key|token)" + _IS + _BEGINS,
        example="aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    Rule(
        name="gcp-api-key",
        pattern=_issued(r"AIza[0-9A-Za-z_-]{35}\b"),
        hint=r"AIza[0-9A-Za-z_-]{4}",
        example="maps key AIza" + _FILL[:35],
    ),
    Rule(
        name="gcp-oauth",
        pattern=_issued(r"(?:ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{28})"),
        hint=r"ya29\.[0-9A-Za-z_-]{4}|GOCSPX-[0-9A-Za-z_-]{4}",
        example="ya29." + _FILL[:40],
    ),
    Rule(
        name="azure-key",
        pattern=(
            r"(?i)(?:accountkey|sharedaccesskey|sharedaccesssignature|[?&]sig)="
            r"([a-z0-9+/%=_-]{20,})"
        ),
        hint=r"(?i)(?:accountkey|sharedaccesskey|sharedaccesssignature|[?&]sig)=[a-z0-9+/%=_-]{4}",
        example="DefaultEndpointsProtocol=https;AccountKey=" + _FILL[:43] + "=;",
    ),
    Rule(
        name="azure-client-secret",
        pattern=r"\b[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}",
        hint=r"[78]Q~[A-Za-z0-9_~.-]{4}",
        example="secret is abc8Q~" + _FILL[:33],
    ),
    Rule(
        name="digitalocean-token",
        pattern=_issued(r"do[opr]_v1_[0-9a-f]{64}"),
        hint=r"do[opr]_v1_[0-9a-f]{4}",
        example="dop_v1_" + _HEX,
    ),
    # --- code and packages ---
    Rule(
        name="github-token",
        pattern=_issued(r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
        hint=r"gh[pousr]_[A-Za-z0-9]{4}|github_pat_[A-Za-z0-9_]{4}",
        example="using ghp_" + _FILL[:36],
    ),
    Rule(
        name="gitlab-token",
        pattern=_issued(
            r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.-]{20,}"
        ),
        hint=r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.-]{4}",
        example="clone with glpat-" + _FILL[:20],
    ),
    Rule(
        name="npm-token",
        pattern=_issued(r"npm_[A-Za-z0-9]{36}\b"),
        hint=r"npm_[A-Za-z0-9]{4}",
        example="npm_" + _FILL[:36],
    ),
    Rule(
        name="pypi-token",
        pattern=_issued(r"pypi-[A-Za-z0-9_-]{50,}"),
        hint=r"pypi-[A-Za-z0-9_-]{4}",
        example="pypi-" + "AgEIcHlwaS5vcmc" + _FILL[:60],
    ),
    Rule(
        name="rubygems-token",
        pattern=_issued(r"rubygems_[0-9a-f]{48}"),
        hint=r"rubygems_[0-9a-f]{4}",
        example="rubygems_" + _HEX[:48],
    ),
    Rule(
        name="docker-token",
        pattern=_issued(r"dckr_[op]at_[A-Za-z0-9_-]{20,}"),
        hint=r"dckr_[op]at_[A-Za-z0-9_-]{4}",
        example="dckr_pat_" + _FILL[:27],
    ),
    # --- services ---
    Rule(
        name="slack-token",
        pattern=_issued(r"(?:xox[abceoprs]|xapp)(?:\.xox[bp])?-[A-Za-z0-9-]{10,}"),
        hint=r"(?:xox[abceoprs]|xapp)(?:\.xox[bp])?-[A-Za-z0-9-]{4}",
        example="xoxb-" + "123456789012-1234567890123-" + _FILL[:24],
    ),
    Rule(
        name="slack-webhook",
        pattern=r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9_+/-]{20,})",
        hint=r"hooks\.slack(?:-gov)?\.com/[a-z]+/[A-Za-z0-9_+/-]{4}",
        example="https://hooks.slack.com/services/" + "T00000000/B00000000/" + _FILL[:24],
    ),
    Rule(
        name="discord-webhook",
        pattern=r"discord(?:app)?\.com/api/webhooks/\d+/([A-Za-z0-9_-]{40,})",
        hint=r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{4}",
        example="https://discord.com/api/webhooks/1234567890/" + _FILL[:68],
    ),
    Rule(
        name="telegram-token",
        pattern=r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b",
        hint=r"\d:AA[A-Za-z0-9_-]{4}",
        example="bot1 123456789:AA" + _FILL[:33],
    ),
    Rule(
        name="stripe-key",
        pattern=_issued(r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})"),
        hint=r"[sr]k_(?:live|test)_[A-Za-z0-9]{4}|whsec_[A-Za-z0-9+/=]{4}",
        example="charging with sk_live_" + _FILL[:24],
    ),
    Rule(
        name="square-token",
        pattern=_issued(r"sq0[a-z]{3}-[A-Za-z0-9_-]{22,}"),
        hint=r"sq0[a-z]{3}-[A-Za-z0-9_-]{4}",
        example="sq0atp-" + _FILL[:22],
    ),
    Rule(
        name="shopify-token",
        pattern=_issued(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
        hint=r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{4}",
        example="shpat_" + _HEX[:32],
    ),
    Rule(
        name="sendgrid-key",
        pattern=r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        hint=r"\bSG\.[A-Za-z0-9_-]{4}",
        example="SG." + _FILL[:22] + "." + _FILL[:43],
    ),
    Rule(
        name="twilio-key",
        pattern=r"\bSK[0-9a-f]{32}\b",
        hint=r"\bSK[0-9a-f]{4}",
        example="SK" + _HEX[:32],
    ),
    Rule(
        name="mailgun-key",
        pattern=r"\bkey-[0-9a-f]{32}\b",
        hint=r"\bkey-[0-9a-f]{4}",
        example="key-" + _HEX[:32],
    ),
    Rule(
        name="ai-api-key",
        pattern=_issued(r"sk-(?:proj-|ant-|svcacct-|admin-|or-)?[A-Za-z0-9_-]{20,}"),
        hint=r"(?:\b|_)sk-[A-Za-z0-9_-]{4}",
        example="sk-proj-" + _FILL[:48],
        check=has_digit,
    ),
    Rule(
        name="huggingface-token",
        pattern=_issued(r"hf_[A-Za-z0-9]{30,}"),
        hint=r"(?:\b|_)hf_[A-Za-z0-9]{4}",
        example="hf_" + _FILL[:34],
    ),
    Rule(
        name="databricks-token",
        pattern=r"\bdapi[0-9a-f]{32}",
        hint=r"\bdapi[0-9a-f]{4}",
        example="dapi" + _HEX[:32],
    ),
    Rule(
        name="vault-token",
        pattern=r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
        hint=r"\bhv[sbr]\.[A-Za-z0-9_-]{4}",
        example="hvs." + _FILL[:24],
    ),
    Rule(
        name="terraform-token",
        pattern=r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}",
        hint=r"\.atlasv1\.[A-Za-z0-9_=-]{4}",
        example=_FILL[:14] + ".atlasv1." + _FILL[:67],
    ),
    Rule(
        name="atlassian-token",
        pattern=_issued(r"ATATT3[A-Za-z0-9_=-]{50,}"),
        hint=r"ATATT3[A-Za-z0-9_=-]{4}",
        example="ATATT3" + _FILL[:60],
    ),
    Rule(
        name="grafana-token",
        pattern=_issued(r"gl(?:sa|c)_[A-Za-z0-9+/_]{32,}={0,2}"),
        hint=r"gl(?:sa|c)_[A-Za-z0-9+/_]{4}",
        example="glsa_" + _FILL[:32] + "_01234567",
    ),
    Rule(
        name="new-relic-key",
        pattern=r"\bNR(?:AK|JS|II|RA)-[A-Za-z0-9_-]{19,}",
        hint=r"\bNR(?:AK|JS|II|RA)-[A-Za-z0-9_-]{4}",
        example="NRAK-" + _FILL[:27].upper(),
    ),
    Rule(
        name="age-key",
        pattern=r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}",
        hint=r"AGE-SECRET-KEY-1[0-9A-Z]{4}",
        example="AGE-SECRET-KEY-1" + _FILL[:58].upper(),
    ),
    # --- by their form ---
    Rule(
        name="jwt",
        pattern=r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)+",
        hint=r"\beyJ[A-Za-z0-9_-]{4}",
        example="eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + _FILL[:43],
    ),
    Rule(
        name="url-password",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>\[\]]*:([^\s/@\"'<>\[][^\s/@\"'<>]*)@",
        hint=r"://[^\s/:@\"'<>\[\]]*:[^\s/@\"'<>\[][^\s/@\"'<>]*@",
        example="connecting to postgres://app:" + "s3cret@db.internal:5432/app",
        token=False,
    ),
    Rule(
        name="url-token",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_.~%-]{16,})@",
        hint=r"://[A-Za-z0-9_.~%-]+@",
        example="fetching https://" + _FILL[:20] + "@git.example.com/x.git",
        check=has_digit,
    ),
    # --- by their context ---
    Rule(
        name="bearer",
        pattern=r"(?i)\bbearer[\s+:=]+([A-Za-z0-9._~+/-]{8,}=*)",
        hint=r"(?i)\bbearer[\s+:=]+[A-Za-z0-9._~+/-]{4}",
        example="sent Authorization with Bearer " + _FILL[:24],
        check=not_prose,
    ),
    Rule(
        name="basic-auth",
        pattern=r"(?i)\bbasic[\s+]+([A-Za-z0-9+/]{6,}={0,2})",
        hint=r"(?i)\bbasic[\s+]+[A-Za-z0-9+/]{4}",
        example="sent Basic " + "dXNlcjpodW50ZXIy",
        check=is_basic,
        token=False,
    ),
    Rule(
        name="authorization",
        # Bearer and Basic are rules of their own; their names are shorter than any credential.
        pattern=(
            r"(?i)\bauthorization" + _IS + r"""\\*["']?(?:"""
            r"(?:digest|aws4-hmac-sha256|oauth|hawk|signature)\s+([^\s\[][^\r\n]*)"
            r"|(?:(?:token|negotiate|ntlm|apikey|key)\s+)?" + _value(_SPACE, least=7) + ")"
        ),
        example='> Authorization: Digest username="Mufasa", response="6629fae49393a05397450978"',
        check=not_prose,
    ),
    Rule(
        name="cookie",
        pattern=r"""(?i)\b(?:set-)?cookie2?\\*["']?\s*[:=]\s*\\*["']?([^\s"'=;\\]+=[^\r\n"'\\]+)""",
        example="< Set-Cookie: sessionid=" + "38afes7a8; HttpOnly; Path=/",
    ),
    Rule(
        name="password",
        pattern=_PASSWORD + _IS + _VALUE,
        hint=_PASSWORD + _IS + _BEGINS,
        example='login {"user":"ann","password":"' + 'hunter2"}',
        token=False,
        check=is_password,
    ),
    Rule(
        name="secret",
        pattern=_SECRET + _IS + _VALUE,
        hint=_SECRET + _IS + _BEGINS,
        example="CLIENT_SECRET=" + "correct-horse-battery",
        token=False,
        check=is_password,
    ),
    Rule(
        name="token",
        pattern=_TOKEN + _IS + _VALUE,
        hint=_TOKEN + _IS + _BEGINS,
        example="GET /v1/items?access_token=" + _FILL[:20] + "&page=2",
        check=is_credential,
    ),
    # --- about people ---
    Rule(
        name="card",
        pattern=(
            r"\b(?:4\d{3}|5[1-5]\d\d|2(?:2[2-9]|[3-6]\d|7[01])\d|2720|3[04-9]\d\d|6\d{3})"
            r"(?:[ -]\d{4}[ -]\d{4}[ -]\d{1,4}(?:[ -]?\d{3})?|[ -]\d{6}[ -]\d{4,5}|\d{9,15})\b"
        ),
        hint=r"\b[2-6]\d{3}(?:[ -]\d{4,6}[ -]\d|\d{9})",
        example="paid with 4111 1111 1111 " + "1111 today",
        token=False,
        check=is_luhn,
    ),
    Rule(
        name="email",
        pattern=(
            r"\b[A-Za-z0-9][A-Za-z0-9._%+'-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
            r"[A-Za-z]{2,24}\b"
        ),
        hint=r"[A-Za-z0-9._%+'-]@(?:[A-Za-z0-9-]+\.)+[A-Za-z]",
        example="welcome, ann.lee@example.com",
        token=False,
        check=is_address,
    ),
)

# Compared without case and without anything but letters and digits: `X-Api-Key` is `xapikey`.
DEFAULT_FIELD_NAMES: Final = frozenset({
    "password", "passwd", "passphrase", "passcode", "pwd", "mysql_pwd", "pin", "secret",
    "secrets", "client_secret", "api_key", "x_api_key", "auth", "credential", "credentials",
    "private_key", "token", "access_token", "refresh_token", "id_token", "auth_token",
    "session", "sessionid", "session_key", "user_session", "aiohttp_session", "phpsessid",
    "jsessionid", "connect.sid", "symfony", "csrf", "csrf_token", "csrfmiddlewaretoken",
    "x_csrftoken", "xsrf", "xsrf_token", "cookie", "cookies", "set_cookie", "authorization",
    "proxy_authorization", "access_key", "secret_key", "aws_secret_access_key", "otp",
    "totp", "cvv", "cvc", "card_number", "credit_card", "ssn",
})  # fmt: skip
