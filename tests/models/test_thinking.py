"""Thinking that models write into their text: what counts as it, however the text is divided, and what never does."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.thinking import ThoughtSplitter
from bot.models.transforms import split_thinking
from tests.support.answers import Heard, divided, texts, through

HARMONY = "<|channel|>analysis<|message|>They ask for tabs.<|end|><|start|>assistant<|channel|>final<|message|>Tabs."
IN_A_FENCE = "Write:\n```html\n<think>hm</think>\n</think>\n```\nThat is all."

# (what a model wrote, what of it is the answer, what is thinking)
TOLD = [
    ("<think>hm\nso</think>\n\nYes.", "Yes.", "hm\nso"),
    ("<thinking>hm</thinking>Yes.", "Yes.", "hm"),
    ("<THINK>hm</Think> Yes.", "Yes.", "hm"),
    ("\n\n<think>\n\n</think>\n\nYes.", "Yes.", "\n\n"),
    ("<think>one</think><think>two</think>Yes", "Yes", "onetwo"),
    ("<think>hm</thinking>Yes", "Yes", "hm"),
    ("<think>never closed", "", "never closed"),
    ("<thought>hm</thought>Yes", "Yes", "hm"),
    ("<reasoning>hm</reasoning>Yes", "Yes", "hm"),
    ("<seed:think>hm</seed:think>Yes", "Yes", "hm"),
    ("[THINK]hm[/THINK]Yes", "Yes", "hm"),
    ("◁think▷hm◁/think▷Yes", "Yes", "hm"),
    ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Yes<|END_RESPONSE|>", "Yes", "hm"),
    ("<|channel>thought\nhm<channel|>Yes", "Yes", "\nhm"),
    ("<|inner_prefix|>hm<|inner_suffix|>Yes", "Yes", "hm"),
    ("<unused94>thought\nhm<unused95>Yes", "Yes", "thought\nhm"),
    ("<longcat_think>hm</longcat_think>\nYes", "Yes", "hm"),
    ("<antThinking>hm</antThinking>Yes", "Yes", "hm"),
    ("\ufeff<think>hm</think>Yes", "Yes", "hm"),
    ("\u200b\n<think>hm</think>\u200bYes", "Yes", "hm"),
    (HARMONY, "Tabs.", "They ask for tabs."),
    (HARMONY + "<|return|>", "Tabs.", "They ask for tabs."),
    (f"<|start|>assistant{HARMONY}", "Tabs.", "They ask for tabs."),
    ("<|channel|>final<|message|>Tabs.<|return|>", "Tabs.", ""),
    ('<|channel|>final <|constrain|>json<|message|>{"a": 1}', '{"a": 1}', ""),
    ("<|channel|>analysis<|message|>hm<|channel|>final<|message|>Tabs.", "Tabs.", "hm"),
    ("<|channel|>analysis<|message|>hm", "", "hm"),
    (
        "<|channel|>analysis<|message|>one<|end|><|start|>assistant<|channel|>commentary<|message|>two<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Tabs.",
        "Tabs.",
        "onetwo",
    ),
    ("They ask.<|end|><|start|>assistant<|channel|>final<|message|>Tabs.", "Tabs.", "They ask."),
    ("analysisThey ask for tabs.assistantfinalTabs.", "Tabs.", "They ask for tabs."),
    # what a chat template ends an answer with
    ("Tabs.<|im_end|>", "Tabs.", ""),
    ("Tabs.<|eot_id|>\n", "Tabs.", ""),
    ("Tabs.\n</s></s> <|endoftext|>", "Tabs.\n", ""),
    ("<think>hm</think>Tabs.<end_of_turn>", "Tabs.", "hm"),
    ("A turn ends with <|im_end|> there.", "A turn ends with <|im_end|> there.", ""),
    ("It ends with `<|im_end|>`", "It ends with `<|im_end|>`", ""),
    ("```\n<|im_end|>\n```", "```\n<|im_end|>\n```", ""),
    ("a </s> b <|eot_id|> c", "a </s> b <|eot_id|> c", ""),
    ("Tabs.<｜end▁of▁sentence｜>", "Tabs.", ""),
    ("Tabs.<|end|>\n", "Tabs.", ""),
    ("Tabs.<|return|>", "Tabs.", ""),
    ("Tabs.<|END_OF_TURN_TOKEN|>", "Tabs.", ""),
    ("Tabs.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "Tabs.", ""),
    ("<|start_header_id|>assistant<|end_header_id|>\n\nTabs.", "Tabs.", ""),
    # what stands round an answer
    ("<think>hm</think>\n<answer>\nTabs.</answer>", "Tabs.", "hm"),
    ("<think>hm</think>\n\n<response>Tabs.</response>\n", "Tabs.\n", "hm"),
    ("hm\n</think>\n<answer>Tabs.</answer>", "Tabs.", "hm\n"),
    ("<think>hm</think><answer>So <|begin_of_box|>7<|end_of_box|>.</answer>", "So 7.", "hm"),
    ("<|begin_of_box|>7<|end_of_box|>", "7", ""),
    ("Use `<|begin_of_box|>` here", "Use `<|begin_of_box|>` here", ""),
    ("<answer>is a tag</answer>", "<answer>is a tag</answer>", ""),
    ("<think>hm</think>Write <answer>x</answer>.", "Write <answer>x</answer>.", "hm"),
    # thinking whose beginning stood in the prompt
    ("Okay, the user asks.\n</think>\n\nTabs.", "Tabs.", "Okay, the user asks.\n"),
    ("Okay.</think>Tabs.", "Tabs.", "Okay."),
    ("so tabs it is</think>\n\nTabs.", "Tabs.", "so tabs it is"),
    ("Okay. </think> Tabs.", "Tabs.", "Okay. "),
    ("Okay.\n</thinking>\nTabs.", "Tabs.", "Okay.\n"),
    ("Okay.\n[/THINK]Tabs.", "Tabs.", "Okay.\n"),
    ("One.\n</think>\nTwo.\n</think>\nTabs.", "Tabs.", "One.\nTwo.\n"),
    ("I may use <think> here.\n</think>\nTabs.", "Tabs.", "I may use <think> here.\n"),
    ("<think>hm</think>\n\n</think>\n\nTabs.", "Tabs.", "hm"),
    ("</think>\n\nTabs.", "Tabs.", ""),
    ("Tabs.\n</think>", "Tabs.\n", ""),
    ("Tabs.\n</think>\n\n", "Tabs.\n", ""),
    # what only speaks of it
    ("The tag <think> starts reasoning and goes on.", "The tag <think> starts reasoning and goes on.", ""),
    ("Yes. <think>hm</think> No.", "Yes. <think>hm</think> No.", ""),
    ("Close it with </think> at the end.", "Close it with </think> at the end.", ""),
    ("Between <think> and </think> it thinks.", "Between <think> and </think> it thinks.", ""),
    ("So:\n<think>\nhm\n</think>\nThen.", "So:\n<think>\nhm\n</think>\nThen.", ""),
    ("The tags “<think>” and “</think>”.", "The tags “<think>” and “</think>”.", ""),
    ("`<think>` and `</think>` are tags", "`<think>` and `</think>` are tags", ""),
    ("End it with `x</think>`.", "End it with `x</think>`.", ""),
    ("**</think>** ends it", "**</think>** ends it", ""),
    (IN_A_FENCE, IN_A_FENCE, ""),
    ("~~~\n```\n</think>\n~~~", "~~~\n```\n</think>\n~~~", ""),
    ("```\n<think>\n```", "```\n<think>\n```", ""),
    (f"Harmony:\n```\n{HARMONY}\n```", f"Harmony:\n```\n{HARMONY}\n```", ""),
    ("A message ends with <|end|> there.", "A message ends with <|end|> there.", ""),
    ("Use the `<think>` tag <thinker> 3 < 4 <thin", "Use the `<think>` tag <thinker> 3 < 4 <thin", ""),
    ("analysis of tabs", "analysis of tabs", ""),
    ("<|channel|>analysis is a head", "<|channel|>analysis is a head", ""),
    ("[1] is a link, [think about it]", "[1] is a link, [think about it]", ""),
    ("  \nYes", "  \nYes", ""),
    ("\n" * 400 + "Yes", "\n" * 400 + "Yes", ""),
    ("", "", ""),
]


def told(pieces: Iterable[str]) -> Heard:
    return through(split_thinking, texts(pieces))


@pytest.mark.parametrize(("whole", "text", "thinking"), TOLD)
@given(at=st.lists(st.integers(0, 10_000), max_size=30))
def test_thinking_is_parted_from_the_answer_however_it_is_divided(
    whole: str, text: str, thinking: str, at: list[int]
) -> None:
    heard = told(divided(whole, at))
    assert (heard.text, heard.thinking, heard.ending) == (text, thinking, "done")


@pytest.mark.parametrize(("whole", "text", "thinking"), TOLD)
def test_and_when_it_comes_letter_by_letter(whole: str, text: str, thinking: str) -> None:
    heard = told(whole)
    assert (heard.text, heard.thinking) == (text, thinking)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "\n", "q ", "```", "`", "<|channel|>final<|message|>", "<|end|>"]))
)
def test_nothing_is_invented_and_no_word_is_lost(pieces: list[str]) -> None:
    heard = told(pieces)
    assert (heard.text + heard.thinking).count("q") == "".join(pieces).count("q")


HOSTILE = (
    "<",
    "[",
    "◁",
    "</think>",
    "<think>",
    "<|end|>",
    "<|channel|>",
    "<|start|>",
    " ",
    "\n",
    "`",
    "a</think>",
    "analysis",
)


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("begun", ["", "x\n", "<think>", "<|channel|>analysis<|message|>", "analysisA"])
def test_the_work_grows_with_the_text_and_no_faster(piece: str, begun: str) -> None:
    """What is held back is short, so no step reads more than its own text and that."""
    splitter = ThoughtSplitter()
    splitter.feed(begun)
    for _ in range(2_000):
        splitter.feed(piece)
        assert len(splitter._held) < 400
