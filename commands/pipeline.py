"""The commands /moot pipeline …: work in named steps."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from bot.actions.actions import Actions
from bot.actions.pipeline_files import read_pipeline
from commands.command import (
    Answer,
    Command,
    Form,
    Here,
    NoOptions,
    Options,
    RunOptions,
    Started,
    Told,
    make_more_form,
    option,
)

NAME = r"^[a-z0-9][a-z0-9_-]{0,29}$"


class ShowOptions(Options):
    name: str = option(..., "which pipeline", suggest="pipelines")


class SaveOptions(Options):
    file_into: ClassVar[str] = "text"

    name: str = Field(description="lower-case letters, digits, _ -", pattern=NAME)
    text: str = Field("", description="its TOML, or attach the file; a form asks for it where left out")


class PipelineOptions(RunOptions):
    FORM = ("pipeline", "question", "models", "personas", "chair")

    pipeline: str = option(..., "which one", suggest="pipelines")


async def _list(actions: Actions, options: NoOptions, here: Here) -> Answer:
    uses = await actions.services.pipelines.count_uses(here.by.server)
    known = await actions.services.pipelines.list_pipelines(here.by.server)
    return Told("\n".join(_line(name, text, uses.get(name, 0)) for name, text in known.items()))


async def _show(actions: Actions, options: ShowOptions, here: Here) -> Answer:
    text = await actions.services.pipelines.choose_pipeline(options.name, here.by.server)
    steps = read_pipeline(text).steps.items()
    lines = [f"- **{name}** works on {', '.join(step.inputs)}" for name, step in steps]
    return Told("\n".join([f"Pipeline “{options.name}”:", *lines]), (f"{options.name}.toml", text))


async def _save(actions: Actions, options: SaveOptions, here: Here) -> Answer:
    if not options.text.strip():
        return Form("A pipeline", SaveOptions, ["name", "text"], {"name": options.name})
    return Told(await actions.books.save_pipeline(options.name, options.text, here.by))


async def _run(actions: Actions, options: PipelineOptions, here: Here) -> Answer:
    if form := make_more_form("pipeline", options):
        return form
    return Started(
        await actions.run_pipeline(options.pipeline, options.make_request("pipeline", here), here.open_surface)
    )


def _line(name: str, text: str, uses: int) -> str:
    used = f"used {uses} {'time' if uses == 1 else 'times'}" if uses else "not used yet"
    pipeline = read_pipeline(text)
    return f"- **{name}** ({used}): {pipeline.description or ', '.join(pipeline.steps)}"


COMMANDS = (
    Command(("moot", "pipeline", "list"), "The pipelines of this server and their use.", NoOptions, _list),
    Command(("moot", "pipeline", "show"), "A pipeline as it is written.", ShowOptions, _show),
    Command(("moot", "pipeline", "save"), "Keep a pipeline for this server, written as TOML.", SaveOptions, _save),
    Command(("moot", "pipeline", "run"), "Work in named steps, each on what others made.", PipelineOptions, _run),
)
