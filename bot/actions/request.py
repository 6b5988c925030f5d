"""Requests to start a run: what a person asks for, and the requests that follow from an earlier run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from bot.actions.permissions import Person
from bot.domain.api_keys import blank_api_keys
from bot.domain.codec import Unreadable, decode_fields, encode_fields
from bot.domain.facts import TurnEnded
from bot.domain.run import (
    LIVE,
    SEARCH_STAGES,
    DebateRules,
    Earlier,
    Image,
    LaneId,
    Mode,
    Origin,
    Panel,
    Search,
    Step,
    Visibility,
    format_noun,
)
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name, names_hidden
from bot.engine.thread import REMOVED, Post
from bot.errors import Refused
from bot.settings.settings import PanelSettings

MAX_NAMED_CHARS = 200  # of an earlier question, where another question names it
EXCERPT_LINES, LINE_CHARS = 2, 150  # of a message that a board quotes
EARLIER_CHARS = 100_000  # of what a run goes on from; each model reads as much of it as its window takes


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A person's request to start a run. Without `panel` and `seats` the usual panel of the place is taken."""

    format: str
    question: str
    by: Person
    panel: str = ""  # by its name
    rounds: int | None = None  # None: the format's usual number
    seats: PanelSettings | None = None  # instead of a panel by its name
    chair: str = ""  # the model that sums up or judges; "": as the panel says
    channels: tuple[str, ...] = ()  # where it was asked, each by id and by name
    context: str = ""
    images: tuple[Image, ...] = ()
    personas_approved: bool = False  # the seats are those of an earlier run, so that none of their personas is new
    mode: Mode = "full"  # how far a council goes
    debating: DebateRules | None = None
    origin: Origin | None = None  # of what was sent into the context
    steps: tuple[Step, ...] = ()  # of a pipeline, with the keys that the seats will have
    pipeline: str = ""  # its name, where its use is counted
    search: Search | None = None  # None: as the settings say
    earlier: tuple[Earlier, ...] = ()  # what was said before; it follows the context
    veil: Visibility = LIVE


def encode_request(request: RunRequest) -> dict[str, Any]:
    """Return a request as plain data, without its person."""
    seats = request.seats.model_dump(mode="json", exclude_defaults=True) if request.seats else None
    plain = encode_fields(request) | {"seats": seats}
    del plain["by"]
    return plain


def decode_request(plain: Mapping[str, Any], by: Person) -> RunRequest:
    """Return the request that `encode_request` wrote, as one of this person. Raises Unreadable."""
    seats = plain.get("seats")
    try:
        panel = None if seats is None else PanelSettings.model_validate(seats)
    except ValidationError as error:
        raise Unreadable("RunRequest.seats: no panel that this version knows") from error
    return decode_fields(RunRequest, {**plain, "seats": panel, "by": by})


def rerun(t: Transcript, by: Person) -> RunRequest:
    """Return a request for the same run once more."""
    start = t.started
    return RunRequest(
        start.format,
        start.question,
        by,
        rounds=start.rules.rounds,
        seats=panel_settings(t.panel),
        context=start.context,
        images=start.images,
        personas_approved=True,
        mode=start.rules.mode,
        debating=start.rules.debating,
        origin=start.origin,
        steps=start.steps,
        search=start.rules.search,
        earlier=start.earlier,
        veil=start.rules.veil,
    )


def change_format(request: RunRequest, format: str) -> RunRequest:
    """Return the request for a format, without what another one's own was: rounds, positions, steps, mode."""
    if format == request.format:
        return request
    return replace(request, format=format, rounds=None, mode="full", debating=None, steps=(), pipeline="")


def follow_up(t: Transcript, thread: Sequence[Post], question: str, by: Person) -> RunRequest:
    """Return a request that goes on from what a run came to; `thread` is what its thread reads."""
    rules = t.started.rules.debating
    debating = replace(rules, positions=()) if rules else None  # they answered the question before
    said = [Earlier(post.title, post.text or "", kept=post.is_outcome) for post in _readable_posts(thread)]
    return replace(
        rerun(t, by),
        question=question,
        context="",
        earlier=_keep_newest([*_earlier_context(t), *said]),
        images=(),
        origin=None,
        debating=debating,
    )


def _earlier_context(t: Transcript) -> list[Earlier]:
    """Return what a run went on from, and its question."""
    start = t.started
    context = [Earlier("context", start.context)] if start.context else []
    return [*context, *start.earlier, Earlier("question", start.question, kept=True)]


def _readable_posts(thread: Sequence[Post]) -> list[Post]:
    return [post for post in thread if post.text and post.text != REMOVED]


def _keep_newest(said: Sequence[Earlier]) -> tuple[Earlier, ...]:
    """Drop the oldest parts until `EARLIER_CHARS` fit; questions and outcomes (`kept`) are dropped last."""
    kept = dict(enumerate(said))
    for n in sorted(kept, key=lambda n: (said[n].kept, n)):
        if sum(len(part.text) for part in kept.values()) <= EARLIER_CHARS:
            break
        del kept[n]
    return tuple(kept.values())


def _format_posts(thread: Sequence[Post]) -> list[str]:
    return [f"{post.title}:\n{post.text}" for post in thread if post.text]


def request_summary(t: Transcript, thread: Sequence[Post], by: Person) -> RunRequest:
    """Return a request for a summary of a run, by its chair's model. Raises Refused where nothing has been said."""
    start, said = t.started, _format_posts(thread)
    if not said:
        raise Refused("Nothing has been said there yet, so there is nothing to summarise.")
    remarks = [f"{remark.who}:\n{remark.text}" for remark in t.remarks]
    context = "\n\n".join([f"Question: {start.question}", *said, *remarks])
    asked = " ".join(start.question.split())
    shown = f"{asked[:MAX_NAMED_CHARS]}{'…' if len(asked) > MAX_NAMED_CHARS else ''}"
    question = f"Summarise this {format_noun(start.format)}: {shown}"
    speaker = replace(start.panel.chair or t.panel.seats[0], persona="")
    if names_hidden(t):
        speaker = replace(speaker, name="Summary")  # whose model that is may tell who somebody is
    seats = panel_settings(Panel((speaker,)))
    return RunRequest("summary", question, by, seats=seats, context=context, personas_approved=True)


def origin_of_turn(t: Transcript, run: str, lane: LaneId, text: str) -> Origin:
    """Return the origin of a seat's latest turn in a lane, timed at its end (or its start while it runs)."""
    turn = [turn for i, turn in t.turns.items() if i.lane == lane][-1]
    seat = next(s for s in t.started.panel.everyone() if s.key == lane.seat)
    ends = (e.at for e in t.entries if isinstance(e.fact, TurnEnded) and e.fact.turn == turn.id)
    model = "" if names_hidden(t) else seat.model
    return Origin(display_name(t, seat.key), _digest(text), model, run, turn.id, next(ends, turn.started.at))


def origin_of_message(who: str, text: str) -> Origin:
    """Return the origin of a message that no seat wrote."""
    return Origin(who, _digest(text))


def with_excerpt(origin: Origin, text: str) -> Origin:
    """Return the origin with the first lines of its text, which the board quotes and a thread is named after."""
    lines = [" ".join(line.split()) for line in blank_api_keys(text).splitlines() if line.strip()]
    excerpt = tuple(line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]} …" for line in lines[:EXCERPT_LINES])
    return replace(origin, excerpt=excerpt)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def quote(said: str, passage: str) -> str:
    """Return the passage of `said` that a person has copied; all of `said` where the passage is empty.

    Line breaks may differ. Raises Refused where the passage does not stand in `said`: an origin must not vouch for
    words that were never said.
    """
    if not passage.strip():
        return said
    if " ".join(passage.split()) not in " ".join(said.split()):
        raise Refused("That passage does not stand there: copy it as it is, or leave it out to send all.")
    return passage.strip()


def ask_seat(t: Transcript, thread: Sequence[Post], lane: LaneId, said: str, question: str, by: Person) -> RunRequest:
    """Return a request that goes on with one seat alone, from all that it has said in the thread.

    `said` is its text in that lane, where it may still be speaking. Raises Refused where no seat speaks in the lane,
    and where the answer would reveal whose seat it is.
    """
    if lane.stage in SEARCH_STAGES:
        raise Refused("A search has said that, and no seat: use Follow up, which asks the table.")
    if names_hidden(t):
        raise Refused("That would tell who it is: ask once the names are known.")
    seat = next((s for s in t.started.panel.everyone() if s.key == lane.seat), t.started.panel.seats[0])
    others = [post for post in _readable_posts(thread) if post.kind == "turn" and post.lane.seat == seat.key]
    texts = {post.lane: post.text or "" for post in others} | {lane: said}
    own = [Earlier(seat.name, text, kept=spoken == lane, own=True) for spoken, text in texts.items()]
    earlier = _keep_newest([*_earlier_context(t), *own])
    seats = panel_settings(Panel((seat,)))
    return RunRequest("compare", question, by, seats=seats, earlier=earlier, personas_approved=True)


def panel_settings(panel: Panel) -> PanelSettings:
    """Return settings that seat the same panel again."""
    seats = [
        {"model": s.model, "name": s.name, "persona": s.persona, "temperature": s.temperature}
        | ({"max_tokens": s.max_tokens} if s.max_tokens else {})
        | ({"effort": s.effort} if s.effort else {})
        for s in panel.seats
    ]
    chair, judge = (s.model if s else None for s in (panel.chair, panel.judge))
    return PanelSettings.model_validate({"seats": seats, "chair": chair, "judge": judge})
