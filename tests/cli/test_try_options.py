"""The options of `moot try`: all that the formats' commands declare, and one sentence for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.terminal.options import list_format_commands, make_program, read_options
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.cli.exit import run_guarded
from bot.cli.provision import provide_models
from bot.cli.try_run import try_once
from bot.domain.run import SIDES
from bot.errors import Refused
from bot.settings.settings import Settings
from commands.command import Here
from tests.support.surfaces import Place, Platform

HERE = Here(Person("p", "Pat"), lambda run, question: Place(Platform()))
CommandLine = tuple[str, Mapping[str, str], Path | None]  # format, options, events file


def parse(*args: str) -> CommandLine:
    """Return what the program makes of a command line."""
    calls: list[CommandLine] = []

    def act(*call: Any) -> int:
        calls.append(call)
        return 3

    result = CliRunner().invoke(make_program(act, "Try it."), args)
    assert result.exit_code == 3, result.output
    [call] = calls
    return call


def make_request(format: str, **typed: str) -> RunRequest:
    _, options = read_options(format, {"question": "Why?", **typed})
    return options.make_request(format, HERE)


def test_every_format_that_answers_a_question_can_be_tried() -> None:
    assert list(list_format_commands()) == ["council", "debate", "compare", "pipeline"]


def test_what_is_typed_reaches_the_format() -> None:
    assert parse("Why?") == ("council", {"question": "Why?"}, None)
    assert parse("--format", "debate", "--form", "oxford", "Why?", "--events", "e.jsonl") == (
        "debate",
        {"question": "Why?", "form": "oxford"},
        Path("e.jsonl"),
    )
    assert parse("--", "-1 or 1?")[1] == {"question": "-1 or 1?"}


def test_a_question_needs_no_quotes() -> None:
    question = {"question": "should we rewrite it"}
    assert parse("should", "we", "rewrite", "it") == ("council", question, None)
    assert parse("--format", "compare", "should", "we", "--events", "e.jsonl", "rewrite", "it") == (
        "compare",
        question,
        Path("e.jsonl"),
    )


def test_each_declared_option_is_in_the_help() -> None:
    help = CliRunner().invoke(make_program(lambda *call: 0, "Try it."), ["--help"], env={"COLUMNS": "200"}).output
    for command in list_format_commands().values():
        for name in command.options.model_fields:
            assert (name if name == "question" else f"--{name}") in help


def test_options_come_to_what_they_come_to_on_every_platform() -> None:
    assert make_request("council", mode="ranking").mode == "ranking"
    debate = make_request(
        "debate", form="Oxford", positions="assigned", rounds="2", early="no", personas="auto"
    ).debating
    assert debate is not None
    assert (debate.form, debate.positions, debate.watch, debate.cast) == ("oxford", SIDES, False, True)
    assert make_request("debate", rounds="2").rounds == 2
    seats = make_request("compare", models="a@0.2/60, b").seats
    assert seats is not None
    assert [(s.model, s.temperature, s.max_tokens) for s in seats.seats] == [("a", 0.2, 60), ("b", None, None)]


@pytest.mark.parametrize(
    ("format", "typed", "sentence"),
    [
        ("cuoncil", {}, "There is no format “cuoncil”. Did you mean council?"),
        ("council", {"form": "oxford"}, "A council has no --form: that is for --format debate."),
        ("council", {"mode": "all"}, "mode must be answers, ranking or full, not “all”."),
        (
            "debate",
            {"form": "oxfrod"},
            "form must be simultaneous, turns, oxford, advocate or free, not “oxfrod”.",
        ),
        ("debate", {"rounds": "7"}, "rounds must be 6 at most, not “7”."),
        ("debate", {"rounds": "two"}, "rounds must be a whole number, not “two”."),
        ("debate", {"early": "maybe"}, "early must be yes or no, not “maybe”."),
        ("debate", {"pipeline": "refine"}, "A debate has no --pipeline: that is for --format pipeline."),
    ],
)
def test_what_is_wrong_is_one_sentence(format: str, typed: Mapping[str, str], sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        read_options(format, {"question": "Why?", **typed})
    assert str(caught.value) == sentence


PANEL = '[models.a]\nlitellm = "x/y"\napi_key = "k"\n[panels.default]\nseats = ["a", "a"]\n'
CYCLE = '[steps.a]\nprompt = "x"\ninputs = ["b"]\n[steps.b]\nprompt = "x"\ninputs = ["a"]\n'


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ({}, "There is no pipeline “”. The pipelines are ideas, refine, translate."),
        ({"pipeline": "refin"}, "There is no pipeline “refin”. Did you mean refine?"),
        ({"pipeline": "none.toml"}, "--pipeline none.toml: cannot be read: No such file or directory."),
        ({"pipeline": "cycle.toml"}, "These steps wait for each other: a → b → a."),
        ({"pipeline": "bytes.toml"}, "--pipeline bytes.toml: cannot be read: it is no text."),
        ({"pipeline": "refine", "models": "b"}, "There is no model “b”. The models are a."),
        ({"pipeline": "refine", "panel": "fats"}, "There is no panel “fats”. The panels are default."),
        ({"pipeline": "refine", "panel": "More…"}, "There are no forms in a terminal: say the rest as options."),
    ],
)
def test_a_pipeline_that_cannot_be_run_is_refused_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    typed: Mapping[str, str],
    line: str,
) -> None:
    (folder / "moot.toml").write_text(PANEL)
    (folder / "cycle.toml").write_text(CYCLE)
    (folder / "bytes.toml").write_bytes(b"\xff\xfe")
    assert run_guarded(try_once("pipeline", {"question": "Why?", **typed})) == 1
    assert capsys.readouterr().err.splitlines() == [line]


@pytest.mark.usefixtures("folder")
async def test_a_panel_is_not_passed_over_where_nothing_is_configured() -> None:
    with pytest.raises(Refused, match="There is no panel “fats”: nothing is configured here"):
        async with provide_models(Settings(), "fats", lambda found: found):
            pass
