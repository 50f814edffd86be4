"""Credentials of language models and the tools around them."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import has_digit, is_mixed
from policies.redaction.families.issued import (
    ALNUM,
    HEX,
    WORD,
    issued,
)

MODEL_RULES: Final = (
    issued("ai-api-key", "OpenAI, Anthropic, DeepSeek, OpenRouter, Langfuse",
           "sk-proj- sk-ant- sk-svcacct- sk-admin- sk-or- sk-lf- sk-", WORD, 20, check=has_digit),
    issued("huggingface-token", "Hugging Face", "hf_ api_org_", ALNUM, 30),
    issued("groq-key", "Groq", "gsk_", ALNUM, 40),
    issued("perplexity-key", "Perplexity", "pplx-", ALNUM, 40),
    issued("replicate-token", "Replicate", "r8_", ALNUM, 32),
    issued("xai-key", "xAI", "xai-", ALNUM, 60),
    issued("nvidia-key", "NVIDIA", "nvapi-", WORD, 40),
    issued("langsmith-key", "LangSmith", "lsv2_pt_ lsv2_sk_ ls__", ALNUM + "_", 32),
    issued("elevenlabs-key", "ElevenLabs", "sk_", HEX, 48),
    issued("voyage-key", "Voyage AI", "pa-", WORD, 43, check=is_mixed, exact=True),
    issued("pinecone-key", "Pinecone", "pcsk_", ALNUM + "_", 50),
    issued("tavily-key", "Tavily", "tvly-", WORD, 24, check=has_digit),
    issued("firecrawl-key", "Firecrawl", "fc-", HEX, 32, exact=True),
    issued("e2b-key", "E2B", "e2b_", HEX, 40),
    issued("jina-key", "Jina AI", "jina_", WORD, 40),
    issued("cerebras-key", "Cerebras", "csk-", "a-z0-9", 40),
    issued("together-key", "Together AI", "tgp_v1_", WORD, 40),
    issued("fireworks-key", "Fireworks AI", "fw_", ALNUM, 22, check=is_mixed),
    issued("modal-token", "Modal", "ak- as-", ALNUM, 22, exact=True, check=is_mixed),
    issued("wandb-key", "Weights & Biases", "wandb_v1_", ALNUM + "_", 40),
)  # fmt: skip
