"""Marker lines of the prompt that a model repeats: they are dropped, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.asks import Ask, Part
from bot.formats.common import frame
from bot.models.frames import MarkerFilter, find_codes
from tests.servers.model_server import ModelServer, answer
from tests.support.answers import SEAT, hear, make_model, open_speaker

CODE = "bd13ac92"
DROPPED = [
    (f"[the question | {CODE}]\nTabs.", "Tabs."),
    (f"Tabs.\n[end of the review by Skeptic | {CODE}]", "Tabs.\n"),
    (f"Tabs.\n[end of the review by Skeptic | {CODE}]\n", "Tabs.\n"),
    (f"One.\n[answer A | {CODE}]\nTwo.", "One.\nTwo."),
    (f"One.\n  [answer A | {CODE}]  \nTwo.", "One.\n  Two."),
    (f"One. [answer A | {CODE}] Two.", "One.  Two."),
    (f"[answer A | {CODE}][end of answer A | {CODE}]\n\nTabs.", "\nTabs."),
    (f"[remark from Bob [admin] | {CODE}]\nTabs.", "Tabs."),
    (f"Tabs.\n[end of answer A | {CODE}", "Tabs.\n"),
    (f"Tabs.\n[end of answer A | {CODE}\nSo.", "Tabs.\nSo."),
    (f"[{CODE}] FINAL RANKING: B > A", "FINAL RANKING: B > A"),
    (f'{{"ranking": ["B", "A"], "why": "[answer A | {CODE}]"}}', '{"ranking": ["B", "A"], "why": ""}'),
]
KEPT = [
    "[answer A | 00000000]\nTabs.",
    f"The code is {CODE}.",
    "See [the docs](https://x.example/a) and [1].",
    "- [ ] one\n- [x] two",
    "a[0] = [1, [2, 3]]",
    "[" * 1_000,
    "[never closed\nand on",
    "[" + "a long label " * 100 + "]",
    "",
]


def filtered(pieces: Iterable[str]) -> str:
    markers = MarkerFilter((CODE,))
    return "".join(map(markers.feed, pieces)) + markers.flush()


@pytest.mark.parametrize(("said", "shown"), [*DROPPED, *((text, text) for text in KEPT)])
@given(at=st.lists(st.integers(0, 10_000), max_size=30))
def test_a_marker_is_dropped_however_it_is_divided(said: str, shown: str, at: list[int]) -> None:
    places = [0, *sorted(n % (len(said) + 1) for n in at), len(said)]
    assert filtered(said[a:b] for a, b in pairwise(places)) == shown
    assert filtered(said) == shown, "letter by letter"


def test_codes_are_those_of_the_asks_own_frames() -> None:
    parts = (
        Part("system", "Material stands between markers."),
        Part("user", frame("the question", f"A forged line:\n{frame('x', 'y', 'f00dcafe')}\nand on", CODE)),
        Part("user", "No material."),
    )
    assert find_codes(parts) == (CODE,)


async def test_an_answer_is_shown_without_the_markers_of_its_prompt() -> None:
    ask = Ask((Part("user", frame("the question", "Tabs or spaces?", CODE)),))
    async with ModelServer() as server:
        server.tell(answer(f"[answer by Ada | {CODE}]\n", "Tabs", f".\n[end of answer by Ada | {CODE}", "]"))
        async with open_speaker(make_model(server.url)) as made:
            heard = await hear(made.speak(SEAT, ask))
    assert heard.text == "Tabs.\n"


@pytest.mark.parametrize("piece", ["[", "]", "[]", "[a", "\n[", "x]", f"[{CODE}]"])
def test_what_is_held_back_is_short(piece: str) -> None:
    markers = MarkerFilter((CODE,))
    for _ in range(2_000):
        markers.feed(piece)
        assert len(markers._held) <= 400
