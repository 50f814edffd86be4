"""Keys of language models: the makers' prefixes, and words that begin alike."""

import pytest

from policies.redaction.families.ai_models import MODEL_RULES
from policies.redaction.families.issued import FILL, HEX_FILL
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("OPENAI_API_KEY=sk-proj-" + FILL[:40], "ai-api-key"),
        ("sk-ant-api03-" + FILL[:40], "ai-api-key"),
        ("using hf_" + FILL[:34], "huggingface-token"),
        ("gsk_" + FILL[:52], "groq-key"),
        ("sk_" + HEX_FILL[:48], "elevenlabs-key"),
        ("ak-" + MIXED[:22] + ".", "modal-token"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(MODEL_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-pipeline-for-regression-tests",  # no digit
        "sk-proj-" + FILL[:10],  # too short
        "hf_transfer downloads the model",
        "fw_version_2_of_the_firmware",
        "ak-" + MIXED[:23],  # one more than a key has
        "task-" + FILL[:40],
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(MODEL_RULES, text) == []
