"""What looks like a key, whose it is, and what does not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.api_keys import BLANKED, LEAST_AFTER_PREFIX, PREFIXES, blank_api_keys, find_key_issuer

BODY = st.text(string.ascii_letters + string.digits + "_-", min_size=LEAST_AFTER_PREFIX, max_size=160)
KEYS = st.builds(lambda prefix, body: f"{prefix}{body}7", st.sampled_from(sorted(PREFIXES)), BODY)
AROUND = st.sampled_from(["", " ", "\n", '"', "=", ": ", "`", "「", "。", "(", ")"])
DISCORD = "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + "ZnCjm1XVW7vRze4b7Cq4se7kKWs"
OTHERS = {
    DISCORD: "Discord",
    "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0": "Telegram",
    "-----BEGIN OPENSSH PRIVATE KEY-----": "its owner (a private key)",
}


@given(KEYS, AROUND, AROUND)
def test_a_key_is_found_wherever_it_stands(key: str, before: str, after: str) -> None:
    text = f"Why is this refused? {before}{key}{after} It was made today."
    assert find_key_issuer(text) in PREFIXES.values()
    blanked = blank_api_keys(text)
    assert (key in blanked, BLANKED in blanked) == (False, True)
    assert find_key_issuer(blanked) is None


@pytest.mark.parametrize(("key", "issuer"), OTHERS.items())
def test_other_shapes_are_known(key: str, issuer: str) -> None:
    assert find_key_issuer(f"my key {key}") == issuer
    assert key not in blank_api_keys(f"my key {key}")


@pytest.mark.parametrize(
    ("key", "issuer"), [("sk-ant-api03-abcdefghij1", "Anthropic"), ("sk-or-v1-0123456789abcdef", "OpenRouter")]
)
def test_the_longest_prefix_tells_the_issuer(key: str, issuer: str) -> None:
    assert find_key_issuer(key) == issuer


@pytest.mark.parametrize(
    "text",
    [
        "Why do keys begin with sk- or AIza?",
        "Use sk-... or sk-xxxxxxxxxxxxxxxxxxxx here",
        "a task-force-of-risk-takers2024 and disk-encryption-with-4-keys",
        "https://example.org/hf_transfer and the npm_config_registry variable",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "3.11.7.post1 MOOT_DISCORD__TOKEN",
        "",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert find_key_issuer(text) is None
    assert blank_api_keys(text) == text
