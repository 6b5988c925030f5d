"""The menu Send to: sends a passage to another model or run, with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.actions.actions import Actions
from bot.actions.request import RunRequest, origin_of_message, origin_of_turn, quote
from bot.domain.run import LaneId, Origin
from bot.errors import MaybeStored, Refused, StoreFailed
from bot.text import join_blocks
from commands.about_message import ABOUT_THIS
from commands.command import Answer, Here, Options, Started, Told, option, read_seats


class TransferOptions(Options):
    model: str = option("", "which model; left out where it goes to a run", suggest="models")
    run: str = option("", "which run; the models there read it in their next turn", suggest="runs")
    note: str = option("", "what is to be done with it")
    text: str = option("", "the passage, copied; all of it where left out")


async def send_turn(actions: Actions, run: str, lane: LaneId, options: TransferOptions, here: Here) -> Answer:
    """Send what a seat has said in a lane. Raises Refused; nothing was sent then."""
    with _say_that_nothing_was_sent():
        _, said = await actions.read_lane(run, lane, here.by)
        text = quote(said, options.text)
        origin = origin_of_turn(await actions.read_run(run, here.by), run, lane, text)
        return await _send(actions, text, origin, options, here)


async def send_message(actions: Actions, author: str, said: str, options: TransferOptions, here: Here) -> Answer:
    """Send a message that no seat wrote. Raises Refused; nothing was sent then."""
    with _say_that_nothing_was_sent():
        text = quote(said, options.text)
        return await _send(actions, text, origin_of_message(author, text), options, here)


@contextmanager
def _say_that_nothing_was_sent() -> Iterator[None]:
    """Say in a refusal, or where a remark cannot be stored, that nothing was sent."""
    try:
        yield
    except Refused as error:
        raise Refused(f"Nothing was sent. {error}") from error
    except MaybeStored:
        raise
    except StoreFailed as error:
        raise StoreFailed(f"Nothing was sent. {error}", f"Nothing was sent. {error.for_people}") from error


async def _send(actions: Actions, text: str, origin: Origin, options: TransferOptions, here: Here) -> Answer:
    if not (text.strip() or (here.images and options.model)):
        raise Refused("There is no text in it.")
    if bool(options.model) == bool(options.run):
        raise Refused("Name a model that is to read it, or a run that goes on: one of them.")
    if options.run:
        told = await actions.add_remark(options.run, join_blocks(options.note, text), here.by, origin)
        return Told(f"Sent to run `{options.run}`. {told}")
    request = RunRequest(
        "compare",
        options.note or ABOUT_THIS,
        here.by,
        seats=read_seats(options.model),
        channels=here.channels,
        images=here.images,
        context=f"From {origin}:\n{text}",
        origin=origin,
    )
    return Started(await actions.start_run(request, here.open_surface))
