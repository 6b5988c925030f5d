"""What people wish for when a run is to start, and the wishes that follow from a run that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from bot.debating import Debating
from bot.errors import Refused
from bot.facts import Image, Lane, Mode, Origin, Panel, Step, TurnEnded, Veil
from bot.rights import Person
from bot.settings import PanelSettings
from bot.thread import Post
from bot.transcript import Transcript
from bot.veil import known_as, masked

LIVE = Veil()  # nothing is hidden
SHORT_CHARS = 200  # of an earlier question, where it is named in another


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for when starting a run. `seats` instead of a `panel` by name; neither: the usual panel of
    the place. `rounds` None: the format's usual number. `channels`: where it was asked, by id and name. `seated`:
    the seats sat at an earlier run, so that nobody's personas are new. `mode`: how far a council goes. `origin`: of
    what was sent into the context. `steps`: of a pipeline, by the keys that `seats` will have. `veil`: what people
    are not to know at once.
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
    origin: Origin | None = None
    steps: tuple[Step, ...] = ()
    veil: Veil = LIVE


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
        origin=start.origin,
        steps=start.steps,
        veil=start.rules.veil,
    )


def follow_up(t: Transcript, thread: Sequence[Post], question: str, by: Person) -> Wish:
    """Going on from what a run came to; `thread`: what stands there."""
    context = "\n\n".join([f"Question: {t.started.question}", *_said(thread)])
    rules = t.started.rules.debating
    debating = replace(rules, positions=()) if rules else None  # they answered the question before
    return replace(again(t, by), question=question, context=context, images=(), origin=None, debating=debating)


def _said(thread: Sequence[Post]) -> list[str]:
    return [f"{post.title}:\n{post.text}" for post in thread if post.text]


def summary(t: Transcript, thread: Sequence[Post], by: Person) -> Wish:
    """What a run has come to so far, told by its chair's model alone. Raises Refused where nothing has been said."""
    start, said = t.started, _said(thread)
    if not said:
        raise Refused("Nothing has been said there yet, so there is nothing to summarise.")
    remarks = [f"{remark.who}:\n{remark.text}" for remark in t.remarks]
    context = "\n\n".join([f"Question: {start.question}", *said, *remarks])
    asked = " ".join(start.question.split())
    question = f"Summarise this {start.format}: {asked[:SHORT_CHARS]}{'…' if len(asked) > SHORT_CHARS else ''}"
    speaker = replace(start.panel.chair or start.panel.seats[0], persona="")
    if masked(t):
        speaker = replace(speaker, name="Summary")  # whose model that is may tell who somebody is
    return Wish("summary", question, by, seats=seats_of(Panel((speaker,))), context=context, seated=True)


def from_run(t: Transcript, run: str, lane: Lane, text: str) -> Origin:
    """Of what a seat has said: its latest turn in that lane, and when that ended, or began where it still speaks."""
    turn = [turn for i, turn in t.turns.items() if i.lane == lane][-1]
    seat = next(s for s in t.started.panel.everyone() if s.key == lane.seat)
    ends = (e.at for e in t.entries if isinstance(e.fact, TurnEnded) and e.fact.turn == turn.id)
    model = "" if masked(t) else seat.model
    return Origin(known_as(t, seat.key), _digest(text), model, run, turn.id, next(ends, turn.started.at))


def from_message(who: str, text: str) -> Origin:
    """Of a message that no seat wrote."""
    return Origin(who, _digest(text))


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def passage(said: str, wished: str) -> str:
    """The part of `said` that people have copied, line breaks aside; all of it where they copied none. Raises
    Refused where it does not stand there: an origin must not vouch for words that were never said."""
    if not wished.strip():
        return said
    if " ".join(wished.split()) not in " ".join(said.split()):
        raise Refused("That passage does not stand there: copy it as it is, or leave it out to send all.")
    return wished.strip()


def one_seat(t: Transcript, lane: Lane, said: str, question: str, by: Person) -> Wish:
    """Going on with one seat alone, from what it said. Raises Refused where that would tell whose seat it is."""
    if masked(t):
        raise Refused("That would tell who it is: ask once the names are known.")
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
