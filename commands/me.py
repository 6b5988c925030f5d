"""The commands /moot my-data and /moot forget-me: what is kept of a person, for them alone."""

from __future__ import annotations

from bot.actions.actions import Actions
from bot.actions.personal import PersonalActions
from bot.domain.controls import Control, Target
from bot.errors import Refused
from commands.command import Answer, Command, Here, NoOptions, Offered, Told
from commands.deletion import KEEP

FORGET = Control("forget_me", "Forget me")
NOTHING = "Nothing is kept of you here."
WHAT_GOES = (
    "Forget you? For everybody, in all places, this goes: {}. What else you have pressed in runs of others stays "
    "without your name, and so do the sums of what yours have cost. What others have quoted of yours stays in their "
    "runs; messages that you wrote yourself are yours to delete. It is about this account alone: another platform, or "
    "another workspace of Slack, knows you as somebody else. This cannot be taken back."
)


async def _write_data(actions: Actions, options: NoOptions, here: Here) -> Answer:
    text = await _require_personal(actions).write_file(here.by.key)
    return Told("All that is kept of this account of yours:", ("moot-my-data.json", text))


async def _ask_before_forgetting(actions: Actions, options: NoOptions, here: Here) -> Answer:
    found = (await _require_personal(actions).collect(here.by.key)).describe()
    if not found:
        return Told(NOTHING)
    return Offered(WHAT_GOES.format(found), (FORGET, KEEP))


async def forget_person(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    told, deleted = await _require_personal(actions).forget(here.by.key)
    return Told(told, in_place=True, deleted=deleted)


def _require_personal(actions: Actions) -> PersonalActions:
    if actions.personal is None:
        raise Refused(NOTHING)
    return actions.personal


COMMANDS = (
    Command(("moot", "my-data"), "All that is kept of you, as a file.", NoOptions, _write_data),
    Command(
        ("moot", "forget-me"), "Let go all that is kept of you, after a question.", NoOptions, _ask_before_forgetting
    ),
)
