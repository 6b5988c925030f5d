"""What a run will ask, held against the windows of its seats before it starts."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.facts import RunStarted
from bot.errors import Refused
from bot.formats.rehearsal import fill_schema, rehearse
from bot.models.catalogue import Model
from bot.models.window import explain_misfit

WORD = "word"  # all that anybody says: what must be read in any case is the question, with what comes with it


def check_windows(start: RunStarted, models: Mapping[str, Model]) -> None:
    """Raise Refused where a seat could not read what it would be asked, however little the others say.

    Call it in a thread: it plays the run through, and counts long questions. Where no window is known there is nothing
    to hold it against.
    """
    seats = {seat.key: seat for seat in start.panel.everyone()}
    if not any(seat.window or (seat.model in models and models[seat.model].window) for seat in seats.values()):
        return
    for played in rehearse(start, lambda _, ask: fill_schema(ask.schema, WORD) if ask.schema else WORD):
        seat = seats[played.turn.seat]
        model = models.get(seat.model)  # a search provider is none of these, and reads a line
        if model is not None and (why := explain_misfit(model, seat, played.ask)):
            raise Refused(f"This is too long for {seat.name}: {why}. Ask something shorter, or leave {seat.name} out.")
