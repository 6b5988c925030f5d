"""What is sent to models with small windows: asks of real formats, real counters, the real litellm and a server."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from bot.domain.asks import Ask
from bot.domain.facts import Interjected
from bot.domain.run import Image, Seat, WindowCut
from bot.models.errors import ProviderError
from bot.models.tokens import make_counter
from bot.models.window import CUT_MARK
from tests.servers.model_server import ModelServer, answer
from tests.support.answers import make_model, open_speaker
from tests.support.debates import make_debate
from tests.support.transcripts import Play, make_start

SEAT = Seat("a", "m", "A", max_tokens=1_200)
MODELS = ("gpt-4o", "claude-x", "gemini-x", "llama-3", "some-model")  # counted exactly, and with each kind of margin
CAT = Image("cat.png", "image/png", "aGk=")


class Sent(NamedTuple):
    """What a model was asked: its text, and the tokens that it may write; and what it was not shown, or why nothing."""

    text: str = ""
    max_tokens: int = 0
    images: int = 0
    cut: WindowCut | None = None
    error: str = ""


async def send(ask: Ask, window: int | None, name: str = "gpt-4o") -> Sent:
    async with ModelServer() as server:
        server.tell(answer("ok"))
        model = replace(make_model(server.url), litellm=f"hosted_vllm/{name}", window=window, sees=True)
        async with open_speaker(model) as speaker:
            try:
                cuts = [delta.cut async for delta in speaker.speak(SEAT, ask) if delta.cut]
            except ProviderError as error:
                assert server.log == []  # it costs nothing
                return Sent(error=error.text)
        body = server.log[0].body
    pieces = [p for m in body["messages"] for p in (m["content"] if isinstance(m["content"], list) else [m["content"]])]
    text = "\n".join(piece if isinstance(piece, str) else piece.get("text", "") for piece in pieces)
    pictures = [piece for piece in pieces if not isinstance(piece, str) and piece["type"] == "image_url"]
    if window is not None:
        read = make_counter(name, high=True)(text) + 1_600 * len(pictures)
        assert read <= window - window // 4
        assert read + body["max_tokens"] <= window
    return Sent(text, body["max_tokens"], len(pictures), cuts[0] if cuts else None)


def debate(*, rounds: int, words: int = 150) -> Play:
    """Return a debate of three before its next round; each turn so far says its name, and so many words more."""
    play = make_debate(rounds=rounds + 1, watch=False, criteria=())
    for _ in range(rounds):
        play.play_stage(lambda turn: f"<{turn.seat} in round {turn.round}> " + "word " * words)
    return play


def ask_next(play: Play, seat: str = "") -> Ask:
    """Start the turns that are wanted, and return what the first of them is asked, or that of a seat."""
    turn = next(i for i in play.start_wanted() if i.seat == seat or not seat)
    return play.form.ask(play.t, turn)


def heard(text: str) -> list[str]:
    return [f"{seat}{n}" for n in range(1, 7) for seat in ("ada", "bob", "cyd") if f"<{seat} in round {n}>" in text]


@pytest.mark.parametrize("name", MODELS)
async def test_earlier_rounds_go_whole_and_the_last_one_never(name: str) -> None:
    play = debate(rounds=4)
    ask = ask_next(play, "bob")
    left_out: set[int] = set()
    for window in (16_000, 4_000, 3_200, 2_400, 2_000, 1_600, 1_000, 500):
        sent = await send(ask, window, name)
        if sent.error:
            assert f"the model reads {window:,}, of which {window // 4:,} are kept for its answer" in sent.error
            continue
        rounds = sent.cut.rounds if sent.cut else ()
        assert rounds == tuple(range(1, len(rounds) + 1))  # the oldest first
        assert sent.cut in (None, WindowCut(window, rounds))
        assert heard(sent.text) == [f"{s}{n}" for n in range(len(rounds) + 1, 5) for s in ("ada", "bob", "cyd")]
        assert play.t.started.question in sent.text
        left_out.add(len(rounds))
    assert {0, 3} <= left_out  # of four
    assert sent.error


async def test_the_judge_reads_the_last_round_whole_as_well() -> None:
    play = debate(rounds=3)
    play.play_stage(lambda turn: f"<{turn.seat} in round 4> " + "word " * 150)
    assert play.wanted == ["verdict/1/judge"]
    sent = await send(ask_next(play), 1_600)
    assert sent.cut == WindowCut(1_600, (1, 2, 3))
    assert heard(sent.text) == ["ada4", "bob4", "cyd4"]


async def test_a_position_stays() -> None:
    play = make_debate(rounds=2, watch=False, positions=("for cats", "for dogs", "for fish"))
    play.play_stage(lambda turn: "word " * 300)
    ask = ask_next(play, "bob")
    for window in range(500, 3_000, 250):
        sent = await send(ask, window)
        assert sent.error or "for dogs" in sent.text


async def test_remarks_go_before_the_last_round() -> None:
    play = debate(rounds=2).record(*(Interjected("Kim", f"remark {n} " + "word " * 60) for n in range(5)))
    sent = await send(ask_next(play), 1_300)
    assert sent.cut == WindowCut(1_300, (1,), other=True)
    assert heard(sent.text) == ["ada2", "bob2", "cyd2"]
    assert "remark 0" not in sent.text  # the earliest first
    assert "remark 4" in sent.text


@pytest.mark.parametrize("name", MODELS)
async def test_answers_of_a_council_are_shortened_alike(name: str) -> None:
    play = Play(make_start("council")).play_stage(lambda turn: f"<{turn.seat}> " + "word " * 900)
    sent = await send(ask_next(play), 3_000, name)
    assert sent.cut == WindowCut(3_000, (), other=True)
    assert sent.text.count(CUT_MARK) == 3
    lengths = {part.count("word") for part in sent.text.split("<")[1:]}
    assert max(lengths) - min(lengths) <= 1


async def test_pictures_go_and_words_of_the_question_stay() -> None:
    start = replace(make_start("compare"), images=(CAT,), question="What is on it? " + "word " * 100)
    play = Play(start)
    ask = ask_next(play)
    assert (await send(ask, 8_000)).images == 1
    sent = await send(ask, 1_000)
    assert (sent.images, sent.cut) == (0, WindowCut(1_000, (), other=True))
    assert start.question.strip() in sent.text


async def test_a_question_is_never_cut() -> None:
    play = Play(replace(make_start("compare"), question="word " * 1_000))
    ask = ask_next(play)
    assert (await send(ask, 2_000)).cut is None
    assert "the model reads 1,000, of which 250 are kept for its answer" in (await send(ask, 1_000)).error


async def test_nothing_is_cut_for_a_window_that_nobody_knows() -> None:
    play = debate(rounds=4, words=1_500)
    sent = await send(ask_next(play), None)
    assert (sent.cut, sent.max_tokens) == (None, 1_200)
    assert len(heard(sent.text)) == 12
