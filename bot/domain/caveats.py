"""What people should know of a turn besides its words: whose they are, and what it could not read. Pure.

While nobody may know who is who nothing of it is said, as it would tell models apart.
"""

from __future__ import annotations

from itertools import groupby

from bot.domain.facts import TurnEnded
from bot.domain.run import Failure, StandIn, WindowCut
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name, names_hidden

AWAY = "not available; the operator has been told"  # members read this in place of an operator's error

# By the kind of the failure. What only an operator can mend is told to the operator alone.
_WHY = {"key": "is not available", "billing": "is not available", "rate_limit": "takes no more questions for now"}


def is_away(failure: Failure | None) -> bool:
    """Return whether a turn failed of what its operator alone can mend: nobody who reads of it can do anything."""
    return failure is not None and failure.text == AWAY


def describe_stand_in(name: str, stand_in: StandIn, *, failed: bool = False) -> str:
    """Say which model is asked in place of that of the seat `name`. `failed`: it could not answer either."""
    outcome = "could not answer either" if failed else "answers"
    return f"{name} {_WHY.get(stand_in.failed, 'is unreachable')}; {stand_in.name} {outcome}"


def describe_cut(name: str, cut: WindowCut) -> str:
    """Say what the model of that name was not shown: "rounds 1–2 were left out for GPT: its window is 8,192 tokens"."""
    verb = "was" if len(cut.rounds) == 1 and not cut.other else "were"
    rounds = f"round{'' if len(cut.rounds) == 1 else 's'} {_list_spans(cut.rounds)}" if cut.rounds else ""
    what = " and ".join(part for part in (rounds, "parts of what was to be read" if cut.other else "") if part)
    return f"{what} {verb} left out for {name}: its window is {cut.window:,} tokens"


def list_caveats(t: Transcript, ended: TurnEnded) -> list[str]:
    """Return the caveats of a turn."""
    if names_hidden(t):
        return []
    name, stand_in = display_name(t, ended.turn.seat), ended.stand_in
    who = [describe_stand_in(name, stand_in, failed=ended.finish == "failed")] if stand_in else []
    return [*who, *([describe_cut(stand_in.name if stand_in else name, ended.cut)] if ended.cut else [])]


def list_run_caveats(t: Transcript) -> list[str]:
    """Return the caveats of each seat's latest turn, each once."""
    ends = {turn.id.seat: turn.ended for turn in t.turns.values() if turn.ended}
    return list(dict.fromkeys(caveat for ended in ends.values() for caveat in list_caveats(t, ended)))


def _list_spans(numbers: tuple[int, ...]) -> str:
    """Write numbers in ascending order as "1–3, 5"."""
    rows = [[n for _, n in row] for _, row in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{row[0]}–{row[-1]}" if len(row) > 1 else str(row[0]) for row in rows)
