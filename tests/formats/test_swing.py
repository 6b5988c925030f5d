"""Votes before and after a debate, and the swing between them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.facts import RunFinished, VoteCast, VoteClosed
from bot.domain.run import DebateRules
from bot.engine.thread import replay_thread, thread_posts
from bot.errors import Refused
from bot.formats.debate import debate
from bot.formats.debate.swing import BEFORE, measure_swing, vote_before_choices
from bot.formats.end_card import END
from bot.formats.vote_options import ROUND_BEFORE
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.debates import make_debate, play_to_end
from tests.support.transcripts import Play

TABS, SPACES = "ada", "bob"
POSITIONS = ("tabs", "spaces")
GUEST = Person("g", "Guest")


def play_votes(*pairs: tuple[str, str], **how: object) -> Play:
    """Play a debate of two rounds to its end, with each person's vote before and after; "": none."""
    play = make_debate(seats=2, rounds=2, vote_s=60.0, **how)
    play.record(*(VoteCast(f"p{n}", ROUND_BEFORE, was) for n, (was, _) in enumerate(pairs) if was))
    play_to_end(play)
    play.record(RunFinished("judged"))
    return play.record(*(VoteCast(f"p{n}", 2, now) for n, (_, now) in enumerate(pairs) if now))


@pytest.mark.parametrize(
    ("pairs", "headline"),
    [
        ([(TABS, SPACES)], "spaces: 0 → 100 %: one of you moved."),
        ([(TABS, SPACES)] * 2 + [(TABS, TABS)] + [(SPACES, SPACES)], "spaces: 25 → 75 %: two of you moved."),
        ([(TABS, SPACES)] * 13, "spaces: 0 → 100 %: 13 of you moved."),
        (
            [(TABS, TABS)] * 2 + [(SPACES, SPACES)],
            "Nobody changed sides: tabs stays at 67 % of 3 who voted both times.",
        ),
        ([(TABS, SPACES), (SPACES, TABS)], "tabs: 50 → 50 %: two of you moved."),
        ([(TABS, SPACES), (TABS, ""), ("", TABS), ("", TABS)], "spaces: 0 → 100 %: one of you moved."),
    ],
)
def test_the_swing_is_among_those_who_voted_both_times(pairs: list[tuple[str, str]], headline: str) -> None:
    play = play_votes(*pairs, positions=POSITIONS)
    assert str(measure_swing(play.t)) == headline
    assert headline not in play.plan.cards[END]  # nobody follows the others while the vote is open
    plan = play.record(VoteClosed("p0")).plan
    assert plan.verdict.startswith(headline)
    assert headline in plan.cards[END]


@pytest.mark.parametrize("pairs", [[], [(TABS, "")], [("", TABS)]])
def test_without_anybody_who_voted_both_times_there_is_no_headline(pairs: list[tuple[str, str]]) -> None:
    play = play_votes(*pairs).record(VoteClosed("p0"))
    assert measure_swing(play.t) is None
    assert "moved" not in play.plan.verdict


def test_a_vote_from_before_is_no_vote_for_the_winner() -> None:
    assert "Votes:" not in play_votes((TABS, "")).record(VoteClosed("p0")).plan.cards[END]


def test_a_side_is_voted_for_once_though_several_defend_it() -> None:
    play = make_debate(seats=4, vote_s=60.0, positions=POSITIONS)
    assert {str(turn): side for turn, side in vote_before_choices(play.t).items()} == {
        "before/0/ada": "tabs",
        "before/0/bob": "spaces",
    }
    play.record(VoteCast("p", ROUND_BEFORE, "ada"), VoteCast("p", 1, "cyd"))
    swing = measure_swing(play.t)
    assert swing is not None
    assert (swing.side, swing.moved) == ("tabs", 0)


def test_the_card_offers_a_side_each_until_all_have_spoken_once() -> None:
    play = make_debate(seats=2, vote_s=60.0, watch=False, positions=POSITIONS)

    def labels() -> list[str]:
        [card] = [post for post in thread_posts(play.t, play.plan) if post.lane == BEFORE]
        return [control.label for control in card.controls]

    assert labels() == ["👍 tabs", "👍 spaces"]
    first, second = play.start_wanted()
    play.end_turn(first).record(VoteCast("p", ROUND_BEFORE, "ada"))
    assert labels() == ["👍 tabs", "👍 spaces"]
    assert "1 has voted" in play.plan.cards[BEFORE]
    play.end_turn(second)
    assert labels() == []
    assert "closed" in play.plan.cards[BEFORE]


def test_a_card_on_which_nobody_has_voted_goes_once_all_have_spoken() -> None:
    play = make_debate(seats=2, vote_s=60.0, watch=False, positions=POSITIONS)
    play.play_stage(lambda turn: "So it is.")
    assert play.plan.cards[BEFORE] == ""
    assert BEFORE not in {post.lane for post in replay_thread(play.t.entries, debate, play.t.at)}


@pytest.mark.parametrize("how", [{"positions": POSITIONS}, {"vote_s": 60.0}])
def test_where_nobody_can_vote_afterwards_or_no_sides_are_known_nobody_is_asked_before(how: dict[str, Any]) -> None:
    assert BEFORE not in make_debate(**how).plan.cards


async def test_people_vote_before_and_after_and_read_the_swing_once_the_vote_closes(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": [5.0, "for"], "bob": [5.0, "against"], "cyd": [5.0, "for"]}
    request = RunRequest("debate", "Tabs?", MO, "default", 1, debating=DebateRules("oxford", POSITIONS))
    run = await scene.actions.start_run(request, lambda run, title: scene.place)
    await asyncio.sleep(1)
    [card] = [text for lane, text in scene.place.read_texts() if lane == BEFORE]
    assert "Whom would you side with now?" in card
    assert await scene.actions.cast_vote(run, "ada", PAT, ROUND_BEFORE) == "Your vote is Ada's."
    await scene.actions.cast_vote(run, "bob", GUEST, ROUND_BEFORE)
    await asyncio.sleep(20)
    with pytest.raises(Refused, match="too late to vote from before"):
        await scene.actions.cast_vote(run, "ada", GUEST, ROUND_BEFORE)
    await asyncio.sleep(60)
    await scene.actions.cast_vote(run, "bob", PAT)
    await scene.actions.cast_vote(run, "bob", GUEST)
    await scene.actions.close_vote(run, MO)
    await scene.actions.wait_until_finished(run)
    shown = dict(scene.place.read_texts())
    assert "spaces: 50 → 100 %: one of you moved." in shown[END]


@pytest.mark.parametrize(
    ("positions", "told"),
    [(("tabs",), "One position makes no debate"), (("tabs", "x" * 21), "A position may have 20 characters")],
)
async def test_positions_that_cannot_be_are_refused(positions: tuple[str, ...], told: str, scene: ActionsScene) -> None:
    with pytest.raises(Refused, match=told):
        await scene.actions.start_run(
            RunRequest("debate", "?", PAT, "default", debating=DebateRules(positions=positions)),
            lambda run, title: scene.place,
        )
