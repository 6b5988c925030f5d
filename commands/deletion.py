"""The button Delete: it asks first, and says what goes and what stays."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.actions import Actions
from bot.domain.controls import Control, Target
from commands.command import Answer, Here, NoOptions, Offered, Told

DELETE_NOW, KEEP = Control("delete_now", "Delete"), Control("keep", "Keep")
WHAT_GOES = (
    "Delete this run for everybody? {}: question, answers, votes and remarks. What people wrote there themselves "
    "stays, and so does what the run has cost, without names, in the sums. This cannot be taken back."
)


async def ask_before_deleting(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    count = await actions.keeping.count_messages(target.run, here.by)
    return Offered(describe_deletion(count), (DELETE_NOW, KEEP), target.run)


async def delete_run(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.keeping.delete_run(target.run, here.by), in_place=True, deleted=(target.run,))


async def keep_run(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told("Kept: nothing was deleted.", in_place=True)


def describe_deletion(messages: int) -> str:
    """Return the question before a run is deleted: what goes, with the number of its messages, and what stays."""
    match messages:
        case 0:
            goes = "All its texts go"
        case 1:
            goes = "Its one message goes, and all its texts"
        case _:
            goes = f"Its {messages} messages go, and all its texts"
    return WHAT_GOES.format(goes)


def describe_leftover(reasons: Sequence[str]) -> str:
    """Return a sentence on messages that are left of a deleted run, each for one of the reasons."""
    count = "1 message is" if len(reasons) == 1 else f"{len(reasons)} messages are"
    return f"{count} still there: {'; '.join(dict.fromkeys(reasons))}."
