"""What keys do to a run, and what their person is told."""

from __future__ import annotations

import asyncio

import pytest

from adapters.terminal.keys import GuessLine, RemarkLine, RoundVoteKey, VoteKey
from adapters.terminal.typed import BY, act_on
from bot.actions.request import RunRequest
from bot.domain.facts import RoundWish
from bot.domain.run import DebateRules, Visibility
from bot.errors import Refused
from tests.support.actions_scene import ActionsScene


async def start_voted_debate(scene: ActionsScene) -> str:
    """Start a blind debate of three rounds, each of which takes a minute and ten seconds; return its id."""
    scene.speaker.lines = {**{seat: ["a word", 70.0] for seat in ("ada", "bob", "cyd")}, "judge": ["VERDICT: Ada."]}
    how = DebateRules(watch=False, criteria=(), next="vote")
    wish = RunRequest("debate", "Why?", BY, "default", 3, debating=how, veil=Visibility(blind=True, guess=True))
    return await scene.actions.start_run(wish, lambda run, question: scene.place)


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [
        ("go on", "The debate went on: 1 voted to go on, 0 to end."),
        ("end", "The debate ended: 1 voted to end, 0 to go on."),
    ],
)
async def test_a_key_decides_whether_a_debate_goes_on(wish: RoundWish, outcome: str, scene: ActionsScene) -> None:
    run = await start_voted_debate(scene)
    await asyncio.sleep(1)
    with pytest.raises(Refused, match="Nobody votes on a next round now"):
        await act_on(scene.actions, run, RoundVoteKey(wish))
    await asyncio.sleep(75)
    assert "next" in await scene.actions.steering.list_possible(run, BY)
    told = await act_on(scene.actions, run, RoundVoteKey(wish))
    assert told == f"Your vote is “{wish}”. The vote is closed."
    await asyncio.sleep(10)
    [card] = [text for lane, text in scene.place.read_texts() if lane.stage == "round"]
    assert card == outcome
    stages = {turn.stage for turn in (await scene.read_stored(run)).turns}
    assert ("verdict" in stages) == (wish == "end")
    if wish == "go on":
        await scene.actions.stop_run(run, BY)
    await scene.actions.close_vote(run, BY)


async def test_votes_guesses_and_remarks_are_confirmed(scene: ActionsScene) -> None:
    run = await start_voted_debate(scene)
    await asyncio.sleep(75)
    assert await act_on(scene.actions, run, VoteKey(2)) == "Your vote is Speaker B's."
    assert (await act_on(scene.actions, run, GuessLine(1, "Ada"))).startswith("You guess that Speaker A is Ada")
    told = await act_on(scene.actions, run, RemarkLine("And the cost?"))
    assert told == "Told the models; they read it in their next turn."
    await scene.actions.stop_run(run, BY)
    await scene.actions.close_vote(run, BY)
