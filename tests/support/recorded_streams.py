"""Recorded streams of providers: how litellm calls their models, and the events in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.servers.model_server import Recording

# what litellm calls each recording's model, and the path before the one it adds itself
LITELLM_MODELS = {
    "anthropic-thinking": ("anthropic/claude-sonnet-4-0", ""),
    "anthropic-web-search": ("anthropic/claude-sonnet-4-0", ""),
    "cohere-text": ("cohere_chat/command-a-03-2025", ""),
    "deepseek-thinking": ("deepseek/deepseek-reasoner", ""),
    "gemini-text": ("gemini/gemini-2.0-flash-exp", "/v1beta"),
    "gemini-thinking": ("gemini/gemini-2.5-pro", "/v1beta"),
    "gemini-web-search": ("gemini/gemini-2.5-pro", "/v1beta"),
    "groq-web-search": ("groq/compound-beta", "/openai/v1"),
    "mistral-thinking": ("mistral/magistral-medium-latest", "/v1"),
    "openai-responses": ("openai/responses/gpt-5", "/v1"),
    "openai-text": ("openai/gpt-4o-mini", "/v1"),
    "openai-text-1": ("openai/gpt-4o-mini", "/v1"),
    "openrouter-cost": ("openrouter/anthropic/claude-haiku-4.5", "/api/v1"),
    "openrouter-error": ("openrouter/minimax/minimax-m2:free", "/api/v1"),
    "openrouter-reasoning": ("openrouter/openai/o3", "/api/v1"),
    "perplexity-cost": ("perplexity/sonar", ""),
    "snowflake-no-finish": ("openai/claude-sonnet-4-6", "/api/v2/cortex/v1"),
    "zai-thinking": ("zai/glm-4.7", "/api/paas/v4"),
}


def read_events(recording: Recording) -> Iterator[dict[str, Any]]:
    for line in recording["sse"].splitlines():
        if line.startswith("data:") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data:"))
