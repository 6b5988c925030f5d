"""What looks like a key, whose it is, and what does not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.api_keys import BLANKED, LEAST_AFTER_PREFIX, PREFIXES, blank_api_keys, find_key_issuer

BODY = st.text(string.ascii_letters + string.digits + "_-", max_size=160)
RANDOM = st.text(string.ascii_letters + string.digits, min_size=LEAST_AFTER_PREFIX - 1, max_size=60)
KEYS = st.builds(
    lambda prefix, body, random: f"{prefix}{body}{random}7", st.sampled_from(sorted(PREFIXES)), BODY, RANDOM
)
AROUND = st.sampled_from(["", " ", "\n", '"', "=", ": ", "`", "「", "。", "(", ")"])
HEX = "0123456789abcdef"
DISCORD = "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + "ZnCjm1XVW7vRze4b7Cq4se7kKWs"
OTHERS = {
    DISCORD: "Discord",
    f"/api/webhooks/123456789012345678/{HEX * 4}wxyz": "Discord",
    f"hooks.slack.com/services/T0123ABCD/B0123ABCD/{HEX}{HEX[:8]}": "Slack",
    "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0": "Telegram",
    "-----BEGIN OPENSSH PRIVATE KEY-----": "its owner (a private key)",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----": "its owner (a private key)",
    f"{HEX * 2}.Ab1{HEX[3:]}": "Z.ai",
    f"{HEX * 3}WXYZJQQJ99{HEX}XJ": "Azure",
    f"dapi{HEX * 2}": "Databricks",
    f"fc-{HEX * 2}": "Firecrawl",
    f"BSA{HEX}-_{HEX[:10]}": "Brave",
    f"SG.{HEX}-_wxyz.{HEX * 2}-_{HEX[:9]}": "SendGrid",
    f"eyJhbGciOiJIUzI1NiJ9xx.eyJzdWIiOiJ4In0.{HEX * 2}": "whoever has signed it",
    f"hf_{string.ascii_letters[9:43]}": "Hugging Face",  # letters alone
    f"lin_api_{HEX}{HEX}": "Linear",
    f"dop_v1_{HEX * 4}": "DigitalOcean",
    f"tskey-auth-{HEX}CNTRL-{HEX}": "Tailscale",
    f"pa-{HEX}-_{HEX}": "Voyage",
    f"hvs.{HEX * 5}": "HashiCorp Vault",
    f"sk-ant-api03-\n{HEX * 5}": "Anthropic",  # as a narrow window wraps it
    f"sk-ant-api03-{HEX}-_\n> {HEX * 3}": "Anthropic",
}
NAMED = [
    "MISTRAL_API_KEY=",
    "apiKey: '",
    '"api-key": "',
    "aws_secret_access_key = ",
    "Authorization: Bearer ",
    "my access token: ",
    "HF_TOKEN=",
    "export OPENAI_KEY='",
    "mein API-Schlüssel: ",
    "ma clé API : ",
    "mi clave de API: ",
]


@given(KEYS, AROUND, AROUND)
def test_a_key_is_found_wherever_it_stands(key: str, before: str, after: str) -> None:
    text = f"Why is this refused? {before}{key}{after} It was made today."
    assert find_key_issuer(text) is not None
    blanked = blank_api_keys(text)
    assert (key in blanked, BLANKED in blanked) == (False, True)
    assert find_key_issuer(blanked) is None


@pytest.mark.parametrize(("key", "issuer"), OTHERS.items())
def test_other_shapes_are_known(key: str, issuer: str) -> None:
    assert find_key_issuer(f"my key {key}") == issuer
    assert key not in blank_api_keys(f"my key {key}")


@pytest.mark.parametrize("name", NAMED)
def test_a_key_without_a_shape_is_known_by_what_is_said_of_it(name: str) -> None:
    key = HEX * 2
    assert find_key_issuer(f"curl with {name}{key}'") == "the service that it is for"
    assert blank_api_keys(f"curl with {name}{key}'") == f"curl with {name}{BLANKED}'"
    assert find_key_issuer(f"curl with {name}your-own-key-goes-here-please'") is None


@pytest.mark.parametrize(
    "block",
    [
        f"-----BEGIN PRIVATE KEY-----\n{HEX * 4}\n{HEX}==\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{HEX}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\\n{HEX * 4}\\n-----END PRIVATE KEY-----\\n",
        f"-----BEGIN PRIVATE KEY-----\n{HEX * 4}\n{HEX * 4}",  # cut off
    ],
)
def test_a_private_key_goes_with_all_its_lines(block: str) -> None:
    assert HEX not in (blanked := blank_api_keys(f"Mine is\n{block}\nand it fails."))
    assert blanked.startswith(f"Mine is\n{BLANKED}")
    assert blanked.endswith("and it fails.")


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
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
        "<div class='sk-top-container' id='sk-container-id-1'> and .sk-fading-circle12",  # scikit-learn's, SpinKit's
        "pplx-7b-chat-alpha, xai-grok-4-fast-reasoning, sk-hynix-ddr5-8gb",
        "npm_package_version_1_2_3, hf_hub_download_v2_files, r8_snorm_srgb_8bit, fw_update_2_0_1",
        "sk-ant-your-key-here-123 or xoxb-your-token-here-1",
        "index-DiwrgTda1.js, api_key = os.environ['OPENAI_API_KEY_OF_THE_TEAM'], the bearer of 24 shares",
        "-----BEGIN CERTIFICATE-----",
        "3.11.7.post1 MOOT_DISCORD__TOKEN",
        "",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert find_key_issuer(text) is None
    assert blank_api_keys(text) == text
