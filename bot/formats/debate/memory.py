"""What a seat is shown of the debate so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.asks import Part
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import frame, frame_code, name_of
from bot.formats.debate.recaps import is_summed_up, last_recap, recap_part
from bot.formats.debate.speaking_order import DEBATERS

_EARLIER, _LAST = 42, 50  # priorities: what is from before the run goes first, what people say goes last


def debate_parts(t: Transcript, turn: TurnId, said: Sequence[Turn]) -> list[Part]:
    """Return turns of the debate, in the order in which they were said, for whoever is asked in `turn`.

    Where space is short earlier rounds go whole, the oldest first. The last round, which is the latest turn of each
    seat, stays. A recap takes the place of the rounds that it sums up.
    """
    latest, recap = {s.id.seat: s.id for s in said}, last_recap(t)
    mark = frame_code(t, turn)
    parts = [recap_part(t, turn, recap)] if recap else []
    for s in said:
        if is_summed_up(recap, s.id) and latest[s.id.seat] != s.id:
            continue
        own = turn.stage in DEBATERS and s.id.seat == turn.seat
        label = f"{name_of(t, s.id)}, {s.id.stage}, round {s.id.round}"
        text = s.text if own else frame(label, s.text, mark)
        part = Part("assistant" if own else "user", text, priority=_LAST)
        if latest[s.id.seat] != s.id:
            part = replace(part, priority=_EARLIER, cut="drop", round=s.id.round)
        parts.append(part)
    return parts
