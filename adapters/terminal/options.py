"""What `moot try` may be told: the options that the formats' commands declare, for a shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from bot.errors import Refused
from bot.text import did_you_mean
from commands import COMMANDS
from commands.command import Command, RunOptions, mistakes

USUAL = "council"
TYPED = "question"  # the option that is typed without its name
EPILOG = (
    "Panels are those of moot.toml; “embedded” is the small model that needs no key. A pipeline may be a TOML file."
)


def list_format_commands() -> Mapping[str, Command]:
    """The commands that put a question to a table, by the format they start."""
    return {_format_of(command): command for command in COMMANDS if issubclass(command.options, RunOptions)}


def read_options(format: str, given: Mapping[str, str]) -> tuple[Command, RunOptions]:
    """A command and its options, of what was typed. Raises Refused."""
    known = list_format_commands()
    if format not in known:
        raise Refused(f"There is no format “{format}”. {did_you_mean(format, list(known), 'formats')}")
    command = known[format]
    fields = command.options.model_fields
    if strange := next((name for name in given if name not in fields), None):
        having = [f for f, other in known.items() if strange in other.options.model_fields]
        raise Refused(f"A {format} has no --{strange}: that is for --format {' or '.join(having)}.")
    left_out = {name: "" for name, field in fields.items() if field.is_required()}
    try:
        options = command.options.model_validate({**left_out, **given})
    except ValidationError as error:
        raise Refused(mistakes(error)) from error
    assert isinstance(options, RunOptions)  # `formats` has no others
    return command, options


def make_program(act: Callable[[str, Mapping[str, str], Path | None], int], help: str) -> typer.Typer:
    """`moot try` itself. `act` is told the format, what was typed for its options, and where events are written; it
    returns the exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    def try_(**typed: Any) -> None:
        format, events = typed.pop("format"), typed.pop("events")
        raise typer.Exit(act(format, {name: value for name, value in typed.items() if value is not None}, events))

    offered = ", ".join(list_format_commands())
    own = {
        TYPED: Annotated[str, typer.Argument(help=RunOptions.model_fields[TYPED].description)],
        "format": Annotated[str, typer.Option(help=f"how they talk: {offered}")],
        "events": Annotated[Path | None, typer.Option(help="write what happens, one JSON object a line")],
    }
    try_.__annotations__ = {**own, **_declare_options()}
    defaults = {TYPED: Parameter.empty, "format": USUAL}
    try_.__signature__ = Signature(  # type: ignore[attr-defined]  # what `inspect` looks for
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=defaults.get(name), annotation=annotation)
            for name, annotation in try_.__annotations__.items()
        ]
    )
    app.command(help=help, epilog=EPILOG)(try_)
    return app


def _format_of(command: Command) -> str:
    """`/moot pipeline run` starts a pipeline, `/debate` a debate."""
    return command.path[1] if command.path[0] == "moot" else command.path[0]


def _declare_options() -> dict[str, Any]:
    """Each option once, whichever formats have it; those of a few stand together under their formats' names."""
    told: dict[str, dict[str, list[str]]] = {}  # option → help → formats
    for format, command in list_format_commands().items():
        for name, field in command.options.model_fields.items():
            if name != TYPED:
                told.setdefault(name, {}).setdefault(field.description or name, []).append(format)
    return {name: Annotated[str | None, _declare_option(texts)] for name, texts in told.items()}


def _declare_option(texts: Mapping[str, list[str]]) -> Any:
    having = [format for formats in texts.values() for format in formats]
    first, *others = texts
    help = "; ".join([first, *(f"{', '.join(texts[text])}: {text}" for text in others)])
    panel = None if len(having) == len(list_format_commands()) else f"Of a {' or '.join(having)}"
    return typer.Option(help=help, show_default=False, rich_help_panel=panel)
