"""The shapes of API keys: what a text holds that looks like one, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

# Issuers give their keys prefixes so that leaked ones can be found. Longer prefixes come first.
PREFIXES: Mapping[str, str] = {
    "sk-ant-": "Anthropic",
    "sk-or-": "OpenRouter",
    "sk-": "OpenAI or a service like it",
    "AIza": "Google",
    "AQ.": "Google",
    "ya29.": "Google",
    "GOCSPX-": "Google",
    "gsk_": "Groq",
    "xai-": "xAI",
    "pplx-": "Perplexity",
    "tvly-": "Tavily",
    "jina_": "Jina",
    "r8_": "Replicate",
    "hf_": "Hugging Face",
    "csk-": "Cerebras",
    "fw_": "Fireworks",
    "tgp_v1_": "Together",
    "nvapi-": "NVIDIA",
    "vck_": "Vercel",
    "pcsk_": "Pinecone",
    "lsv2_": "LangSmith",
    "ghp_": "GitHub",
    "gho_": "GitHub",
    "ghu_": "GitHub",
    "ghs_": "GitHub",
    "ghr_": "GitHub",
    "github_pat_": "GitHub",
    "glpat-": "GitLab",
    "gldt-": "GitLab",
    "glrt-": "GitLab",
    "xoxa-": "Slack",
    "xoxb-": "Slack",
    "xoxc-": "Slack",
    "xoxd-": "Slack",
    "xoxe-": "Slack",
    "xoxp-": "Slack",
    "xoxr-": "Slack",
    "xoxs-": "Slack",
    "xwfp-": "Slack",
    "xapp-": "Slack",
    "AKIA": "AWS",
    "ASIA": "AWS",
    "ABSK": "AWS",
    "bedrock-api-key-": "AWS",
    "sk_live_": "Stripe",
    "rk_live_": "Stripe",
    "sk_": "ElevenLabs or a service like it",
    "ntn_": "Notion",
    "sb_secret_": "Supabase",
    "dckr_pat_": "Docker",
    "npm_": "npm",
    "pypi-": "PyPI",
    "pa-": "Voyage",
    "cpk_": "Chutes",
    "tskey-": "Tailscale",
    "PMAK-": "Postman",
    "ATATT3": "Atlassian",
    "lin_api_": "Linear",
    "figd_": "Figma",
    "dop_v1_": "DigitalOcean",
    "shpat_": "Shopify",
    "glsa_": "Grafana",
    "sbp_": "Supabase",
    "nfp_": "Netlify",
    "hvs.": "HashiCorp Vault",
    "sntrys_": "Sentry",
    "whsec_": "Stripe or a service like it",
}
BLANKED = "[key removed]"
LEAST_AFTER_PREFIX = 12  # characters; with the prefix no issuer's key is shorter
_KNOWN = "|".join(map(re.escape, PREFIXES))
# What follows a prefix, maybe broken over lines.
_PREFIXED = re.compile(
    rf"(?<![\w-])({_KNOWN})([\w-]*(?:[ \t\r]*\n[ \t>]*(?=[\w-]*\d)[\w-]{{16,}})*)",
    re.ASCII,
)
# Some issuers' keys are letters and digits alone, and are known by what is said of them.
_NAMED = re.compile(
    r"((?:(?:api|access|secret)[_ -]?(?:key|token|schlüssel)|clé (?:d'|d’)?api|clave (?:de )?api|"
    r"(?-i:\b[A-Z][A-Z0-9_]{1,40}_(?:KEY|TOKEN|SECRET)))[\"'`]?\s{0,3}[=:]\s{0,3}[\"'`]?|\bbearer\s{1,3})"
    r"([\w+/-]{24,})",
    re.ASCII | re.IGNORECASE,
)
_UNKNOWN = "the service that it is for"
_SHAPED: Mapping[str, re.Pattern[str]] = {
    "Discord": re.compile(
        r"(?<![\w.-])[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,45}(?![\w-])|/api/webhooks/\d{17,20}/[\w-]{60,80}", re.ASCII
    ),
    "Slack": re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]{20,80}", re.ASCII),
    "Telegram": re.compile(r"(?<![\w:])\d{8,10}:AA[\w-]{33}(?![\w-])", re.ASCII),
    "Brave": re.compile(r"(?<![\w-])BSA(?=[\w-]*\d)[\w-]{28}(?![\w-])", re.ASCII),
    "Firecrawl": re.compile(r"(?<![\w-])fc-[0-9a-f]{32}(?!\w)"),
    "Z.ai": re.compile(r"(?<![\w.])[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![\w.])"),
    "Azure": re.compile(r"(?<!\w)\w{52}JQQJ99\w{18,34}(?!\w)", re.ASCII),
    "Databricks": re.compile(r"(?<!\w)dapi[0-9a-f]{32}(?!\w)"),
    "SendGrid": re.compile(r"(?<!\w)SG\.[\w-]{22}\.[\w-]{43}(?![\w-])", re.ASCII),
    "whoever has signed it": re.compile(r"(?<![\w-])eyJ[\w-]{15,}\.eyJ[\w-]{10,}\.[\w-]{20,}", re.ASCII),
    "its owner (a private key)": re.compile(
        r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!----))*+-----END [A-Z ]{1,40}-----|(?:\s*+[A-Za-z0-9+/=]{16,}+)*+)"
    ),
}


def is_key_body(written: str) -> bool:
    """Tell what follows a prefix in a key from the rest of a name, such as `sk-container-id-1`: a part is no word."""
    return len(written) >= LEAST_AFTER_PREFIX and any(map(_is_random, re.split(r"[^A-Za-z0-9]", written)))


def _is_random(part: str) -> bool:
    if any(map(str.isdigit, part)):
        return len(part) >= 9
    return len(part) >= 30 and not (part.islower() or part.isupper())


def blank_api_keys(text: str) -> str:
    """Return a text with a mark in place of whatever looks like an API key."""
    for shape in _SHAPED.values():
        text = shape.sub(BLANKED, text)
    text = _PREFIXED.sub(lambda found: BLANKED if is_key_body(found[2]) else found[0], text)
    return _NAMED.sub(lambda found: found[1] + BLANKED if is_key_body(found[2]) else found[0], text)


def find_key_issuer(text: str) -> str | None:
    """Return who has issued a thing in a text that looks like an API key; None where nothing does."""
    prefixed = (PREFIXES[found[1]] for found in _PREFIXED.finditer(text) if is_key_body(found[2]))
    shaped = (issuer for issuer, shape in _SHAPED.items() if shape.search(text))
    named = (_UNKNOWN for found in _NAMED.finditer(text) if is_key_body(found[2]))
    return next(chain(prefixed, shaped, named), None)
