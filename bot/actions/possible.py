"""What people may do with a run as it stands, so that nobody is offered what would be refused."""

from __future__ import annotations

from bot.domain.transcript import Transcript
from bot.domain.visibility import names_hidden
from bot.formats.guessing import is_guessing
from bot.formats.plan import Format, Plan


def list_possible(t: Transcript, form: Format, plan: Plan) -> frozenset[str]:
    """Return the names of what whoever steers a run may do with it now. `plan`: that of `form` at this moment."""
    seats, open_now = form.seat_rules(t), not t.is_over
    holds = {
        "vote": plan.voting,
        "vote_before": plan.voting_before,
        "guess": is_guessing(t) and names_hidden(t),
        "reveal": bool(plan.hidden_lanes),
        "skip": open_now and any(turn.ended is None for turn in t.turns.values()),
        "say": open_now,
        "stop": open_now,
        "pause": open_now and not t.steering.paused,
        "resume": open_now and bool(t.steering.paused),
        "add": open_now and not (seats.fixed or seats.closed) and len(t.panel.seats) < form.SEATS[1],
        "drop": open_now and not seats.fixed and len(t.panel.seats) > form.SEATS[0],
        "object": open_now and not form.objection_rules(t).closed,
        "next": open_now and plan.vote_after > 0,
    }
    return frozenset(name for name, is_so in holds.items() if is_so)
