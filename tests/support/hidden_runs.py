"""Runs that hide something: their starts, and the names that nobody may read too early."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import RunStarted
from bot.domain.run import DebateRules, Panel, Reveal, Visibility
from bot.domain.visibility import shuffle_seats
from tests.support.transcripts import Play, make_seat, make_start

NAMES = ("Ada", "Bob", "Cyd", "Zoe", "Eli", "model-", "ada", "bob", "cyd")
"""Names, models and keys of the seats of `make_hidden_start`, chair and judge included."""


def make_hidden_start(
    form: str,
    reveal: Reveal = "live",
    *,
    blind: bool = False,
    guess: bool = False,
    vote_s: float = 0.0,
    rounds: int = 1,
) -> RunStarted:
    """Return a start as `RequestResolver` makes it, with these visibility settings."""
    made = make_start(form, rounds=rounds)
    debating = DebateRules(watch=False) if form == "debate" else None
    rules = replace(made.rules, veil=Visibility(reveal, blind, guess), vote_s=vote_s, debating=debating)
    known = Panel(made.panel.seats, replace(make_seat("chair"), name="Zoe"), replace(make_seat("judge"), name="Eli"))
    return replace(made, rules=rules, panel=shuffle_seats(known, made.seed) if blind else known)


def make_hidden_play(form: str = "compare", reveal: Reveal = "live", **more: bool | float) -> Play:
    return Play(make_hidden_start(form, reveal, **more))  # type: ignore[arg-type]  # the keywords of `make_hidden_start`, each of its own type


def find_leaks(text: str) -> list[str]:
    return [name for name in NAMES if name in text]
