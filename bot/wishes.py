"""What people wish for when a run is to start, and the wishes that follow from a run that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.debating import Debating
from bot.rights import Person
from bot.settings import PanelSettings
from bot.thread import Post
from bot.transcript import Image, Lane, Mode, Panel, Transcript


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for when starting a run. `seats` instead of a `panel` by name; neither: the usual panel of
    the place. `rounds` None: the format's usual number. `channels`: where it was asked, by id and name. `seated`:
    the seats sat at an earlier run, so that nobody's personas are new. `mode`: how far a council goes.
    """

    format: str
    question: str
    by: Person
    panel: str = ""
    rounds: int | None = None
    seats: PanelSettings | None = None
    channels: tuple[str, ...] = ()
    context: str = ""
    images: tuple[Image, ...] = ()
    seated: bool = False
    mode: Mode = "full"
    debating: Debating | None = None


def again(t: Transcript, by: Person) -> Wish:
    """The same once more."""
    start = t.started
    return Wish(
        start.format,
        start.question,
        by,
        rounds=start.rules.rounds,
        seats=seats_of(start.panel),
        context=start.context,
        images=start.images,
        seated=True,
        mode=start.rules.mode,
        debating=start.rules.debating,
    )


def follow_up(t: Transcript, thread: Sequence[Post], question: str, by: Person) -> Wish:
    """Going on from what a run came to; `thread`: what stands there."""
    said = [f"{post.title}:\n{post.text}" for post in thread if post.text]
    context = "\n\n".join([f"Question: {t.started.question}", *said])
    rules = t.started.rules.debating
    debating = replace(rules, positions=()) if rules else None  # they answered the question before
    return replace(again(t, by), question=question, context=context, images=(), debating=debating)


def one_seat(t: Transcript, lane: Lane, said: str, question: str, by: Person) -> Wish:
    """Going on with one seat alone, from what it said."""
    seat = next((s for s in t.started.panel.everyone() if s.key == lane.seat), t.started.panel.seats[0])
    context = f"Question: {t.started.question}\n\n{seat.name}:\n{said}"
    return Wish("compare", question, by, seats=seats_of(Panel((seat,))), context=context, seated=True)


def seats_of(panel: Panel) -> PanelSettings:
    """The settings that seat the same panel again."""
    seats = [
        {"model": s.model, "name": s.name, "persona": s.persona, "temperature": s.temperature}
        | ({"max_tokens": s.max_tokens} if s.max_tokens else {})
        for s in panel.seats
    ]
    chair, judge = (s.model if s else None for s in (panel.chair, panel.judge))
    return PanelSettings.model_validate({"seats": seats, "chair": chair, "judge": judge})
