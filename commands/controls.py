"""Everything that can be pressed: buttons, reactions and message menus. Adapters draw these and declare none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.actions.request import RunRequest, ask_seat, follow_up, rerun
from bot.domain.controls import Control, FormatRef, ObjectionRef, SeatRef, Target
from bot.domain.visibility import reveal_header
from bot.engine.thread import ASK_LATER, BALLOT, CARD, MARKS, REST
from bot.formats.plan import join_sections
from bot.text import join_blocks
from commands.about_message import ask_council_about, ask_second_opinion, check_message, debate_message
from commands.command import Answer, Form, Here, NoOptions, Options, Started, Told, option
from commands.deletion import DELETE_NOW, KEEP, ask_before_deleting, delete_run, keep_run
from commands.differences import PairOptions, list_answers, show_differences
from commands.export import export_run
from commands.me import FORGET, forget_person
from commands.more import offer_ballot, offer_rest
from commands.outcome import ask_later, make_marker, offer_marks
from commands.runs import NEWER, turn_page
from commands.summarise import start_summary
from commands.transfer import TransferOptions, send_message, send_turn


class RemarkOptions(Options):
    text: str = Field(description="what to tell the models; they read it in their next turn")


class ObjectionFormOptions(Options):
    text: str = Field(description="what must be answered, in a sentence")


class GuessOptions(Options):
    name: str = Field(description="who you think it is")


class NameOptions(Options):
    text: str = option("", "what lists call this run; nothing: its question")


class QuestionOptions(Options):
    question: str = Field(description="what to ask")


@dataclass(frozen=True, slots=True)
class Press:
    """A button, reaction or menu. If its `options` have fields, a form of them is shown first.

    `choices` returns the values of fields that depend on what was pressed. Both functions raise Refused.
    `starts_run`: the answer may be the board of a run, for all to see.
    """

    help: str
    handle: Callable[[Actions, Target, Any, Here], Awaitable[Answer]]
    options: type[Options] = NoOptions
    choices: Callable[[Actions, Target, Person], Awaitable[Mapping[str, Sequence[str]]]] | None = None
    starts_run: bool = False


async def make_form(press: Press, actions: Actions, target: Target, by: Person) -> Form:
    """Return the form that a press shows first. Raises Refused."""
    choices = await press.choices(actions, target, by) if press.choices else {}
    return Form(press.help.rstrip("."), press.options, list(press.options.model_fields), {}, choices)


async def _skip(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.skip_turn(target.run, target.turn, here.by))


async def _retry(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.retry_turn(target.run, target.turn, here.by))


async def _vote(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    """Vote for a seat in the latest round, or for a turn in its round; or upvote an objection."""
    match target.about:
        case ObjectionRef():
            return await _upvote(actions, target, options, here)
        case SeatRef(key):
            return Told(await actions.cast_vote(target.run, key, here.by))
        case _:
            return Told(await actions.cast_vote(target.run, target.turn.seat, here.by, target.turn.round))


async def _unvote(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    if isinstance(target.about, ObjectionRef):
        return Told(await actions.steering.withdraw_upvote(target.run, target.objection, here.by))
    return Told(await actions.withdraw_vote(target.run, target.turn.seat, here.by, target.turn.round))


async def _close(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.close_vote(target.run, here.by))


async def _stop(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.stop_run(target.run, here.by))


async def _reveal(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.reveal_answers(target.run, here.by))


async def _guess(actions: Actions, target: Target, options: GuessOptions, here: Here) -> Answer:
    return Told(await actions.guess_speaker(target.run, target.seat, options.name, here.by))


async def _list_guesses(actions: Actions, target: Target, by: Person) -> Mapping[str, Sequence[str]]:
    return {"name": await actions.list_guesses(target.run, target.seat, by)}


async def _say(actions: Actions, target: Target, options: RemarkOptions, here: Here) -> Answer:
    return Told(await actions.add_remark(target.run, options.text, here.by))


async def _read_on(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    name, text = await actions.read_lane(target.run, target.lane, here.by)
    begins_at = target.chars_read
    if begins_at:  # its message counts the line that names the seat of a blind run as well
        begins_at -= len(reveal_header(await actions.read_run(target.run, here.by), target.lane.seat))
    return Told(text, (f"{name}.md", text), begins_at=max(0, begins_at))


async def _show_full_texts(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    name, sections = await actions.read_sections(target.run, target.lane, here.by)
    text = join_sections(sections)
    return Told(text, (f"{name}.md", text), sections=sections)


async def _follow_up(actions: Actions, target: Target, options: QuestionOptions, here: Here) -> Answer:
    t = await actions.read_run(target.run, here.by)
    thread = await actions.read_thread(target.run, here.by)
    return await _start_run(actions, follow_up(t, thread, options.question, here.by), here)


async def _run_again(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return await _start_run(actions, rerun(await actions.read_run(target.run, here.by), here.by), here)


async def _export(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told("The whole run as a file:", await export_run(actions, target.run, here.by))


async def _draw_card(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    picture = await export_run(actions, target.run, here.by, "card")
    return Told("The run as a picture, to share where you like:", picture)


async def _name(actions: Actions, target: Target, options: NameOptions, here: Here) -> Answer:
    return Told(await actions.keeping.name_run(target.run, options.text, here.by))


async def _archive(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.keeping.archive_run(target.run, here.by))


async def _restore(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.keeping.restore_run(target.run, here.by))


async def _remove(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.remove_turn(target.run, target.turn, here.by))


async def _ask(actions: Actions, target: Target, options: QuestionOptions, here: Here) -> Answer:
    return await _start_run(actions, RunRequest(target.format, options.question, here.by), here)


async def _ask_seat(actions: Actions, target: Target, options: QuestionOptions, here: Here) -> Answer:
    t = await actions.read_run(target.run, here.by)
    _, said = await actions.read_lane(target.run, target.lane, here.by)
    thread = await actions.read_thread(target.run, here.by)
    return await _start_run(actions, ask_seat(t, thread, target.lane, said, options.question, here.by), here)


async def _send_to(actions: Actions, target: Target, options: TransferOptions, here: Here) -> Answer:
    if target.run:
        return await send_turn(actions, target.run, target.lane, options, here)
    return await send_message(actions, target.author, join_blocks(target.text, target.carried), options, here)


async def _summarise(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Started(await start_summary(actions, target.run, here))


async def _differences(actions: Actions, target: Target, options: PairOptions, here: Here) -> Answer:
    return await show_differences(actions, target.run, target.about, options, here)


async def _pause(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.pause_run(target.run, here.by))


async def _resume(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.resume_run(target.run, here.by))


async def _object(actions: Actions, target: Target, options: ObjectionFormOptions, here: Here) -> Answer:
    """Raise an objection; pressed under a turn, it is put to that turn's seat."""
    return Told(await actions.steering.raise_objection(target.run, options.text, here.by, target.turn.seat))


async def _upvote(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.upvote_objection(target.run, target.objection, here.by))


async def _go_on(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.vote_on_next_round(target.run, target.turn.round, "go on", here.by))


async def _end_here(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.vote_on_next_round(target.run, target.turn.round, "end", here.by))


async def _next(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.start_next_round(target.run, here.by, target.turn.round))


async def _close_round(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.steering.close_round_vote(target.run, here.by, target.turn.round))


async def _start_offered(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    chosen = target.format if isinstance(target.about, FormatRef) else ""
    return Started(await actions.start_offered(target.run, here.by, here.open_surface, chosen))


async def _cancel_offered(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.cancel_offered(target.run, here.by), in_place=True)


async def _start_run(actions: Actions, request: RunRequest, here: Here) -> Answer:
    return Started(await actions.start_run(replace(request, channels=here.channels), here.open_surface))


PRESSES: Mapping[str, Press] = {
    "skip": Press("Skip this turn.", _skip),
    "retry": Press("Ask a failed seat again.", _retry),
    "vote": Press("Vote for a seat.", _vote),
    "unvote": Press("Take a vote away.", _unvote),
    "close": Press("Close the vote.", _close),
    "stop": Press("End the run, keeping what is there.", _stop),
    "pause": Press("Let what speaks finish, and begin nothing.", _pause),
    "resume": Press("Go on after a pause.", _resume),
    "object": Press("Object to what was said.", _object, ObjectionFormOptions),
    "upvote": Press("Support an objection.", _upvote),
    "go_on": Press("Vote for another round.", _go_on),
    "end_here": Press("Vote for ending after this round.", _end_here),
    "next": Press("Begin the next round at once.", _next),
    "close_round": Press("Count the votes on the next round now.", _close_round),
    "reveal": Press("Show what is hidden.", _reveal),
    "guess": Press("Guess who a speaker is.", _guess, GuessOptions, _list_guesses),
    "say": Press("Tell the table something.", _say, RemarkOptions),
    "read_on": Press("The rest of a long turn.", _read_on),
    "full_texts": Press("What a card tells of, in full.", _show_full_texts),
    "follow_up": Press("Ask on from here.", _follow_up, QuestionOptions, starts_run=True),
    "run_again": Press("The same once more.", _run_again, starts_run=True),
    BALLOT.action: Press("Show whom one can vote for.", offer_ballot),
    REST.action: Press("Show what else can be done.", offer_rest),
    "start": Press("Begin a run whose price was told first.", _start_offered, starts_run=True),
    "cancel": Press("Leave it.", _cancel_offered),
    "outcome": Press("Say what became of the decision.", offer_marks),
    **{control.action: Press(f"Mark the run: {control.label}.", make_marker(mark)) for mark, control in MARKS.items()},
    ASK_LATER.action: Press("Be asked once, in 30 days, what became of it.", ask_later),
    "name": Press("Name the run for lists.", _name, NameOptions),
    "archive": Press("Leave the run out of lists.", _archive),
    "restore": Press("Have an archived run in lists again.", _restore),
    CARD.action: Press("The run as a picture to share.", _draw_card),
    "export": Press("The run as a file.", _export),
    "delete": Press("Delete the run, after a question.", ask_before_deleting),
    DELETE_NOW.action: Press("Delete the run's messages and texts.", delete_run),
    KEEP.action: Press("Keep it.", keep_run),
    NEWER.action: Press("Another page of a list.", turn_page),
    FORGET.action: Press("Let go all that is kept of you.", forget_person),
    "ask": Press("Ask the table.", _ask, QuestionOptions, starts_run=True),
    "ask_about": Press("Ask the council about a message.", ask_council_about, starts_run=True),
    "debate_about": Press("Debate what a message says.", debate_message, starts_run=True),
    "second_opinion": Press("Ask one more model about a message.", ask_second_opinion, starts_run=True),
    "check": Press("Have a council check a message.", check_message, starts_run=True),
    "ask_seat": Press("Go on with one seat.", _ask_seat, QuestionOptions, starts_run=True),
    "send_to": Press("Send to a model or run.", _send_to, TransferOptions, starts_run=True),
    "summarise": Press("What has been said so far.", _summarise, starts_run=True),
    "differences": Press("Compare two answers.", _differences, PairOptions, list_answers),
    "remove": Press("Blank a turn.", _remove),
}
# Slack alone draws and answers it, as its board stands in a thread that notifies nobody else.
SHARE = Control("share", "Share to channel")
REACTIONS: Mapping[str, str] = {"👍": "vote", "⏭️": "skip", "🛑": "stop", "🔁": "retry"}
MENUS: Mapping[str, str] = {
    "Council on this": "ask_about",
    "Debate this": "debate_about",
    "Second opinion": "second_opinion",
    "Check this": "check",
    "Ask this seat": "ask_seat",
    "Send to another model…": "send_to",
    "Show differences…": "differences",
    "Remove": "remove",
}
