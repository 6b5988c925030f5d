"""Every format once on the embedded model, as `moot try` runs it. The tests look at facts, never at wording.

The model is too small for its answers to mean anything, and answers are cut after a few tokens; what it writes as a
ballot or a score is what small models write.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
import pytest_asyncio
from rich.console import Console

from adapters.terminal.options import read_options
from adapters.terminal.session import hold_session
from adapters.terminal.surface import make_pipe_surface, terminal_budget
from adapters.terminal.typed import BY
from bot.actions.actions import Actions
from bot.cli.core import Observers, build_core
from bot.cli.provision import EMBEDDED, Provision
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.formats import FORMATS
from bot.formats.council.cards import COUNTED, READ_LOOSELY, REVIEWS
from bot.formats.debate.speaking_order import DEBATERS
from bot.formats.end_card import END
from bot.models import embedded
from bot.models.embedded import embedded_server, panel_models
from bot.settings.settings import CouncilSettings, DeadlineSettings, PanelSettings, Settings
from commands.command import Here, Started, may_see_all
from commands.summarise import COMMAND as SUMMARISE
from commands.summarise import SummariseOptions
from storage import open_store

pytestmark = [
    pytest.mark.skipif(not embedded.is_installed(), reason="the embedded model is not installed (make demo)"),
    pytest.mark.asyncio(loop_scope="module"),
]

SEATS = ("smollm2", "smollm2:2")
TOKENS = 32  # more than the marker takes that the model often begins with, which is dropped
PATIENT = DeadlineSettings(first_token_timeout_s=600, idle_timeout_s=600, total_timeout_s=600)  # a busy machine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def actions(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Actions]:
    """Build the core of a terminal, with two seats of the one model that say little."""
    path = tmp_path_factory.mktemp("embedded") / "moot.db"
    async with embedded_server(slots=2) as base_url, open_store(path, clock=time.time) as store:
        models = {m.key: replace(m, max_tokens=TOKENS) for m in panel_models(base_url, slots=2)}
        panels = {EMBEDDED: PanelSettings.model_validate({"seats": ["smollm2", "smollm2"]})}
        supply = Provision(models, panels, EMBEDDED)
        settings = Settings(deadlines=PATIENT, council=CouncilSettings(quorum=1.0, review_quorum=1.0))
        async with build_core(settings, supply, store, Observers(), terminal_budget) as core:
            yield core.actions


async def run_format(actions: Actions, format: str, **options: str) -> Transcript:
    """Run a format to its end, as in a pipe."""
    typed: Mapping[str, str] = {"question": "Is tea better than coffee?", "panel": EMBEDDED, **options}
    return await hold_session(actions, *read_options(format, typed), Console(file=io.StringIO()))


def count_turns(t: Transcript, outcome: str) -> Counter[str]:
    """Check the outcome and every turn, and count the turns of each stage."""
    assert t.finished is not None
    assert t.finished.outcome == outcome
    for turn in t.turns.values():
        assert turn.ended is not None
        assert turn.ended.finish in ("done", "length", "repeated")
        assert (turn.ended.usage.source, turn.ended.failure) == ("reported", None)
        assert 0 < turn.ended.usage.output <= TOKENS
    assert FORMATS[t.started.format].plan(t, t.at).cards[END]
    return Counter(i.stage for i in t.turns)


@pytest.mark.parametrize(
    ("mode", "outcome", "stages"),
    [
        ("answers", "answered", {"answer"}),
        ("ranking", "ranked", {"answer", "review"}),
        ("full", "synthesised", {"answer", "review", "synthesis"}),
    ],
)
async def test_a_council_in_each_mode(actions: Actions, mode: str, outcome: str, stages: set[str]) -> None:
    seats = (*SEATS, "smollm2:3")  # two answers are not reviewed
    t = await run_format(actions, "council", mode=mode, models=",".join(["smollm2"] * len(seats)))
    count = count_turns(t, outcome)
    assert (set(count), count["answer"]) == (stages, len(seats))
    reviews = [turn for i, turn in t.turns.items() if i.stage == "review"]
    assert {turn.id.seat for turn in reviews} == (set(seats) if reviews else set())
    assert all({i.seat for i in turn.about} == set(seats) for turn in reviews)
    plan = FORMATS["council"].plan(t, t.at)
    lines = plan.cards.get(REVIEWS, "").split("\n\n")[0].splitlines()
    named = sum(line.split("**")[1].count("SmolLM2") for line in lines)  # those who say the same share a line
    assert named == (len(seats) if reviews else 0)
    said = (", then ", " and ", "gave no ranking", READ_LOOSELY)  # a model may name its first alone
    assert all(any(part in line for part in said) for line in lines), lines
    read = plan.full_texts[COUNTED].split("\n\n")[0].splitlines() if reviews else []
    ranked = [line for line in read if line.startswith("- ")]
    assert all(any(tag in line for tag in ("strict", "repaired")) for line in ranked)


@pytest.mark.parametrize(
    ("form", "steps"), [("simultaneous", [2]), ("turns", [1, 1]), ("oxford", [1, 1]), ("advocate", [1, 1])]
)
async def test_a_debate_in_each_form(actions: Actions, form: str, steps: list[int]) -> None:
    """Skip the judge, as it costs more than the debate; the debate of the next test is judged."""
    command, options = read_options("debate", {"question": "Is tea better than coffee?", "form": form, "rounds": "1"})
    started = await command.handle(
        actions,
        options.model_copy(update={"panel": EMBEDDED}),
        Here(BY, lambda run, question: make_pipe_surface(Console(file=io.StringIO()))),
    )
    assert isinstance(started, Started)
    await skip_when_it_runs(actions, started.run, TurnId("verdict", 1, "judge"))
    t = await actions.wait_until_finished(started.run)
    assert t is not None
    verdict = t.turns[TurnId("verdict", 1, "judge")].ended
    assert verdict is not None
    assert verdict.finish == "skipped"
    assert (t.finished and t.finished.outcome, debaters_per_step(t)) == ("judged", steps)
    assert all(turn.ended and turn.spoke for i, turn in t.turns.items() if i.stage == "opening")


async def skip_when_it_runs(actions: Actions, run: str, turn: TurnId) -> None:
    """Skip a turn as soon as it runs."""
    while True:
        try:
            await actions.skip_turn(run, turn, BY)
        except Refused:
            await asyncio.sleep(0.05)  # only the store tells when it runs
        else:
            return


async def test_a_debate_that_is_cast_watched_and_judged(actions: Actions) -> None:
    t = await run_format(
        actions, "debate", form="free", rounds="2", personas="auto", early="yes", positions="tea; coffee"
    )
    count = count_turns(t, "judged")
    assert (count["cast"], count["check"], count["verdict"]) == (1, 1, 1)
    assert count["scores"] in (1, 2)  # twice where the first could not be read
    assert debaters_per_step(t) in ([1, 1], [1, 1, 1, 1])  # one round where the judge said that it is over


def debaters_per_step(t: Transcript) -> list[int]:
    """Count the debaters of each step, who all began before any of them ended."""
    steps: list[int] = []
    for i, turn in t.turns.items():
        if i.stage in DEBATERS:
            heard = t.before(turn.started.seq).turns.values()
            steps += [0] if all(other.ended for other in heard) else []
            steps[-1] += 1
    return steps


async def test_a_comparison_with_a_length_and_a_temperature_a_seat(actions: Actions) -> None:
    t = await run_format(actions, "compare", models="smollm2@1.2/8, smollm2/6")
    assert count_turns(t, "compared") == {"answer": 2}
    took = {i.seat: turn.ended.usage.output for i, turn in t.turns.items() if turn.ended}
    assert took["smollm2"] <= 8
    assert took["smollm2:2"] <= 6


async def test_a_pipeline(actions: Actions) -> None:
    t = await run_format(actions, "pipeline", pipeline="refine")
    assert count_turns(t, "completed") == {"draft": 1, "critique": 1, "rewrite": 1}
    assert [i.stage for i in t.turns] == ["draft", "critique", "rewrite"]


async def test_a_summary_of_a_run(actions: Actions) -> None:
    await run_format(actions, "compare", models="smollm2/6")
    [row] = await actions.list_runs(BY, 1, may_see_all)
    t = await hold_session(actions, SUMMARISE, SummariseOptions(run=row.run), Console(file=io.StringIO()))
    assert count_turns(t, "summarised") == {"summary": 1}
    assert "Is tea better than coffee?" in t.started.context
