"""Earlier rounds summed up where a window has no room for them."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import RetryAsked, TurnEnded
from bot.domain.run import DebateRules, Failure, Price, TurnId
from bot.formats.debate.recaps import STAGE
from tests.support.transcripts import Play, make_start, read_ask

RECAP = TurnId(STAGE, 3, "cyd")


def make_play(window: int | None = 2_000, *, summarise: bool = True, rounds: int = 4) -> Play:
    """Return a debate of three, of which Bob has a small window and Cyd the lowest price."""
    start = make_start("debate", rounds=rounds)
    rules = replace(start.rules, summarise=summarise, debating=DebateRules(watch=False, criteria=()))
    price = {"ada": Price(3.0, 15.0, "litellm"), "bob": None, "cyd": Price(0.1, 0.4, "litellm")}
    seats = tuple(
        replace(s, window=window if s.key == "bob" else 200_000, price=price[s.key]) for s in start.panel.seats
    )
    others = replace(start.panel.seats[0], price=Price(9.0, 9.0, "litellm"))
    chair, judge = replace(others, key="chair"), replace(others, key="judge", window=2_000)
    return Play(replace(start, rules=rules, panel=replace(start.panel, seats=seats, chair=chair, judge=judge)))


def say(turn: TurnId) -> str:
    if turn.stage == STAGE:
        return f"<recap before round {turn.round}>"
    return f"<{turn.seat} in round {turn.round}> " + "word " * 200


def play_stages(play: Play, count: int) -> Play:
    for _ in range(count):
        play.play_stage(say)
    return play


def test_the_cheapest_seat_sums_up_before_a_round_that_a_window_has_no_room_for() -> None:
    play = play_stages(make_play(), 2)
    assert play.wanted == ["recap/3/cyd"]
    [turn] = play.start_wanted()
    asked = read_ask(play, turn)
    assert "<ada in round 1>" in asked
    assert "in round 2>" not in asked
    assert play.plan.stage == "summing up"


def test_everybody_reads_it_in_place_of_those_rounds_and_people_see_it() -> None:
    play = play_stages(make_play(), 3)
    assert play.plan.cards[RECAP.lane._replace(seat="")] == "<recap before round 3>"
    for turn in play.start_wanted():
        asked = read_ask(play, turn)
        assert "<recap before round 3>" in asked
        assert "in round 1>" not in asked
        assert asked.count("in round 2>") == 3


def test_a_later_recap_goes_on_from_the_one_before_and_the_judge_has_one() -> None:
    play = play_stages(make_play(), 4)
    assert play.wanted == ["recap/4/cyd"]
    [turn] = play.start_wanted()
    asked = read_ask(play, turn)
    assert "<recap before round 3>" in asked
    assert "in round 1>" not in asked
    assert asked.count("in round 2>") == 3
    play.end_turn(turn, say(turn))
    play_stages(play, 1)
    assert play.wanted == ["recap/5/cyd"]
    play_stages(play, 1)
    assert play.wanted == ["verdict/1/judge"]
    [turn] = play.start_wanted()
    assert "<recap before round 5>" in read_ask(play, turn)
    assert play.play_stage(lambda _: "Weighed.\nVERDICT: Ada.").plan.outcome == "judged"


def test_a_recap_that_fails_is_done_without() -> None:
    play = play_stages(make_play(), 2)
    [turn] = play.start_wanted()
    play.record(TurnEnded(turn, "failed", failure=Failure("unreachable", "no")))
    assert play.wanted == ["rebuttal/3/ada", "rebuttal/3/bob", "rebuttal/3/cyd"]
    assert "<ada in round 1>" in read_ask(play, play.start_wanted()[0])


def test_where_there_is_room_or_nobody_wants_it_there_is_none() -> None:
    for play in (make_play(None), make_play(200_000), make_play(summarise=False)):
        play_stages(play, 2)
        assert not any(wanted.startswith(STAGE) for wanted in play.wanted)


def test_none_is_made_once_its_round_has_begun() -> None:
    play = play_stages(make_play(200_000), 2)
    first, *_ = play.start_wanted()
    play.record(TurnEnded(first, "failed", failure=Failure("unreachable", "no")), RetryAsked(first, "p"))
    start = play.t.started
    small = tuple(replace(seat, window=2_000) for seat in start.panel.seats)
    play.t = replace(play.t, start=replace(start, panel=replace(start.panel, seats=small)))
    assert str(first._replace(ask=2)) in play.wanted
    assert not any(wanted.startswith(STAGE) for wanted in play.wanted)
