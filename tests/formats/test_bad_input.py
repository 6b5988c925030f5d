"""Bad input in a run, a table for each kind: on plans alone, and on what is asked and shown."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from adapters.terminal.dialect import TerminalDialect
from bot.actions.panels import seat_panel
from bot.domain.asks import Ask
from bot.domain.codec import decode, encode
from bot.domain.facts import SkipAsked, TurnEnded
from bot.domain.run import Failure, Finish, TurnId
from bot.engine.thread import thread_posts
from bot.formats import FORMATS
from bot.formats.council.cards import COUNTED, REVIEWS
from bot.formats.council.review_order import letter_labels
from bot.formats.end_card import END
from bot.live.board import build_board, render_board
from bot.live.pages import Pages
from bot.models.errors import ProviderError
from bot.models.window import fit_messages
from bot.settings.settings import PanelSettings
from tests.support.actions_scene import MODELS
from tests.support.transcripts import Play, make_start

LONG = "words " * 6_667  # 40,000 characters


def join_parts(ask: Ask) -> str:
    return "\n".join(part.text for part in ask.parts)


def write_ranking(*best_first: str) -> str:
    return json.dumps({"ranking": list(best_first), "review": "So."})


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("finish", "text"), [("failed", ""), ("skipped", ""), ("done", " \n"), ("stopped", "")])
def test_where_nobody_says_anything_the_run_has_failed_and_says_so(form: str, finish: Finish, text: str) -> None:
    play = Play(make_start(form))
    while not play.plan.outcome:
        for turn in play.start_wanted():
            if finish == "skipped":
                play.record(SkipAsked(turn, "p"))
            play.end_turn(turn, text, finish)
    assert play.plan.outcome == "failed"
    assert play.plan.cards[END]
    assert all(turn.ended for turn in play.t.turns.values())


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_skipped_before_it_begins_is_never_asked(form: str) -> None:
    play = Play(make_start(form))
    play.record(*(SkipAsked(want.turn, "p") for want in play.plan.wanted))
    assert play.t.turns == {}
    while not play.plan.outcome:
        play.play_stage()
    assert not {i.lane for i in play.t.turns} & {i.lane for i in play.t.skips}


def test_an_empty_answer_is_neither_reviewed_nor_ranked() -> None:
    play = Play(make_start("council", seats=("ada", "bob", "cyd", "dan")))
    play.play_stage(lambda turn: "" if turn.seat == "bob" else f"{turn.seat} speaks")
    assert {want.turn.seat for want in play.plan.wanted} == {"ada", "cyd", "dan"}
    assert {i.seat for want in play.plan.wanted for i in want.about} == {"ada", "cyd", "dan"}
    for turn in play.start_wanted():
        play.end_turn(turn, json.dumps({"ranking": ["A", "B", "C"]}))
    assert "Bob" not in play.plan.cards[REVIEWS]


class TestReviewers:
    """Ada reviews in a way of her own; Bob and Cyd each put Ada last of the others, and above themselves."""

    def play_reviews(self, write: Callable[[dict[str, str]], str]) -> Play:
        """Play reviews; `write` makes Ada's from the letters under which she was shown each seat's answer."""
        play = Play(make_start("council")).play_stage()
        for turn in play.start_wanted():
            shown = [i.seat for i in play.t.turns[turn].about]
            letter = dict(zip(shown, letter_labels(len(shown)), strict=True))
            others = {"bob": ("cyd", "ada", "bob"), "cyd": ("bob", "ada", "cyd")}
            fair = write_ranking(*(letter[s] for s in others.get(turn.seat, ())))
            play.end_turn(turn, write(letter) if turn.seat == "ada" else fair)
        return play

    @pytest.mark.parametrize(
        ("write", "line"),
        [
            (lambda at: write_ranking(at["ada"], at["cyd"], at["bob"]), "Ada, then Cyd, then Bob"),
            (
                lambda at: (
                    f"I wrote {at['bob']}, and it is the best.\n"
                    f"FINAL RANKING:\n1. {at['ada']}\n2. {at['bob']}\n3. {at['cyd']}"
                ),
                "Ada, then Bob, then Cyd",
            ),
            (
                lambda at: "\n\n".join(
                    "FINAL RANKING:\n" + "\n".join(f"{n}. {at[s]}" for n, s in enumerate(order, 1))
                    for order in (("ada", "cyd", "bob"), ("bob", "ada", "cyd"))
                ),
                "Bob, then Ada, then Cyd",
            ),
            (lambda at: json.dumps({"ranking": [at["bob"], at["bob"], at["cyd"]]}), "Bob, then Cyd ("),
            (
                lambda at: "words " * 6_600 + f"\nFINAL RANKING: {at['cyd']} > {at['bob']} > {at['ada']}",
                "Cyd, then Bob, then A",
            ),
        ],
        ids=[
            "ranks itself first",
            "takes another's for its own",
            "votes twice",
            "names one twice",
            "40,000 characters",
        ],
    )
    def test_what_it_says_is_read_and_its_own_answer_gains_nothing(
        self, write: Callable[[dict[str, str]], str], line: str
    ) -> None:
        play = self.play_reviews(write)
        card = play.plan.cards[REVIEWS]
        assert re.search(rf"^- \*\*Ada(?: and \w+)?\*\*: {re.escape(line)}", card, re.MULTILINE)
        assert ", then Ada; they " in card  # it is last in the order of all
        if line.startswith("Ada"):
            assert "with self-reviews: Ada" in play.plan.full_texts[COUNTED]

    @pytest.mark.parametrize(
        "text",
        ["They are all fine.", LONG, "[" * 40_000, "A B C"],
        ids=["ranks nobody", "40,000 characters", "40,000 brackets", "an order of mention"],
    )
    def test_where_nothing_is_ranked_it_is_asked_once_more_and_then_abstains(self, text: str) -> None:
        play = self.play_reviews(lambda at: text)
        again = TurnId("review", 1, "ada", 2)
        assert again in [want.turn for want in play.plan.wanted] or play.plan.stage == "synthesis"
        play.start_wanted()
        play.end_turn(again, text)
        assert "**Ada**: gave no ranking" in play.plan.cards[REVIEWS]
        assert "2 ballots, 1 abstained" in play.plan.full_texts[COUNTED]


@pytest.mark.parametrize(
    ("form", "stage", "stand_in", "said"),
    [
        ("council", "synthesis", "ada", "Ada summed up instead of Chair."),
        ("debate", "verdict", "chair", "Chair judged instead of Judge, which failed."),
    ],
)
def test_for_a_chair_or_judge_that_fails_another_speaks_and_it_is_said(
    form: str, stage: str, stand_in: str, said: str
) -> None:
    play = Play(make_start(form, rounds=1))
    while play.plan.wanted[0].turn.stage != stage:
        play.play_stage(lambda turn: json.dumps({"ranking": ["A", "B", "C"]}))
    [turn] = play.start_wanted()
    play.record(TurnEnded(turn, "failed", failure=Failure("key", "its key was refused")))
    assert play.wanted == [f"{stage}/1/{stand_in}"]
    while not play.plan.outcome:
        play.play_stage()
    assert said in play.plan.cards[END]
    assert f"{turn.stage} (its key was refused)" in play.plan.cards[END]


TOPICS = {
    "right to left": "האם קפה עדיף על תה? هل القهوة أفضل؟",
    "CJK": "紅茶とコーヒー、どちらが朝に良いですか？",
    "emoji": "☕️ or 🍵? 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 decide",
    "combining": "Z̸̢̈a̴l̷g̵o̶ or e\u0301? " + "a" + "\u0301" * 200,
    "Devanagari": "चाय या कॉफ़ी?",
    "directions": "tea\u202e eeffoc \u2066or\u2069\u200f not\u200b?",
    "a template": "Is $name {0} %s ${code} a topic?",
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_a_topic_in_any_script_is_asked_as_it_was_typed_and_shown_within_its_width(form: str, topic: str) -> None:
    begun = replace(make_start(form), question=topic, context=topic)
    assert decode(*encode(begun)) == begun
    play = Play(begun)
    while not play.plan.outcome:
        for turn in play.start_wanted():
            asked = join_parts(play.form.ask(play.t, turn))
            assert topic in asked or turn.stage == "edit"  # a step that works on others' texts alone
            play.end_turn(turn, topic)
    assert play.plan.outcome != "failed"
    card = render_board(build_board(play.t, play.plan.stage, 0, {}, play.t.at, verdict=play.plan.verdict))
    for text in (card, *(post.text or "" for post in thread_posts(play.t, play.plan))):
        [page] = Pages(TerminalDialect(), 200_000).update(text, final=True)
        out = io.StringIO()
        Console(file=out, width=40, color_system=None).print(page.text, markup=False)
        assert max(cell_len(line) for line in out.getvalue().splitlines()) <= 40


@pytest.mark.parametrize("form", ["council", "debate", "compare", "pipeline"])
def test_a_persona_of_10_000_characters_is_told_whole_or_its_seat_fails_alone(form: str) -> None:
    begun, persona = make_start(form), "You doubt. " * 910
    seats = (replace(begun.panel.seats[0], persona=persona), *begun.panel.seats[1:])
    play = Play(replace(begun, panel=replace(begun.panel, seats=seats)))
    asks = {turn.seat: play.form.ask(play.t, turn) for turn in play.start_wanted()}
    assert persona.strip() in join_parts(asks["ada"])
    assert persona.strip() not in join_parts(asks["bob"])
    assert fit_messages(asks["ada"].parts, 4_000, 500, estimate_tokens)
    with pytest.raises(ProviderError, match="what must be read takes"):
        fit_messages(asks["ada"].parts, 2_000, 500, estimate_tokens)
    assert fit_messages(asks["bob"].parts, 2_000, 500, estimate_tokens)


def estimate_tokens(text: str) -> int:
    """Count tokens, roughly."""
    return len(text) // 4


def test_seats_of_one_model_are_told_apart_in_every_text() -> None:
    table = seat_panel(PanelSettings.model_validate({"seats": ["ada", "ada", "bob", "ada"]}), MODELS)
    assert len({s.key for s in table.seats}) == len({s.name for s in table.seats}) == 4
    play = Play(replace(make_start("council"), panel=table)).play_stage()
    play.play_stage(lambda turn: json.dumps({"ranking": ["A", "B", "C", "D"]}))
    for text in (play.plan.full_texts[COUNTED], play.plan.cards[REVIEWS]):
        assert all(seat.name in text for seat in table.seats)
    titles = [post.title for post in thread_posts(play.t, play.plan) if post.kind == "turn"]
    assert len(set(titles)) == len(titles)
