"""A seat that thinks is seen to: how long, how much as far as it is told, and how long its model usually takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.facts import RunStarted, SkipAsked
from bot.domain.run import Usage, Visibility
from bot.engine.conductor import PROGRESS_S
from bot.engine.draft import STEP_S
from bot.engine.supervisor import RunSupervisor
from bot.models.deltas import Delta
from tests.support.conducted_runs import ADA, ConductedRun, conduct_run
from tests.support.speakers import Step
from tests.support.transcripts import make_start


def think(seconds: int, tokens_a_second: int = 0) -> Sequence[Step]:
    """Think for so long; without tokens nothing is heard of it."""
    if not tokens_a_second:
        return [float(seconds), "Tabs."]
    heard = [
        Delta(0.0, thinking="hm", usage=Usage(7, n * tokens_a_second, n * tokens_a_second, "estimated"))
        for n in range(1, seconds + 1)
    ]
    return [*(step for delta in heard for step in (1.0, delta)), "Tabs."]


def begin(usual_s: tuple[float, ...] = (), veil: Visibility | None = None) -> RunStarted:
    """Return the start of a comparison in which Ada's model usually takes so long."""
    start = make_start("compare")
    ada, *others = start.panel.seats
    panel = replace(start.panel, seats=(replace(ada, usual_s=usual_s), *others))
    return replace(start, panel=panel, rules=replace(start.rules, veil=veil or start.rules.veil))


def read_history(run: ConductedRun, stage: str, seat: str = "") -> list[str]:
    """Return all that the message of a seat, or the board, has ever read."""
    return [
        message.text
        for said in run.place.history.values()
        for message in said
        if (message.lane.stage, message.lane.seat) == (stage, seat)
    ]


def test_the_message_of_a_seat_says_how_it_thinks() -> None:
    run, _ = conduct_run("compare", {"ada": think(45, 80)}, started=begin((30.0, 38.0, 70.0)))
    said = read_history(run, "answer", "ada")
    assert said[0] == "Ada is thinking…"
    assert said[1] == "Ada is thinking, 900 tokens, 12 s (usually about 38 s)…"
    assert said[-1].startswith("Tabs.")
    thinking = [text for text in said if "tokens," in text]
    assert 3 <= len(thinking) <= 45 / STEP_S, "each is an edit, which others may need"


def test_what_a_provider_hides_is_told_by_its_time() -> None:
    run, _ = conduct_run("compare", {"ada": think(25)}, started=begin())
    assert read_history(run, "answer", "ada")[1] == "Ada is thinking, 12 s…"


def test_the_board_counts_by_the_second() -> None:
    run, _ = conduct_run("compare", {"ada": think(25, 80)}, started=begin((38.0,)))
    lines = [line for text in read_history(run, "board") for line in text.splitlines() if "Ada" in line]
    assert "- Ada: thinking" in lines
    assert "- Ada: thinking, 1,800 tokens, 24 s (usually about 38 s)" in lines


def test_who_answers_at_once_is_not_seen_to_think() -> None:
    run, _ = conduct_run("compare", {"ada": think(4, 80)}, started=begin((38.0,)))
    assert not any("usually" in text for text in (*read_history(run, "answer", "ada"), *read_history(run, "board")))


def test_waiting_for_its_turn_is_no_thinking() -> None:
    notice = Delta(0.0, notice="waiting: second in the queue of p")
    run, _ = conduct_run("compare", {"ada": [notice, 60.0, "Tabs."]}, started=begin((38.0,)))
    assert not any("thinking, " in text for text in read_history(run, "answer", "ada"))
    assert any("second in the queue" in text for text in read_history(run, "board"))


def test_a_blind_run_tells_no_figures() -> None:
    """Time and length would tell models apart."""
    run, _ = conduct_run("compare", {"ada": think(45, 80)}, started=begin((38.0,), Visibility(blind=True)))
    every = [message.text for said in run.place.history.values() for message in said]
    assert not any("usually" in text or "tokens," in text for text in every)


def test_it_is_skipped_while_it_thinks() -> None:
    async def skip(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(20.0)
        await run.tell(supervisor, SkipAsked(ADA, "a person"))

    run, t = conduct_run("compare", {"ada": think(600, 80)}, skip, started=begin((38.0,)))
    ended = t.turns[ADA].ended
    assert ended is not None
    assert (ended.finish, ended.text) == ("skipped", "")
    assert ended.usage.thinking == 20 * 80, "what it has thought is counted"
    assert ended.timings.total_s < 20.0 + PROGRESS_S
    assert "thinking" not in read_history(run, "answer", "ada")[-1]
