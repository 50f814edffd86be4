"""The built-in redaction rules in the order in which they mask.

What names the issuer comes before what only guesses from the context, so that a mask says the most
it can. The tables are in policies.redaction.families, an example with each rule; examples are made
up and split after the prefix, so that scanners of source code do not report them.
"""

from __future__ import annotations

from typing import Final

from policies.redaction.families.ai_models import MODEL_RULES
from policies.redaction.families.clouds import CLOUD_RULES
from policies.redaction.families.code import CODE_RULES
from policies.redaction.families.context import CONTEXT_RULES, FORM_RULES
from policies.redaction.families.messaging import MESSAGING_RULES
from policies.redaction.families.payments import PAYMENT_RULES
from policies.redaction.families.people import PEOPLE_RULES
from policies.redaction.families.platforms import PLATFORM_RULES
from policies.redaction.families.tools import TOOL_RULES
from policies.redaction.rules import Rule

_KEYS: Final = (
    Rule(
        name="private-key",
        pattern=(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            # Without an end: all of it. (To stop sooner and look again would be quadratic.)
            r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
        ),
        hint=r"PRIVATE KEY(?: BLOCK)?-----",
        example="-----BEGIN RSA " + "PRIVATE KEY-----\\nMIIEow==\\n-----END RSA PRIVATE KEY-----",
        family="private keys",
        form="-----BEGIN .. PRIVATE KEY----- to its end, also line by line",
    ),
)

BUILTIN_RULES: Final[tuple[Rule, ...]] = (
    *_KEYS, *CLOUD_RULES, *CODE_RULES, *MESSAGING_RULES, *PAYMENT_RULES,
    *PLATFORM_RULES, *MODEL_RULES, *TOOL_RULES, *FORM_RULES, *CONTEXT_RULES,
    *PEOPLE_RULES,
)  # fmt: skip
