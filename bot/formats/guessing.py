"""Guess who: while a run is blind people guess its speakers; once names are known they learn how well they guessed."""

from __future__ import annotations

from collections import Counter

from bot.domain.controls import Control, SeatRef
from bot.domain.facts import Guessed
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name, names_hidden
from bot.text import as_text, join_names

GUESS = LaneId("guess", 1, "")
TITLE = "Guess who"


def is_guessing(t: Transcript) -> bool:
    """Return whether people guess in this run."""
    rules = t.started.rules.veil
    return rules.blind and rules.guess


def guessable_names(t: Transcript) -> list[str]:
    """Return the names to guess from, in an order that tells nothing."""
    return sorted((s.name for s in t.started.panel.seats), key=str.casefold)


def guess_card(t: Transcript) -> str:
    """Ask who is who; once names are known say how well people guessed, or "" where nobody has."""
    if t.named:
        return guess_results(t)
    people = len({by for by, _ in t.guesses})
    sit = "sits" if len(guessable_names(t)) == 1 else "sit"
    count = f" {people} {'has' if people == 1 else 'have'} guessed." if people else ""
    present = f"{join_names(guessable_names(t))} {sit} at this table."
    return f"{present} Who is who? A later guess replaces yours.{count}"


def guess_controls(t: Transcript) -> tuple[Control, ...]:
    """Return a button for each speaker, as long as nobody knows who they are."""
    speakers = t.started.panel.seats if names_hidden(t) else ()
    return tuple(Control("guess", f"Who is {display_name(t, s.key)}?", SeatRef(s.key)) for s in speakers)


def guess_results(t: Transcript) -> str:
    """Say how well people guessed, best first, and which seat was recognised most; "" where nobody guessed."""
    if not t.named or not t.guesses:
        return ""
    given, right = Counter(by for by, _ in t.guesses), Counter(g.by for g in t.guesses.values() if _is_right(t, g))
    who = {g.by: as_text(g.name or g.by) for g in t.guesses.values()}
    best = sorted(given, key=lambda by: right[by] / given[by], reverse=True)
    people = ", ".join(f"{who[by]} {right[by]} of {given[by]} ({right[by] / given[by]:.0%})" for by in best)
    return f"Guessed right: {people}. {_recognised_line(t)}"


def _recognised_line(t: Transcript) -> str:
    asked, right = (
        Counter(seat for _, seat in t.guesses),
        Counter(s for (_, s), g in t.guesses.items() if _is_right(t, g)),
    )
    share = {seat: right[seat] / asked[seat] for seat in asked}
    if not any(share.values()):
        return "Nobody was recognised."
    most = [seat for seat in share if share[seat] == max(share.values())]
    names = join_names([display_name(t, seat) for seat in sorted(most)])
    return f"Recognised most: {names}, by {right[most[0]]} of {asked[most[0]]}."


def _is_right(t: Transcript, guess: Guessed) -> bool:
    return any(s.key == guess.speaker and s.name == guess.guess for s in t.started.panel.seats)
