"""What people may know yet of a run: who is who in a blind one, and what was said and is not shown. Pure.

Names. A blind run's panel is shuffled when it starts and sits under letters from then on, so that everything which goes
in panel order or carries a seat's key (turns, votes, buttons, messages) names nobody. `display_name` is the one place
where a key becomes a name. Models are told the same names as people; otherwise their answers would reveal who is who.
Once its vote is closed, or it is over where nobody votes, the run's owner stores `NamesRevealed`.

Words. `hidden_lanes` tells which turns people do not read yet. That follows from the facts and their times alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType
from typing import assert_never

from bot.domain.facts import NamesRevealed, Revealed, RunFinished, SkipAsked, Stopped, TurnEnded, TurnStarted
from bot.domain.run import Failure, LaneId, Panel, Seat, TurnId
from bot.domain.transcript import Transcript

STAGGER_S = 3.0  # between one answer and the next: as long as it takes to see whose it is and to begin to read
COULD_NOT = "its model could not answer"  # the reason itself would tell whose model that is

# What providers, as litellm calls them, and their models are called when one speaks of them.
BRANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "anthropic": ("Anthropic", "Claude"),
        "cohere": ("Cohere", "Command R"),
        "dashscope": ("Alibaba", "Qwen"),
        "deepseek": ("DeepSeek",),
        "gemini": ("Google", "Gemini"),
        "meta_llama": ("Meta", "Llama"),
        "mistral": ("Mistral",),
        "moonshot": ("Moonshot", "Kimi"),
        "openai": ("OpenAI", "ChatGPT", "GPT"),
        "vertex_ai": ("Google", "Gemini"),
        "xai": ("xAI", "Grok"),
    }
)


@dataclass(frozen=True, slots=True)
class HiddenLanes:
    """The lanes whose words are not shown yet, and the wall time at which that next changes by itself."""

    lanes: frozenset[LaneId] = frozenset()
    until: float | None = None


def shuffle_seats(panel: Panel, seed: int) -> Panel:
    """Return the panel of a blind run: its seats in an order by lot, under letters for keys."""
    seats = Random(seed).sample(panel.seats, len(panel.seats))
    return replace(panel, seats=tuple(anonymise_seat(seat, place) for place, seat in enumerate(seats)))


def anonymise_seat(seat: Seat, place: int) -> Seat:
    """Return the seat as it sits at that place of a blind run's panel, counted from 0."""
    return replace(seat, key=ascii_lowercase[place])


def names_hidden(t: Transcript) -> bool:
    """Return whether nobody may know who is who."""
    return t.started.rules.veil.blind and not t.named


def alias(t: Transcript, seat: str) -> str:
    """Return the name of a seat, by its key, while the run goes on; models know it by that name too."""
    known = _seat(t, seat)
    if not t.started.rules.veil.blind:
        return known.name
    if known in t.started.panel.seats:
        return f"Speaker {ascii_uppercase[t.started.panel.seats.index(known)]}"
    return f"The {known.key}"


def display_name(t: Transcript, seat: str) -> str:
    """Return the name by which people know a seat now."""
    return alias(t, seat) if names_hidden(t) else _seat(t, seat).name


def reveal_header(t: Transcript, seat: str) -> str:
    """Return the line above a turn of a blind run once names are known; "" before.

    Its message keeps the name that it was sent under.
    """
    if not t.named:
        return ""
    return f"**{display_name(t, seat)}** (was {alias(t, seat)})\n\n"


def reveal_key(t: Transcript) -> str:
    """Return who was who in a blind run; "" until it may be known."""
    if not t.named:
        return ""
    return f"{', '.join(f'{alias(t, s.key)} was {s.name}' for s in t.started.panel.seats)}."


def absent_seats(t: Transcript) -> tuple[str, ...]:
    """Return the seats that were left out before the start, each with its reason."""
    away = t.started.absent
    return (f"{len(away)} of the panel",) if away and names_hidden(t) else away


def failure_text(t: Transcript, failure: Failure) -> str:
    """Return why a turn failed, for people."""
    return COULD_NOT if names_hidden(t) else failure.text


def redact_failure(t: Transcript, ended: TurnEnded) -> TurnEnded:
    """Return an end as people may know it."""
    return (
        replace(ended, failure=replace(ended.failure, text=failure_text(t, ended.failure))) if ended.failure else ended
    )


def reveals_due(t: Transcript, *, voting: bool) -> tuple[Revealed | NamesRevealed, ...]:
    """Return what the owner has to reveal, as the run is over and nobody votes any more."""
    if t.finished is None or voting:
        return ()
    words = t.started.rules.veil.reveal == "demand" and not t.revealed
    return (*([Revealed()] if words else []), *([NamesRevealed()] if names_hidden(t) else []))


def hidden_lanes(t: Transcript, now: float, *, unstreamed: frozenset[str], outcome: frozenset[str]) -> HiddenLanes:
    """Return what has begun and is not shown at wall time `now`.

    `unstreamed`: stages whose turns are never shown. `outcome`: stages whose turns say what came of the run, which wait
    for nobody.
    """
    reveal = t.started.rules.veil.reveal
    turns = [i for i in t.turns if i.stage not in unstreamed]
    if t.revealed:
        return HiddenLanes()
    match reveal:
        case "live":
            return HiddenLanes()
        case "demand":
            return HiddenLanes(frozenset(i.lane for i in turns))
        case "together" | "staggered":
            apart = STAGGER_S if reveal == "staggered" else 0.0
            seats = [s.key for s in t.started.panel.seats]
            rounds = {i[:2] for i in turns if i.seat in seats and i.stage not in outcome}
            times = {lane: at for key in rounds for lane, at in _shown_at(t, *key, apart, outcome).items()}
            late = {lane: at for lane, at in times.items() if at > now}
            return HiddenLanes(frozenset(late), min((at for at in late.values() if at < math.inf), default=None))
        case _ as never:
            assert_never(never)


def reveals_identity(text: str, seat: Seat) -> bool:
    """Return whether an answer says whose it is: by the name of its seat, of its model or of that model's provider."""
    names = {seat.name, seat.model, seat.provider, *BRANDS.get(seat.provider, ())}
    return any(re.search(_name_pattern(name), text, re.IGNORECASE) for name in names if len(name) > 1)


def self_identified(t: Transcript) -> frozenset[str]:
    """Return the seats of a blind run whose answers say whose they are: votes for them are not blind."""
    if not t.started.rules.veil.blind:
        return frozenset()
    return frozenset(
        s.key
        for s in t.started.panel.seats
        if any(reveals_identity(turn.text, s) for i, turn in t.turns.items() if i.seat == s.key)
    )


def _seat(t: Transcript, seat: str) -> Seat:
    return next(s for s in t.started.panel.everyone() if s.key == seat)


def _name_pattern(name: str) -> str:
    """Return a pattern for a name as a word of its own, with whatever between its parts: "gpt-oss", "GPT OSS"."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", name) if part]
    spelled = r"[\W_]*".join(parts)
    return rf"(?<!\w){spelled}(?!\w)" if parts else r"(?!)"


def _shown_at(t: Transcript, stage: str, round_: int, apart_s: float, outcome: frozenset[str]) -> dict[LaneId, float]:
    """Map lanes to the wall time from which they are shown; infinity while others of their round are still out."""
    lanes = [LaneId(stage, round_, s.key) for s in t.started.panel.seats]
    begun = {i.lane for i in t.turns}
    over = _over_at(t, stage, round_, outcome)
    return {lane: over + apart_s * place for place, lane in enumerate(lane for lane in lanes if lane in begun)}


def _over_at(t: Transcript, stage: str, round_: int, outcome: frozenset[str]) -> float:
    """Return the wall time at which every seat was done with that round of a stage for the first time.

    Or at which the run went on without the last ones; infinity until then. No later fact changes it: what people have
    read is not hidden again.
    """
    seats = [s.key for s in t.started.panel.seats]
    out = {TurnId(stage, round_, seat) for seat in seats}
    begun = False
    for entry in t.entries:
        match entry.fact:
            case TurnStarted(turn) if turn[:2] == (stage, round_):
                begun = True
            case TurnStarted(turn) if begun and turn.ask == 1 and (turn.seat in seats or turn.stage in outcome):
                return entry.at
            case TurnEnded(turn) | SkipAsked(turn):
                out.discard(turn)
                if not out:
                    return entry.at
            case Stopped() | RunFinished():
                return entry.at
    return math.inf
