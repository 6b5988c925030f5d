"""People's votes between answers that they saw together, as they stand in a run's transcript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.domain.facts import Revealed, TurnEnded, VoteCast
from bot.domain.run import LaneId
from bot.domain.transcript import Entry, Transcript
from bot.domain.visibility import hidden_lanes, names_hidden, self_identified
from bot.formats.council import reviews
from bot.formats.vote_options import EXTRA_VOTE_OPTIONS, ROUND_BEFORE

FORMATS_RATED = frozenset({"council", "compare", "debate"})  # in the others seats do not answer the same question
ALL_BAD = "=none"
MIN_VOTES = 20  # with fewer nothing is ranked, and nothing said of them


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote between answers that were shown together.

    `models`: the keys of the models that gave them. `preferred`: the place in `models` of the answer that was chosen;
    None: a tie. `all_bad`: none of them was good, which prefers none either. `chars`: how long each answer is
    (characters); () where nobody knows. `blind`: the person could not know who had given which.
    """

    models: tuple[str, ...]
    preferred: int | None
    all_bad: bool = False
    chars: tuple[int, ...] = ()
    blind: bool = False


def read_votes(t: Transcript) -> list[Vote]:
    """Return the votes of a run, each person's last; none from before the first answer, or while names are hidden.

    An answer counts as shown to whoever votes after its end, unless the run still hid it then. A vote for an answer
    that was not shown, or where all shown are of one model, is none.
    """
    return [vote for _, vote in read_seat_votes(t)]


def read_seat_votes(t: Transcript) -> list[tuple[tuple[str, ...], Vote]]:
    """Return the votes of a run as `read_votes` does, each with the seats of its answers."""
    if t.started.format not in FORMATS_RATED or names_hidden(t):
        return []
    blind = t.started.rules.veil.blind and not self_identified(t)
    models = {seat.key: seat.model for seat in t.started.panel.seats}
    votes = (_read_vote(t, entry, fact, models, blind) for entry, fact in _last_cast(t))
    return [vote for vote in votes if vote is not None]


def read_model_names(t: Transcript) -> dict[str, str]:
    """Map the models of a run's panel to the names that they had in it; none while those are hidden."""
    return {} if names_hidden(t) else {seat.model: seat.name for seat in t.started.panel.seats}


def _last_cast(t: Transcript) -> Iterator[tuple[Entry, VoteCast]]:
    """Yield the vote that stands of each person, with its entry; of several rounds the last counts."""
    cast = {(f.by, f.round): (e, f) for e in t.entries if isinstance(f := e.fact, VoteCast) and f.round > ROUND_BEFORE}
    rounds: dict[str, int] = {}
    for by, round_ in t.votes:
        if round_ > ROUND_BEFORE:
            rounds[by] = max(round_, rounds.get(by, 0))
    yield from (cast[person] for person in rounds.items())


def _read_vote(
    t: Transcript, entry: Entry, fact: VoteCast, models: Mapping[str, str], blind: bool
) -> tuple[tuple[str, ...], Vote] | None:
    chars = _count_shown_chars(t, entry, models)
    seats = tuple(seat for seat in models if seat in chars)
    if len({models[seat] for seat in seats}) < 2 or fact.seat not in (*seats, *EXTRA_VOTE_OPTIONS):
        return None
    return seats, Vote(
        models=tuple(models[seat] for seat in seats),
        preferred=seats.index(fact.seat) if fact.seat in seats else None,
        all_bad=fact.seat == ALL_BAD,
        chars=tuple(chars[seat] for seat in seats),
        blind=blind,
    )


def _count_shown_chars(t: Transcript, vote: Entry, models: Mapping[str, str]) -> dict[str, int]:
    """Map the seats whose answers could be read at a vote to how long these were, all rounds together."""
    hidden = _hidden_at(t, vote)
    ended = (e.fact.turn for e in t.entries if isinstance(e.fact, TurnEnded) and e.seq < vote.seq)
    chars: dict[str, int] = {}
    for turn in dict.fromkeys(ended):
        if turn.seat in models and turn.stage != reviews.STAGE and turn.lane not in hidden and t.turns[turn].spoke:
            chars[turn.seat] = chars.get(turn.seat, 0) + len(t.turns[turn].text)
    return chars


def _hidden_at(t: Transcript, vote: Entry) -> frozenset[LaneId]:
    if t.started.rules.veil.reveal == "live":
        return frozenset()
    revealed = any(isinstance(e.fact, Revealed) and e.seq < vote.seq for e in t.entries)
    then = replace(t, revealed=revealed)
    return hidden_lanes(then, vote.at, unstreamed=frozenset({reviews.STAGE}), outcome=frozenset()).lanes
