"""What `moot init` asks: who sits at the table, and who sums up. Short enough for a narrow terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.prompt import Prompt

from bot.cli.first_settings import MAX_SEATS, Choice
from bot.cli.provision import USUAL_SEATS
from bot.errors import Refused


def pick_seats(console: Console, found: Sequence[Choice]) -> Sequence[Choice]:
    """Some of those found, in the order given; Enter takes the first few. Raises Refused when the input ends."""
    console.print("Found here:")
    for number, choice in enumerate(found, 1):
        console.print(
            f"  {number}  {choice.name}  ({choice.variable or choice.api_base})", markup=False, highlight=False
        )
    usual = ",".join(str(n) for n in range(1, len(found[:USUAL_SEATS]) + 1))
    while True:
        picked = _read_numbers(_ask(console, "Who sits at the table?", usual), len(found))
        if 0 < len(picked) <= MAX_SEATS:
            return [found[n - 1] for n in picked]
        console.print(f"Numbers from 1 to {len(found)}, with commas between them, {MAX_SEATS} at most.")


def pick_chair(console: Console, seated: Sequence[Choice]) -> Choice:
    """One of the seated; Enter takes the first. Raises Refused when the input ends."""
    keys = ", ".join(choice.key for choice in seated)
    while True:
        answer = _ask(console, f"Who sums up and judges? {keys}", seated[0].key).lower()
        if chosen := next((c for c in seated if answer in (c.key, c.name.lower())), None):
            return chosen
        console.print("One of those names.")


def _ask(console: Console, question: str, usual: str) -> str:
    try:
        return Prompt.ask(question, console=console, default=usual).strip()
    except EOFError:
        raise Refused("Nothing is written: the questions stayed unanswered. `moot init --yes` asks none.") from None


def _read_numbers(answer: str, most: int) -> list[int]:
    """Those named, each once; none at all where anything but a number from 1 to `most` is among them."""
    words = answer.replace(",", " ").split()
    good = all(word.isdecimal() and 1 <= int(word) <= most for word in words)
    return list(dict.fromkeys(map(int, words))) if good else []
