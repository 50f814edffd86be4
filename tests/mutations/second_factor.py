"""Planted faults where access widens: an act without the person's own second factor."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

GATE: Final = "policies/identity/second_factor.py"
VERBS: Final = "policies/grants/verbs.py"
REQUESTS: Final = "policies/grants/requests.py"
CHANGES: Final = "policies/changes/requests.py"
SECOND: Final = "policies/changes/second_person.py"
FACTORS: Final = "policies/second_factor/factors.py"
PAGE: Final = "policies/pages/second_factor.py"
GATE_TESTS: Final = "tests/policies/identity/test_second_factor.py"
FACTOR_TESTS: Final = "tests/policies/second_factor/test_factors.py"
PAGE_TESTS: Final = "tests/policies/pages/test_second_factor.py"

SECOND_FACTOR: Final = [
    Mutation(
        "second factor: a grant is approved without one", VERBS,
        'REQUESTED, to="approve")\n        acts.require_factor(by)\n',
        'REQUESTED, to="approve")\n',
        f"{GATE_TESTS} -k approving_a_grant",
    ),
    Mutation(
        "second factor: break-glass access without one", REQUESTS,
        "    acts.require_factor(by)\n", "", f"{GATE_TESTS} -k glass",
    ),
    Mutation(
        "second factor: a change is approved without one", CHANGES,
        "        _require_pending(row)\n        second_person.require_factor(by)\n",
        "        _require_pending(row)\n", f"{GATE_TESTS} -k approving_it",
    ),
    Mutation(
        "second factor: one person widens alone without one", SECOND,
        "        require_factor(by)\n", "        pass\n", f"{GATE_TESTS} -k alone",
    ),
    Mutation(
        "second factor: a proof is anybody's", GATE,
        "    if request is None or request.user.pk != by.pk:", "    if request is None:",
        f"{GATE_TESTS} -k one_person",
    ),
    Mutation(
        "second factor: a proof counts for ever", GATE,
        "    lately = -_SKEW <= age < settings.SIGN_IN.second_factor_seconds",
        "    lately = -_SKEW <= age", f"{GATE_TESTS} -k for_a_time",
    ),
    Mutation(
        "second factor: a proof outlives its factor", GATE,
        'and Authenticator.objects.filter(pk=proof.get("factor"), user=by).exists()', "and True",
        f"{GATE_TESTS} -k ends_with",
    ),
    Mutation(
        "second factor: a code counts twice", FACTORS,
        "        if not of(user).filter(unused, pk=factor.pk).update(last_used_at=now):",
        "        if not of(user).filter(pk=factor.pk).update(last_used_at=now):",
        f"{FACTOR_TESTS} -k once_for_all",
    ),
    Mutation(
        "second factor: guesses are not spaced", FACTORS,
        "    if wait := attempts.begin(**who, now=time.monotonic()):", "    if wait := 0:",
        f"{FACTOR_TESTS} -k spaced",
    ),
    Mutation(
        "second factor: a session that lies open adds one", PAGE,
        "    return second_factor.is_new(request)\n", "    return True\n",
        f"{PAGE_TESTS} -k lies_open",
    ),
    Mutation(
        "second factor: whoever has one changes them without it", PAGE,
        "        return second_factor.is_fresh(user)\n", "        return True\n",
        f"{PAGE_TESTS} -k before_anything",
    ),
    Mutation(
        "second factor: somebody removes another person's", PAGE,
        "    rows = factors.of(user).exclude(", "    rows = factors.Authenticator.objects.exclude(",
        f"{PAGE_TESTS} -k another_persons",
    ),
]  # fmt: skip
