from __future__ import annotations

from typing import Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.asks import Part, Role
from bot.models.errors import ProviderError
from bot.models.tokens import make_counter
from bot.models.window import CUT_MARK, fit_messages

Cut = Literal["never", "tail", "drop"]
FRAME = 4  # what fit_messages charges for a part's frame or joint

words = st.lists(
    st.sampled_from(
        [
            "moot",
            "Ünïcödé",
            "don't",
            "12345",
            "漢字仮名",
            "، ",
            "_x",
            "\n\n",
            " ",
            "  ",
            "👩‍🚀",
            "…",
            ")",
            "/",
            "\t",
            "é",
        ]
    )
).map("".join)
roles: st.SearchStrategy[Role] = st.sampled_from(get_args(Role))
cuts: st.SearchStrategy[Cut] = st.sampled_from(get_args(Cut))


@st.composite
def some_parts(draw: st.DrawFn) -> list[Part]:
    """Each part is a run of a letter of its own, so that what is left of it can be counted in the messages."""
    parts = []
    for i in range(draw(st.integers(0, 9))):
        text = chr(0x4E00 + i) * draw(st.integers(0, 60))
        parts.append(Part(draw(roles), text, priority=draw(st.integers(0, 3)), cut=draw(cuts)))
    return parts


def left_of(parts: list[Part], messages: list[dict[str, str]]) -> list[int]:
    said = "".join(message["content"] for message in messages)
    return [said.count(part.text[0]) if part.text else 0 for part in parts]


def fitted(parts: list[Part], room: int) -> list[dict[str, str]] | None:
    try:
        return fit_messages(parts, room + 10, 10, len).messages
    except ProviderError:
        return None


@settings(deadline=None)
@given(some_parts(), st.integers(0, 400))
def test_what_is_fitted_is_never_over_the_window(parts: list[Part], room: int) -> None:
    messages = fitted(parts, room)
    must = [part for part in parts if part.cut == "never" and part.text]
    assert (messages is None) == (sum(len(part.text) + FRAME for part in must) > room)
    assert messages is None or sum(len(m["content"]) + FRAME for m in messages) <= room


@settings(deadline=None)
@given(some_parts(), st.integers(0, 400))
def test_parts_that_must_stay_are_whole_and_all_are_in_order(parts: list[Part], room: int) -> None:
    messages = fitted(parts, room) or []
    left = left_of(parts, messages) if messages else [0] * len(parts)
    for part, count in zip(parts, left, strict=True):
        assert count <= len(part.text)
        assert (
            part.cut == "tail"
            or not messages
            or count in ({len(part.text)} if part.cut == "never" else {0, len(part.text)})
        )
    said = [c for message in messages for c in message["content"] if ord(c) >= 0x4E00]
    assert said == sorted(said)


@settings(deadline=None)
@given(some_parts(), st.integers(0, 400))
def test_a_lower_priority_is_gone_before_a_higher_one_gives_way(parts: list[Part], room: int) -> None:
    if (messages := fitted(parts, room)) is None:
        return
    left = left_of(parts, messages)
    harmed = [p.priority for p, count in zip(parts, left, strict=True) if count < len(p.text)]
    for part, count in zip(parts, left, strict=True):
        if harmed and part.cut != "never" and part.priority < max(harmed):
            assert count == 0


@settings(deadline=None)
@given(some_parts(), st.integers(0, 400))
def test_nothing_is_cut_that_fits_and_a_cut_is_marked(parts: list[Part], room: int) -> None:
    if (messages := fitted(parts, room)) is None:
        return
    left = left_of(parts, messages)
    needed = sum(len(part.text) + FRAME for part in parts if part.text)
    if needed <= room:
        assert left == [len(part.text) for part in parts]
    shortened = sum(0 < count < len(part.text) for part, count in zip(parts, left, strict=True))
    assert sum(message["content"].count(CUT_MARK) for message in messages) == shortened


@settings(deadline=None)
@given(some_parts(), st.integers(0, 400))
def test_what_was_fitted_fits(parts: list[Part], room: int) -> None:
    if (messages := fitted(parts, room)) is None:
        return
    again = [Part(part["role"], part["content"]) for part in messages]  # type: ignore[arg-type]  # roles of ours
    assert fitted(again, room) == messages


@settings(deadline=None)
@given(st.lists(st.builds(Part, roles, words, st.integers(0, 2), cuts), max_size=6))
def test_real_counts_hold_for_the_messages_as_they_are_sent(parts: list[Part]) -> None:
    count = make_counter("gpt-4o")
    try:
        messages = fit_messages(parts, 60, 20, count).messages
    except ProviderError:
        return
    assert sum(count(m["content"]) + FRAME for m in messages) <= 40


def test_consecutive_parts_of_a_role_are_one_message() -> None:
    parts = [
        Part("system", "Be brief."),
        Part("user", "Why?"),
        Part("user", ""),
        Part("user", "Go on."),
        Part("assistant", "So."),
    ]
    assert fit_messages(parts, None, 0, len).messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?\n\nGo on."},
        {"role": "assistant", "content": "So."},
    ]


def test_seats_of_one_priority_are_cut_to_one_length() -> None:
    answers = [Part("user", letter * length, cut="tail") for letter, length in [("a", 500), ("b", 80), ("c", 900)]]
    left = left_of(answers, fit_messages(answers, 400, 0, len).messages)
    assert left[0] == left[2] > left[1] == 80


def test_of_equals_the_earliest_is_dropped_first() -> None:
    rounds = [Part("user", letter * 50, cut="drop") for letter in "abc"]
    assert left_of(rounds, fit_messages(rounds, 120, 0, len).messages) == [0, 50, 50]


def test_what_is_too_long_says_how_much() -> None:
    with pytest.raises(
        ProviderError, match=r"takes 5,004 tokens; the model reads 4,096, of which 1,000 are kept"
    ) as caught:
        fit_messages([Part("user", "x" * 5000)], 4096, 1000, len)
    assert caught.value.kind == "window"
