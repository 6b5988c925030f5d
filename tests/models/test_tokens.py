from __future__ import annotations

import subprocess
import sys

import pytest

from bot.models.tokens import make_counter
from tests.support.paths import ROOT


def test_models_are_counted_with_their_own_table() -> None:
    o200k, cl100k = make_counter("openai/gpt-4o"), make_counter("azure/gpt-4-0613")
    assert o200k("The moot meets at noon.") == cl100k("The moot meets at noon.") == 6
    assert o200k("Bundesverfassungsgericht") < cl100k("Bundesverfassungsgericht")
    assert make_counter("openrouter/openai/gpt-oss-120b")("Bundesverfassungsgericht") == o200k(
        "Bundesverfassungsgericht"
    )


@pytest.mark.parametrize(
    ("model", "factor", "high"),
    [
        ("gpt-4o", 1.0, 1.0),
        ("anthropic/claude-sonnet-4-5", 1.12, 1.4),
        ("bedrock/us.anthropic.claude-sonnet-4-5-v1:0", 1.12, 1.4),
        ("mistral/mistral-large-latest", 1.07, 1.23),
        ("mistral/open-mixtral-8x7b", 1.22, 1.56),
        ("groq/llama-3.3-70b-versatile", 1.01, 1.14),
        ("together_ai/meta-llama/Llama-4-Scout", 0.99, 1.03),
        ("nobody/knows", 1.1, 1.4),
    ],
)
def test_models_without_a_published_table_are_counted_by_their_family(model: str, factor: float, high: float) -> None:
    text = "A chair sums up what the table has said. " * 20
    o200k = make_counter("gpt-4o")(text)
    assert make_counter(model)(text) == round(factor * o200k)
    assert make_counter(model, high=True)(text) == round(high * o200k)


def test_special_tokens_and_broken_text_are_text() -> None:
    count = make_counter("gpt-4o")
    assert count("<|endoftext|>") > 1
    assert count("\ud800\x00") > 0
    assert count("") == 0


def test_counting_needs_neither_litellm_nor_a_network() -> None:
    program = """
import socket, sys
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = refuse
from bot.models.tokens import make_counter
assert make_counter("gpt-4o")("one two") == 2
assert make_counter("gpt-4")("one two") == 2
assert "litellm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_litellm_loads_no_second_table() -> None:
    code = "from bot.models import client; client.load_litellm(); import tiktoken.registry as r; print(*r.ENCODINGS)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("o200k_base\n", "")
