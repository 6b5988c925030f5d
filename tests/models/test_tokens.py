from __future__ import annotations

import subprocess
import sys

from bot.models.tokens import make_counter
from tests.support.paths import ROOT


def test_models_are_counted_with_their_own_table() -> None:
    o200k, cl100k = make_counter("openai/gpt-4o"), make_counter("azure/gpt-4-0613")
    assert o200k("The moot meets at noon.") == cl100k("The moot meets at noon.") == 6
    assert o200k("Bundesverfassungsgericht") < cl100k("Bundesverfassungsgericht")
    assert make_counter("openrouter/openai/gpt-oss-120b")("Bundesverfassungsgericht") == o200k(
        "Bundesverfassungsgericht"
    )


def test_models_without_a_published_table_are_counted_on_the_high_side() -> None:
    text = "A chair sums up what the table has said. " * 20
    assert make_counter("anthropic/claude-sonnet-4-5")(text) == round(1.2 * make_counter("gpt-4o")(text))


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
