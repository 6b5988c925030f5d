"""The meaning of a press, a reaction, a mention and a changed question, decided once for every platform.

An adapter brings what only its platform knows as small functions: who somebody is and where (`here`), what is
attached (`read_files`), which message is quoted (`quoted`). It gets an answer back, and shows it in its own way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Any, Literal

from pydantic import ValidationError

from bot.actions.actions import Actions
from bot.actions.offers import OfferGone
from bot.actions.permissions import Person
from bot.actions.request import RunRequest, follow_up
from bot.domain.controls import ANOTHER_VERSION, Target, about_lane
from bot.domain.run import Image
from bot.errors import Refused
from bot.ports.store import PostedPage
from bot.settings.platforms import MessageStart
from bot.text import join_blocks, join_names, quote_typed
from commands import COMMANDS, syntax
from commands.about_message import ABOUT_THIS
from commands.command import (
    Answer,
    Command,
    Form,
    Here,
    NoOptions,
    Offered,
    Quotation,
    RunOptions,
    Started,
    Told,
    describe_mistakes,
    open_no_surface,
)
from commands.controls import PRESSES, REACTIONS, make_form
from commands.deletion import describe_leftover
from commands.help import HOW_TO_START, describe_help
from commands.small_talk import asks_nothing

ABOUT_A_SEAT = ("ask_seat", "remove")  # menus that mean nothing on a message that no seat has written
BY_PATH = {command.path: command for command in COMMANDS}
STARTS = {path: command for path, command in BY_PATH.items() if issubclass(command.options, RunOptions)}

GetPerson = Callable[[], Awaitable[Person]]  # who acts; raises Refused where they may not
GetHere = Callable[[], Awaitable[Here]]  # who acts and where; raises Refused where they may not
# a text → the text followed by the attached text files, and the attached images; raises Refused
ReadFiles = Callable[[str], Awaitable[tuple[str, Sequence[Image]]]]


async def press(
    actions: Actions,
    action: str,
    target: Target,
    values: Mapping[str, Any] | None,
    *,
    person: GetPerson,
    here: GetHere,
    read_files: ReadFiles,
    in_order: AbstractAsyncContextManager[object],
) -> Answer:
    """Do what a button, menu or form says; return its answer. Raises Refused.

    `values`: what the form brought back; None before one was shown: an action that needs values then answers with its
    form. `in_order`: held while it acts, so that one person's presses act in the order in which they came.
    """
    declared = PRESSES.get(action)
    if declared is None:
        raise Refused(ANOTHER_VERSION)
    if declared.options.model_fields and values is None:
        return await make_form(declared, actions, target, await person())
    text, images = await read_files(target.text)
    options = declared.options.model_validate(values or {})
    async with in_order:
        at = replace(await here(), images=tuple(images))
        try:
            return await declared.handle(actions, replace(target, text=text), options, at)
        except OfferGone as error:  # its buttons would only be refused again
            return Told(str(error), in_place=True)


def take_its_place(answer: Answer) -> Answer:
    """Return the answer to a press below a notice that one person reads: it takes the place of the notice.

    So what was offered there does not go on standing where it would be refused.
    """
    is_short = isinstance(answer, Offered) or (isinstance(answer, Told) and not (answer.file or answer.tables))
    return replace(answer, in_place=True) if is_short and isinstance(answer, Offered | Told) else answer


async def finish_delete(actions: Actions, answer: Answer, erase: Callable[[str], Awaitable[Sequence[str]]]) -> str:
    """Erase texts and messages of the runs that an answer says are deleted; return a sentence on what is left, else "".

    `erase` deletes a run's messages on a platform, and returns why each of those that are left could not be.
    """
    deleted = answer.deleted if isinstance(answer, Told) else ()
    await actions.erase_deleted(deleted)
    left: list[str] = []
    for run in deleted:
        left += await erase(run)
        if actions.deletions:
            await actions.deletions.end(run)
    return describe_leftover(left) if left else ""


def menu_target(action: str, found: tuple[str, PostedPage] | None, text: str, author: str, carried: str = "") -> Target:
    """Return what a message's menu is about; `found`: the run and page that the message shows. Raises Refused."""
    run, page = found if found else ("", None)
    if action in ABOUT_A_SEAT and (page is None or not page.lane.seat):
        raise Refused("That is no seat's message: use this on what a seat has said in one of my threads.")
    return Target(run, about_lane(page.lane) if page else None, text, author, carried)


def reaction_action(emoji: str, *, added: bool) -> str:
    """Return the action that a reaction means, or that taking it away means; "" where that means nothing."""
    action = REACTIONS.get(emoji, "")
    if added:
        return action
    return "unvote" if action == "vote" else ""


async def react(
    actions: Actions, action: str, found: tuple[str, PostedPage] | None, person: Callable[[], Awaitable[Person | None]]
) -> None:
    """Press the button that a reaction to the page `found` stands for. Nobody is told why that is refused.

    `person` returns None for those who do not count, such as other bots. Raises StoreFailed: it may be tried again.
    """
    if found is None:
        return
    run, page = found
    with suppress(Refused):  # a reaction cannot be answered to one person alone
        if by := await person():
            target = Target(run, about_lane(page.lane))
            await PRESSES[action].handle(actions, target, NoOptions(), Here(by, open_no_surface))


async def mention(
    actions: Actions,
    text: str,
    here: Here,
    *,
    is_addressed: bool,
    starts: MessageStart,
    read_files: ReadFiles,
    quoted: Callable[[], Quotation] = Quotation,
    carried: str = "",
) -> Answer | None:
    """Take a message that may be for us; return its answer, None where it is not for us. Raises Refused.

    One that is addressed to us, by a mention or in a direct message, and begins with the name of a format starts that.
    Otherwise it is a remark in the thread of a run that goes on, answered if it addresses us; elsewhere, if it does, it
    `starts` what the operator has set; instead of a format, a follow-up in the thread of a run that is over. One that
    asks nothing is answered with what can be done. Raises MustAgree where its writer is asked first. `carried` is what
    the message holds beside its text: forwards, embeds.
    `quoted` returns the message that it replies to or shares, and raises Refused where that cannot be read; in a run's
    thread all have read that one already. The board quotes it, and a thread is named after it.
    """
    typed = find_start(text) if is_addressed else None
    if here.run and not typed and not (await actions.read_run(here.run, here.by)).is_over:
        told = await _add_remark(actions, join_blocks(text, carried), here, read_files)
        return replace(told, must_read=told.must_read or is_addressed)
    if not is_addressed:
        return None
    quotation = quoted()
    context = join_blocks(quotation.context, carried)
    if typed:
        return await _start_typed(actions, *typed, replace(here, about=replace(quotation, context=context)), read_files)
    question, images = await read_files(text or (ABOUT_THIS if context else ""))
    if asks_nothing(question) and not images:
        return describe_help(actions)
    if starts == "nothing":
        return Told(HOW_TO_START, must_read=True)
    if here.run:
        t = await actions.read_run(here.run, here.by)
        request = follow_up(t, await actions.read_thread(here.run, here.by), question, here.by)
    else:
        request = RunRequest("council" if starts == "ask" else starts, question, here.by)
    request = replace(
        request, context=context, images=tuple(images), channels=here.channels, origin=quotation.find_origin()
    )
    if starts == "ask":
        await actions.pricing.require_choice(request)
    return Started(await actions.start_run(request, here.open_surface))


def find_start(text: str) -> tuple[Command, str] | None:
    """Return the command that starts a run and whose name a message begins with, and the text behind it."""
    return syntax.find_command(STARTS, text)


async def _start_typed(actions: Actions, command: Command, rest: str, here: Here, read_files: ReadFiles) -> Answer:
    """Start a run by a command with its question and options, as they were typed. Raises Refused, MustAgree."""
    values = syntax.parse_options(command, rest, BY_PATH)
    question, images = await read_files(values.get("question") or (ABOUT_THIS if here.about.context else ""))
    if not question and not images:
        raise Refused(f"Write the question behind it: `@Moot {' '.join(command.path)} …`")
    try:
        options = command.options.model_validate({**values, "question": question})
    except ValidationError as error:
        raise Refused(describe_mistakes(error)) from error
    answer = await command.handle(actions, options, replace(here, images=tuple(images)))
    if isinstance(answer, Form):
        raise Refused("That needs a form: use the slash command.")
    return answer


async def _add_remark(actions: Actions, text: str, here: Here, read_files: ReadFiles) -> Told:
    """Pass a message on as a remark, with the text files that it has; its pictures are named as left out."""
    said, images = await read_files(text)
    if not images:
        return Told(await actions.add_remark(here.run, said, here.by, in_thread=True))
    names = join_names([quote_typed(image.name) for image in images])
    if not said.strip():
        raise Refused(f"A remark has no pictures: say in words what matters in {names}.")
    told = await actions.add_remark(here.run, said, here.by, in_thread=True)
    left_out = f"Without {names}: a remark has no pictures, so say in words what matters there."
    return Told(f"{told} {left_out}", must_read=True)


def note_change(actions: Actions, run: str, change: Literal["edited", "deleted"]) -> None:
    """Note on the board that the question was changed; the run goes on with what was asked."""
    actions.note_on_board(run, f"The question was {change} after the start; the run goes on with what was asked.")
