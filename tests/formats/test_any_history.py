"""Any history of a run, of any format, ends with each turn accounted for.

What happens is drawn: turns that end, fail, say nothing or are skipped before and while they run, retries, removals,
remarks, votes, time that goes by, a stop, and restarts: another process reads the run back from its stored facts, and
must come to the same plan.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.asks import Ask
from bot.domain.codec import decode, encode
from bot.domain.facts import (
    Claimed,
    Interjected,
    Removed,
    RetryAsked,
    RunStarted,
    SkipAsked,
    Stopped,
    TurnEnded,
    VoteCast,
)
from bot.domain.run import SIDES, DebateRules, Failure, Form, Mode, Rules, TurnId
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.engine.thread import thread_posts
from bot.formats import FORMATS
from bot.formats.council.review_order import letter_labels
from bot.formats.end_card import END
from tests.support.pipelines import draw_steps
from tests.support.transcripts import Play, make_start

SEATS = ("ada", "bob", "cyd", "dan", "eve")
HAPPENINGS = (
    *("says",) * 6,
    *("failed", "empty", "cut", "skipped", "skipped before", "retried", "removed"),
    *("remark", "vote", "restart", "wait", "stop"),
)
MOST = 400  # facts; a run that needs more does not end


@st.composite
def draw_start(draw: st.DrawFn) -> RunStarted:
    """Draw the start of a run of any format, under any of its rules."""
    form = draw(st.sampled_from(list(FORMATS)))
    begun = make_start(form, seats=SEATS[: draw(st.integers(2, 5))])
    vote_s = draw(st.sampled_from([0.0, 60.0]))
    match form:
        case "council":
            mode = draw(st.sampled_from(get_args(Mode)))
            quorum = draw(st.none() | st.integers(2, len(begun.panel.seats)))
            rules = Rules(1, vote_s=vote_s, mode=mode, quorum=quorum, grace_s=5.0)
            share, deadline_s = draw(st.floats(0.1, 1.0)), draw(st.none() | st.floats(0.0, 60.0))
            rules = replace(rules, review_quorum=share, review_grace_s=5.0, deadline_s=deadline_s)
            return replace(begun, rules=rules)
        case "debate":
            how = DebateRules(
                draw(st.sampled_from(get_args(Form))),
                draw(st.sampled_from([(), SIDES])),
                cast=draw(st.booleans()),
                watch=draw(st.sampled_from([None, True, False])),
            )
            return replace(begun, rules=Rules(draw(st.integers(1, 4)), vote_s=vote_s, debating=how))
        case "pipeline":
            return replace(begun, steps=draw(draw_steps()))
        case _:
            return begun


@given(begun=draw_start(), seed=st.integers(0, 100_000))
def test_it_ends_with_each_turn_accounted_for(begun: RunStarted, seed: int) -> None:
    dice, play = Random(seed), Play(replace(begun, seed=seed))
    asked: dict[TurnId, Ask] = {}
    while not play.plan.outcome or play.plan.wanted:
        running = play.start_wanted()
        assert running, "the plan neither ends nor wants anything"
        asked |= {i: play.form.ask(play.t, i) for i in running if i not in asked}
        let_happen(play, dice.choice(HAPPENINGS), dice.choice(running), dice)
        for turn in unwanted_turns(play):  # as the conductor does
            play.end_turn(turn, "so far", "stopped")
        assert play.t.seq < MOST, "it does not end"
    assert all(turn.ended for turn in play.t.turns.values())
    assert set(asked) == set(play.t.turns)
    assert all(play.form.ask(play.t, i) == ask for i, ask in asked.items())
    assert play.plan.cards[END]
    check_restart(play)
    told = {post.lane for post in thread_posts(play.t, play.plan)}
    assert all(i.lane in told or i.stage in play.plan.unstreamed_stages for i in play.t.turns)


def let_happen(play: Play, what: str, turn: TurnId, dice: Random) -> None:
    match what:
        case "says":
            play.end_turn(turn, choose_words(play, turn, dice))
        case "failed":
            play.record(TurnEnded(turn, "failed", dice.choice(["", "half"]), failure=Failure("other", "no")))
        case "empty":
            play.end_turn(turn, " ")
        case "cut":
            play.end_turn(turn, "words, wor", dice.choice(["length", "repeated"]))
        case "skipped":
            play.record(SkipAsked(turn, "p")).end_turn(turn, "partly", "skipped")
        case "skipped before":
            play.record(SkipAsked(turn._replace(round=turn.round + 1, stage=dice.choice(["rebuttal", "closing"])), "p"))
        case "retried":
            failed = [i for i, x in play.t.turns.items() if x.ended and x.ended.finish == "failed" and i.ask < 3]
            play.record(*(RetryAsked(i, "p") for i in failed[-1:]))
        case "removed":
            ended = [i for i, x in play.t.turns.items() if x.ended]
            play.record(*(Removed(i, "mod") for i in ended[-1:]))
        case "remark":
            play.record(Interjected("p", "And cost?"))
        case "vote":
            play.record(VoteCast("p", dice.choice([0, 1]), play.t.started.panel.seats[0].key))
        case "restart":
            check_restart(play.record(Claimed("another process")))
        case "wait":
            play.wait(dice.uniform(0, 8))
        case "stop" if dice.random() < 0.2:
            play.record(Stopped("p"))


def choose_words(play: Play, turn: TurnId, dice: Random) -> str:
    """Choose a good or a bad text for such a turn."""
    about = len(play.t.turns[turn].about)
    well = {
        "review": json.dumps({"ranking": dice.sample(letter_labels(about), about)}),
        "check": json.dumps({"because": "So.", "state": dice.choice(["agreement", "nothing new", "going on"])}),
        "cast": json.dumps({"personas": [{"debater": "Ada", "persona": "You are a nurse."}]}),
        "verdict": "Weighed.\nVERDICT: Ada.",
    }
    return dice.choice(["words", well.get(turn.stage, f"{turn.seat} speaks")])


def unwanted_turns(play: Play) -> Sequence[TurnId]:
    wanted = {w.turn for w in play.plan.wanted}
    return [i for i, turn in play.t.turns.items() if not turn.ended and i not in wanted]


def check_restart(play: Play) -> None:
    stored = [Entry(e.seq, e.at, decode(*encode(e.fact))) for e in play.t.entries]
    again = fold_all(Transcript(), stored)
    assert again == play.t
    assert play.form.plan(again, max(play.now, again.at)) == play.plan
