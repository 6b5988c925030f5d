"""The shapes of API keys: what a text holds that looks like one, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Issuers give their keys prefixes so that leaked ones can be found. Longer prefixes come first.
PREFIXES: Mapping[str, str] = {
    "sk-ant-": "Anthropic",
    "sk-or-": "OpenRouter",
    "sk-": "OpenAI or a service like it",
    "AIza": "Google",
    "gsk_": "Groq",
    "xai-": "xAI",
    "pplx-": "Perplexity",
    "tvly-": "Tavily",
    "r8_": "Replicate",
    "hf_": "Hugging Face",
    "ghp_": "GitHub",
    "gho_": "GitHub",
    "ghs_": "GitHub",
    "github_pat_": "GitHub",
    "glpat-": "GitLab",
    "xoxb-": "Slack",
    "xoxp-": "Slack",
    "xoxe-": "Slack",
    "xapp-": "Slack",
    "AKIA": "AWS",
    "ASIA": "AWS",
    "sk_live_": "Stripe",
    "rk_live_": "Stripe",
    "npm_": "npm",
    "pypi-": "PyPI",
}
BLANKED = "[key removed]"
LEAST_AFTER_PREFIX = 12  # characters; with the prefix no issuer's key is shorter
_KNOWN = "|".join(map(re.escape, PREFIXES))
# A digit tells a key from a long hyphenated word.
_PREFIXED = re.compile(rf"(?<![\w-])({_KNOWN})(?=[\w-]*\d)[\w-]{{{LEAST_AFTER_PREFIX},}}", re.ASCII)
_OTHERS: Mapping[str, re.Pattern[str]] = {
    "Discord": re.compile(r"(?<![\w.-])[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,45}(?![\w-])", re.ASCII),
    "Telegram": re.compile(r"(?<![\w:])\d{8,10}:AA[\w-]{33}(?![\w-])", re.ASCII),
    "its owner (a private key)": re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----"),
}


def blank_api_keys(text: str) -> str:
    """Return a text with a mark in place of whatever looks like an API key."""
    for shape in (_PREFIXED, *_OTHERS.values()):
        text = shape.sub(BLANKED, text)
    return text


def find_key_issuer(text: str) -> str | None:
    """Return who has issued the first thing in a text that looks like an API key; None where nothing does."""
    if found := _PREFIXED.search(text):
        return PREFIXES[found[1]]
    return next((issuer for issuer, shape in _OTHERS.items() if shape.search(text)), None)
