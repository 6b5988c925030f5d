"""The options of `moot try`: those that the formats' commands declare, for a shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from bot.errors import Refused
from bot.text import did_you_mean, quote_typed
from commands import COMMANDS
from commands.command import Command, RunOptions, describe_mistakes

DEFAULT_FORMAT = "council"
ARGUMENT = "question"  # the option that is typed without its name
TABLE_COLUMNS = 60  # in fewer, the tables of the help would cut words
EPILOG = (
    "Panels are those of moot.toml; “embedded” is the small model that needs no key. A pipeline may be a TOML file."
)


def list_format_commands() -> Mapping[str, Command]:
    """List the commands that put a question to a table, by the format that each starts."""
    return {_format_of(command): command for command in COMMANDS if issubclass(command.options, RunOptions)}


def read_options(format: str, typed: Mapping[str, str]) -> tuple[Command, RunOptions]:
    """Return the command of a format, and its options as they were typed. Raises Refused."""
    known = list_format_commands()
    if format not in known:
        raise Refused(f"There is no format {quote_typed(format)}. {did_you_mean(format, list(known), 'formats')}")
    command = known[format]
    fields = command.options.model_fields
    if unknown := next((name for name in typed if name not in fields), None):
        others = [f for f, other in known.items() if unknown in other.options.model_fields]
        raise Refused(f"A {format} has no --{unknown}: that is for --format {' or '.join(others)}.")
    missing = {name: "" for name, field in fields.items() if field.is_required()}
    try:
        options = command.options.model_validate({**missing, **typed})
    except ValidationError as error:
        raise Refused(describe_mistakes(error)) from error
    assert isinstance(options, RunOptions)  # `list_format_commands` has no others
    return command, options


def make_program(act: Callable[[str, Mapping[str, str], Path | None], int], help: str) -> typer.Typer:
    """Make the program of `moot try`.

    `act` is called with the format, the options as they were typed, and the file for events; it returns the exit
    status.
    """
    is_narrow = get_terminal_size().columns < TABLE_COLUMNS
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None if is_narrow else "rich"
    )

    def try_(**typed: Any) -> None:
        format, events = typed.pop("format"), typed.pop("events")
        typed[ARGUMENT] = " ".join(typed[ARGUMENT])  # it needs no quotes
        raise typer.Exit(act(format, {name: value for name, value in typed.items() if value is not None}, events))

    offered = ", ".join(list_format_commands())
    own = {
        ARGUMENT: Annotated[list[str], typer.Argument(help=RunOptions.model_fields[ARGUMENT].description)],
        "format": Annotated[str, typer.Option(help=f"how they talk: {offered}")],
        "events": Annotated[Path | None, typer.Option(help="write what happens, one JSON object a line")],
    }
    try_.__annotations__ = {**own, **_declare_options()}
    defaults = {ARGUMENT: Parameter.empty, "format": DEFAULT_FORMAT}
    try_.__signature__ = Signature(  # type: ignore[attr-defined]  # what `inspect` looks for
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=defaults.get(name), annotation=annotation)
            for name, annotation in try_.__annotations__.items()
        ]
    )
    app.command(help=help, epilog=EPILOG)(try_)
    return app


def _format_of(command: Command) -> str:
    """Return the format that a command starts: `/moot pipeline run` a pipeline, `/debate` a debate."""
    return command.path[1] if command.path[0] == "moot" else command.path[0]


def _declare_options() -> dict[str, Any]:
    """Declare each option once, whichever formats have it."""
    texts: dict[str, dict[str, list[str]]] = {}  # option → help → formats
    for format, command in list_format_commands().items():
        for name, field in command.options.model_fields.items():
            if name != ARGUMENT:
                texts.setdefault(name, {}).setdefault(field.description or name, []).append(format)
    return {name: Annotated[str | None, _declare_option(helps)] for name, helps in texts.items()}


def _declare_option(helps: Mapping[str, list[str]]) -> Any:
    """Declare an option by its help texts (text → formats); one that few formats have is grouped under their names."""
    formats = [format for named in helps.values() for format in named]
    first, *others = helps
    also = {text: text.removeprefix(first).lstrip("; ") for text in others}  # what is said once is not said again
    help = "; ".join([first, *(f"{', '.join(helps[text])}: {rest}" for text, rest in also.items())])
    panel = None if len(formats) == len(list_format_commands()) else f"Of a {' or '.join(formats)}"
    return typer.Option(help=help, show_default=False, rich_help_panel=panel)
