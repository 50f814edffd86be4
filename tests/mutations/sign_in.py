"""Planted faults where people sign in by a provider: tokens that prove nothing, roles too many."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

TOKENS: Final = "policies/sign_in/id_tokens.py"
PROVIDER: Final = "policies/sign_in/provider.py"
DOCUMENTS: Final = "policies/sign_in/documents.py"
CLAIMS: Final = "policies/sign_in/claims.py"
ACCOUNTS: Final = "policies/sign_in/accounts.py"
ARRIVAL: Final = "policies/sign_in/arrival.py"
ROLES: Final = "policies/sign_in/roles.py"
PASSWORDS: Final = "policies/sign_in/passwords.py"
PAGE: Final = "policies/pages/provider_sign_in.py"
TOKEN_TESTS: Final = "tests/policies/sign_in/test_id_tokens.py"
DOCUMENT_TESTS: Final = "tests/policies/sign_in/test_documents.py"
CLAIM_TESTS: Final = "tests/policies/sign_in/test_claims.py"
ACCOUNT_TESTS: Final = "tests/policies/sign_in/test_accounts.py"
ARRIVAL_TESTS: Final = "tests/policies/sign_in/test_arrival.py"
ROLE_TESTS: Final = "tests/policies/sign_in/test_roles.py"
PASSWORD_TESTS: Final = "tests/policies/sign_in/test_passwords.py"
EARLIER: Final = "policies/identity/earlier_keys.py"
EARLIER_TESTS: Final = "tests/policies/identity/test_earlier_keys.py"
PAGE_TESTS: Final = "tests/policies/pages/test_provider_sign_in.py"

SIGN_IN: Final = [
    Mutation(
        "sign-in: a token for another client is taken", TOKENS,
        "            audience=client_id,\n", '            audience=["console", "other"],\n',
        TOKEN_TESTS,
    ),
    Mutation(
        "sign-in: a token of another issuer is taken", TOKENS,
        "            issuer=issuer,\n", "", TOKEN_TESTS,
    ),
    Mutation(
        "sign-in: a token that answers another request is taken", TOKENS,
        "    if not nonce or not same:", "    if not nonce:", TOKEN_TESTS,
    ),
    Mutation(
        "sign-in: a token whose time is over is taken", TOKENS,
        "    if now > expires + LEEWAY or", "    if", TOKEN_TESTS,
    ),
    Mutation(
        "sign-in: a token may be signed with a shared secret or not at all", TOKENS,
        '    {"RS256",', '    {"none", "HS256", "RS256",', TOKEN_TESTS,
    ),
    Mutation(
        "sign-in: another issuer's configuration is taken", DOCUMENTS,
        '        if said.get("issuer") != self.issuer:', '        if not said.get("issuer"):',
        DOCUMENT_TESTS,
    ),
    Mutation(
        "sign-in: keys are never looked for again", DOCUMENTS,
        "KEYS_AGAIN if again else KEPT", "KEPT", DOCUMENT_TESTS,
    ),
    Mutation(
        "sign-in: the userinfo of somebody else is taken", PROVIDER,
        'or said.get("sub") != subject:', "or not subject:", f"{PAGE_TESTS} -k asked_for_where",
    ),
    Mutation(
        "sign-in: a provider of the database lets in", PROVIDER,
        "        configured = settings.SIGN_IN\n",
        "        configured = settings.SIGN_IN\n        return super().list_apps(request)\n",
        "tests/policies/sign_in/test_provider.py -k database",
    ),
    Mutation(
        "sign-in: an address that is not verified is taken", CLAIMS,
        "if proven and fits", "if fits", CLAIM_TESTS,
    ),
    Mutation(
        "sign-in: a claim that is no list is taken for groups", CLAIMS,
        "    if not isinstance(said, list) or not", "    if not", CLAIM_TESTS,
    ),
    Mutation(
        "sign-in: an account of that name in other letters is no account", ACCOUNTS,
        "username__iexact=person.name", "username=person.name", ACCOUNT_TESTS,
    ),
    Mutation(
        "sign-in: an inactive account is let in", ARRIVAL,
        "            accounts.require_active(identity)\n", "", f"{PAGE_TESTS} -k inactive",
    ),
    Mutation(
        "sign-in: whoever the provider knows gets an account", ARRIVAL,
        "    if not known:", "    if known is None:", ARRIVAL_TESTS,
    ),
    Mutation(
        "sign-in: a role whose group was left is kept", ROLES,
        "        _lose(identity, gone, ip=ip)\n", "", ROLE_TESTS,
    ),
    Mutation(
        "sign-in: what the desk made becomes the provider's", ROLES,
        "if not Membership.objects.filter(user=user, tenant__key=role.name).exists():", "if True:",
        f"{ROLE_TESTS} -k desk_made",
    ),
    Mutation(
        "sign-in: what the directory keeps is taken away", ROLES,
        "            case Kind.ADMIN if _key(mark) not in kept:", "            case Kind.ADMIN:",
        f"{ROLE_TESTS} -k directory",
    ),
    Mutation(
        "sign-in: what the desk took away comes back by itself", ROLES,
        "given = [role for key, role in said.items() if key not in scopes]",
        "given = list(said.values())", f"{ROLE_TESTS} -k took_away",
    ),
    Mutation(
        "sign-in: what groups gave never ends", ROLES,
        "                end_all(identity)\n", "                pass\n",
        f"{ROLE_TESTS} -k came_back",
    ),
    Mutation(
        "sign-in: operators do not hear what groups gave", ROLES,
        "        if words and second_person.needed():", "        if not second_person.needed():",
        f"{ROLE_TESTS} -k hear",
    ),
    Mutation(
        "sign-in: passwords that are off still count", PASSWORDS,
        "    if are_on():\n        return True\n    rows", "    return True\n    rows",
        PASSWORD_TESTS,
    ),
    Mutation(
        "sign-in: a session by the provider goes on while it is used", PAGE,
        "set_expiry(timezone.now() + _lasts())", "set_expiry(int(_lasts().total_seconds()))",
        f"{PAGE_TESTS} -k however",
    ),
    Mutation(
        "sign-in: attempts by the provider are not counted", PAGE,
        "        return sign_in.too_often(seconds=math.ceil(wait))\n"
        "    try:\n        return provider.begin(",
        "        pass\n    try:\n        return provider.begin(", f"{PAGE_TESTS} -k spaced",
    ),
    Mutation(
        "sign-in: pages wait for a provider that hangs", "extdebug/ops/request_bounds.py",
        "    return PROVIDER if _PROVIDER.match(path) else PAGES", "    return PAGES",
        "tests/extdebug/ops/test_request_bounds.py -k has_its_threads",
    ),
    Mutation(
        "sign-in: a page of another site signs in", PAGE,
        'in ("cross-site", "same-site"):', "in ():", f"{PAGE_TESTS} -k another_site_signs",
    ),
    Mutation(
        "sign-in: one under an earlier key gets another cookie", EARLIER,
        "if settings.SECRET_KEY_FALLBACKS:", "if False:", f"{EARLIER_TESTS} -k both_keys",
    ),
    Mutation(
        "sign-in: any is taken for one under an earlier key", EARLIER,
        'if user is None or not signed_for(user, session.get(HASH_SESSION_KEY, "")):',
        "if user is None:", f"{EARLIER_TESTS} -k forged",
    ),
]  # fmt: skip
