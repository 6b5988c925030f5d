"""The parts of a declaration: options, commands and their answers, for every command and button."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin
from unicodedata import decimal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.actions.actions import Actions
from bot.actions.panels import read_seat
from bot.actions.permissions import Person
from bot.actions.request import RunRequest, origin_of_message, with_excerpt
from bot.domain.controls import Control
from bot.domain.run import Image, Origin, Search
from bot.errors import Refused
from bot.formats.plan import Section
from bot.ports.surface import CanSee, OpenSurface, Surface
from bot.settings.settings import PanelSettings
from bot.settings.value_types import MAX_SEATS
from bot.text import clean_text, quote_typed

_COMMA = re.compile("[,，、]")  # East Asian keyboards have their own
MORE = "More…"  # offered among the panels; it opens a form of every option
SEARCH = "the web: off, auto (a model decides) or on; as set up here where left out"
Suggest = Literal["panels", "models", "personas", "runs", "pipelines"]


class Options(BaseModel):
    """Options of a command or button; `file_into` names the one that takes an attached text file, if any.

    Whatever people type is cleaned here; of a run, which is suggested with its question, the id is kept.
    """

    model_config = ConfigDict(frozen=True)
    file_into: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        cleaned = {
            name: _take_word(cls, name, clean_text(value)) if isinstance(value, str) else value
            for name, value in values.items()
        }
        named = [name for name in cleaned if name in cls.model_fields and read_extra(cls, name, "suggest") == "runs"]
        return cleaned | {name: str(cleaned[name]).strip().partition(" ")[0] for name in named if cleaned[name]}


class NoOptions(Options):
    """No options: it acts at once, without a form."""


async def may_see_all(address: str) -> bool:
    """Return True for every address, as where there is only one person or one place."""
    return True


@dataclass(frozen=True, slots=True)
class Quotation:
    """A message that another one quotes: as context, and who said it in which words."""

    context: str = ""
    who: str = ""
    said: str = ""

    def find_origin(self) -> Origin | None:
        """Return the origin, which the board quotes; None where nothing is quoted."""
        return with_excerpt(origin_of_message(self.who, self.said), self.said) if self.said else None


@dataclass(frozen=True, slots=True)
class Here:
    """A person in a place, as commands and buttons see them."""

    by: Person
    open_surface: OpenSurface  # where a run that starts here is shown
    channels: tuple[str, ...] = ()  # this channel and those around it, each by id and by name
    run: str = ""  # the run whose thread this is
    images: tuple[Image, ...] = ()  # attached
    may_see: CanSee = may_see_all  # which places this person can see, for lists of runs
    about: Quotation = Quotation()  # the message that a command is about


@dataclass(frozen=True, slots=True)
class Started:
    """The answer that a run has begun: its board, for all to see."""

    run: str


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table of plain texts, for platforms that draw some; its first row is the header."""

    caption: str
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Figures of several kinds, each for the same things, for platforms that draw charts; `unit`: what they count."""

    title: str
    unit: str
    names: Sequence[str]
    series: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Told:
    """The answer in a sentence, or some Markdown, for that person alone; `file` is a name, and a text or a picture.

    `must_read`: it is told also where answers to remarks are not. `in_place`: it takes the place of the message whose
    button was pressed. `begins_at`: so many code points of the text have been read elsewhere. `deleted`: runs whose
    texts and messages go now. A platform that draws tables may show `lead`, `charts` and `tables` instead of the text
    and the picture; one that folds long texts away, `sections`.
    """

    text: str
    file: tuple[str, str | bytes] | None = None
    must_read: bool = False
    in_place: bool = False
    begins_at: int = 0
    deleted: Sequence[str] = ()
    lead: str = ""
    charts: Sequence[BarChart] = ()
    tables: Sequence[DataTable] = ()
    sections: Sequence[Section] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The answer that asks first: a form of these options, filled in with `values`, which comes back as a command.

    `choices` are the values of a field that has no fixed ones.
    """

    title: str
    options: type[Options]
    fields: Sequence[str]
    values: dict[str, Any]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offered:
    """The answer with buttons below, for that person alone where a platform has such messages; they act on `run`.

    `in_place`: it takes the place of the message whose button was pressed. A platform that draws tables may show
    `tables` instead of the text.
    """

    text: str
    controls: Sequence[Control]
    run: str = ""
    in_place: bool = False
    tables: Sequence[DataTable] = ()


Answer = Started | Told | Form | Offered


@dataclass(frozen=True, slots=True)
class Command:
    """A command, called by the words of its `path`. `handle` raises Refused.

    `takes_text`: a mention that names the command may go on with its options; without it such a mention is a remark or
    a question that happens to begin with the command's name.
    """

    path: tuple[str, ...]
    help: str
    options: type[Options]
    handle: Callable[[Actions, Any, Here], Awaitable[Answer]]
    takes_text: bool = False


def option(
    default: Any,
    help: str,
    *,
    suggest: Suggest | None = None,
    more: bool = False,
    form_only: bool = False,
    **bounds: Any,
) -> Any:
    """Return a pydantic field, completed from `suggest`; with `more` only the form behind More… shows it.

    `form_only`: it comes from a form alone, and cannot be typed behind the command.
    """
    extra: dict[str, Any] = {"suggest": suggest, "more": more or form_only, "form_only": form_only}
    return Field(default, description=help, json_schema_extra=extra, **bounds)


def read_extra(options: type[Options], field: str, key: Literal["suggest", "more", "form_only"]) -> Any:
    """Return what `option` was given beside pydantic's own."""
    schema = options.model_fields[field].json_schema_extra
    return schema.get(key) if isinstance(schema, dict) else None


def check_typed(options: type[Options], values: Mapping[str, Any]) -> None:
    """Raise Refused where something was typed behind a command that belongs into its form."""
    if any(read_extra(options, name, "form_only") for name in values):
        raise Refused(
            "Nothing was taken: send this command alone, and its form asks for the rest. If there was a key behind it, "
            "others may have read it: revoke that one."
        )


def open_no_surface(run: str, question: str) -> Surface:
    """Stand in for `Here.open_surface` where nothing that is done may start a run."""
    raise AssertionError("a reaction or steering starts no run")


def describe_mistakes(error: ValidationError) -> str:
    """Return in one line what is wrong with options as they were typed."""
    return " ".join(f"{e['loc'][-1]} {_describe_mistake(e)}." for e in error.errors() if e["loc"])


def _describe_mistake(error: ErrorDetails) -> str:
    """Say what an option must be, and what was typed."""
    bounds = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is missing"
        case "bool_parsing":
            must = "yes or no"
        case "int_parsing":
            must = "a whole number"
        case "greater_than_equal":
            must = f"{bounds['ge']} at least"
        case "less_than_equal":
            must = f"{bounds['le']} at most"
        case "literal_error":
            must = str(bounds["expected"]).replace("'", "")
        case _:
            return f"cannot be read: {error['msg'][:1].lower()}{error['msg'][1:]}"
    return f"must be {must}, not {quote_typed(str(error['input']))}"


def _take_word(options: type[BaseModel], name: str, value: str) -> str:
    """Return a word that is one of an option's choices as they are written, in whatever case somebody has typed it.

    A number's digits may be of any script.
    """
    word = value.strip().lower()
    declared = options.model_fields.get(name)
    if declared and plain_type(declared) is int:
        return "".join(str(decimal(char, char)) for char in word)
    return word if declared and word in get_args(plain_type(declared)) else value


def plain_type(field: FieldInfo) -> Any:
    """Return the type that people fill in: `int` for a field of `int | None`."""
    if get_origin(field.annotation) in (Union, UnionType):
        return next(arg for arg in get_args(field.annotation) if arg is not type(None))
    return field.annotation


def read_bounds(field: FieldInfo) -> dict[str, int]:
    """Return the bounds of a number, under the names that Discord and Slack both use."""
    named = {"min_value": "ge", "max_value": "le"}
    found = {name: [getattr(m, which) for m in field.metadata if hasattr(m, which)] for name, which in named.items()}
    return {name: values[0] for name, values in found.items() if values}


class StartOptions(Options):
    """Options of a command that answers with the board of a run, for all to see."""


class RunOptions(StartOptions):
    """Options of the commands that put a question to a table.

    `FORM` names those in the form behind More…, the most wanted first, as not every platform has room for all.
    """

    FORM: ClassVar[tuple[str, ...]] = ("question", "models", "personas", "chair")
    file_into: ClassVar[str] = "question"

    question: str = Field(description="what the table should talk about")
    panel: str = option("", "who sits at the table; the usual panel where left out", suggest="panels")
    models: str = option(
        "",
        "other seats than a panel's, with commas: claude, or claude@0.2/600 (temperature, tokens)",
        suggest="models",
        more=True,
    )
    personas: str = option(
        "", "of those seats in turn, with commas: from the library or your words", suggest="personas", more=True
    )
    chair: str = option("", "the model that sums up or judges", suggest="models", more=True)

    def make_request(self, format: str, here: Here) -> RunRequest:
        return RunRequest(
            format,
            self.question,
            here.by,
            panel=self.panel,
            rounds=getattr(self, "rounds", None),
            seats=read_seats(self.models, self.personas),
            chair=self.chair,
            channels=here.channels,
            images=here.images,
            context=here.about.context,
            origin=here.about.find_origin(),
        )


class SearchOptions(RunOptions):
    """Options of the formats that can use a search of the web."""

    FORM = (*RunOptions.FORM, "search")

    search: Search | None = option(None, SEARCH)

    def make_request(self, format: str, here: Here) -> RunRequest:
        return replace(super().make_request(format, here), search=self.search)


def make_start_handler(format: str) -> Callable[[Actions, RunOptions, Here], Awaitable[Answer]]:
    """Return the handler of a command that does nothing but start a run of one format."""

    async def handle(actions: Actions, options: RunOptions, here: Here) -> Answer:
        if form := make_more_form(format, options):
            return form
        return Started(await actions.start_run(options.make_request(format, here), here.open_surface))

    return handle


def make_more_form(format: str, options: RunOptions) -> Form | None:
    """Return the form of every option if the person chose More… among the panels."""
    if options.panel != MORE:
        return None
    typed = options.model_dump(include=options.model_fields_set - {"panel"})
    return Form(f"A {format}", type(options), options.FORM, typed)


def read_seats(models: str, personas: str = "", chair: str = "", judge: str = "") -> PanelSettings | None:
    """Read seats as people write them (`read_seat`), with commas, and personas in the same order. Raises Refused.

    Returns None where no model is named.
    """
    named = [name.strip() for name in _COMMA.split(models) if name.strip()]
    if not named:
        if personas.strip():
            raise Refused("Personas are of models: name these as well, in the same order.")
        return None
    if len(named) > MAX_SEATS:
        raise Refused(f"A table has {MAX_SEATS} seats at most; these are {len(named)}.")
    parts = [part.strip() for part in _COMMA.split(personas)]
    roles = [*parts, *[""] * len(named)]
    written = [read_seat(model).model_copy(update={"persona": role}) for model, role in zip(named, roles, strict=False)]
    return PanelSettings(seats=written, chair=chair or None, judge=judge or None)
