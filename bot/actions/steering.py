"""The actions that steer a run while it goes on: pauses, seats, objections, votes on the next round."""

from __future__ import annotations

import re

from bot.actions.access import RunAccess
from bot.actions.permissions import Person
from bot.actions.place_limits import find_limits
from bot.actions.possible import list_possible
from bot.actions.quota import RunQuota
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.facts import (
    Joined,
    Objected,
    Paused,
    Resumed,
    RoundAsked,
    RoundClosed,
    RoundVoteCast,
    RoundWish,
    SeatAdded,
    SeatDropped,
    Upvoted,
    UpvoteWithdrawn,
)
from bot.domain.run import Seat, format_noun
from bot.domain.steering import Objection
from bot.domain.transcript import Transcript
from bot.domain.visibility import anonymise_seat, display_name
from bot.engine.runs import Runs
from bot.errors import Refused
from bot.formats import FORMATS
from bot.formats.plan import ObjectionRules, SeatRules
from bot.text import as_text, did_you_mean, has_signs, quote_typed

MAX_STANDING_OBJECTIONS = 10  # more than the rounds of a debate could answer


class SteeringActions:
    """Actions on a run that goes on: each returns a sentence for its person, or raises Refused with one."""

    def __init__(
        self,
        services: Services,
        resolver: RequestResolver,
        access: RunAccess,
        supervisor: Runs,
        quota: RunQuota,
    ) -> None:
        self._services = services
        self._resolver = resolver
        self._access = access
        self._supervisor = supervisor
        self._quota = quota

    async def list_possible(self, run: str, by: Person) -> frozenset[str]:
        """Return the names of what whoever steers the run may do with it now, as `list_possible` gives them."""
        t = await self._access.get_run(run, by)
        return list_possible(t, FORMATS[t.started.format], self._access.make_plan(t))

    async def pause_run(self, run: str, by: Person) -> str:
        """Pause a run: turns that speak finish, and none begins."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Pause")
        if t.steering.paused:
            raise Refused(f"{as_text(t.steering.paused.name or t.steering.paused.by)} has paused it already.")
        self._quota.check_pause(t.started)
        await self._access.record(run, Paused(by.key, by.name))
        return "Paused: what speaks now finishes, and nothing begins until it is resumed."

    async def resume_run(self, run: str, by: Person) -> str:
        """Let a paused run go on."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Resume")
        if not t.steering.paused:
            raise Refused("It is not paused.")
        self._quota.check_resume(t.started)
        await self._access.record(run, Resumed(by.key, by.name))
        return "It goes on."

    async def add_seat(self, run: str, model: str, persona: str, panel: str, by: Person) -> str:
        """Add a seat: `model` as people write it, or with a `panel` the model or name of a seat there."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Adding a seat")
        rules = _seat_rules(t)
        if rules.fixed:
            raise Refused(f"The seats of a {format_noun(t.started.format)} are fixed when it starts.")
        if rules.closed:
            raise Refused(rules.closed)
        limits = find_limits(self._services.settings, [t.started.server], t.started.channel)
        most = min(FORMATS[t.started.format].SEATS[1], limits.seats)
        if len(t.panel.seats) >= most:
            raise Refused(f"A {format_noun(t.started.format)} has {most} seats at most here: drop one first.")
        seat = await self._resolver.resolve_seat(t.started.panel, model, persona, panel, by)
        if t.started.rules.veil.blind:
            seat = anonymise_seat(seat, len(t.started.panel.seats))
        await self._access.record(run, SeatAdded(seat, by.key, by.name))
        return f"{seat.name} joins the table {rules.joins}."

    async def drop_seat(self, run: str, name: str, by: Person) -> str:
        """Let a seat leave the table."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Dropping a seat")
        if _seat_rules(t).fixed:
            raise Refused(f"The seats of a {format_noun(t.started.format)} are fixed: skip its turn instead.")
        seat = _find_seat(t, name)
        least = FORMATS[t.started.format].SEATS[0]
        if len(t.panel.seats) <= least:
            needs = f"A {format_noun(t.started.format)} needs {'one seat' if least == 1 else 'two seats'}"
            raise Refused(f"{needs}: stop it instead.")
        await self._access.record(run, SeatDropped(seat.key, by.key, by.name))
        return f"{display_name(t, seat.key)} leaves the table; what it has said stays shown."

    async def note_joined(self, run: str, by: Person) -> None:
        """Record once that a person has joined the thread of a run of this process.

        Nothing is refused, as the person has asked for nothing.
        """
        t = self._supervisor.transcript(run)
        if t and t.started.server == by.server and by.key not in {*t.steering.joined, t.started.by}:
            await self._access.record(run, Joined(by.key, by.name), key=f"joined/{run}/{by.key}")

    async def raise_objection(self, run: str, text: str, by: Person, seat: str = "") -> str:
        """Raise an objection; the next round answers the most upvoted one first.

        It is put to `seat`; where that is "", to the seats that the text names, or else to all.
        """
        t = await self._access.get_open_run(run, by)
        rules = _objection_rules(t)
        if rules.closed:
            raise Refused(rules.closed)
        text, most = text.strip(), self._services.settings.limits.remark_chars
        if not has_signs(text):
            raise Refused("There is no objection yet: say in a sentence what must be answered.")
        if len(text) > most:
            raise Refused(f"An objection may have {most:,} characters; this has {len(text):,}.")
        if len(rules.standing) >= MAX_STANDING_OBJECTIONS:
            raise Refused(f"{MAX_STANDING_OBJECTIONS} objections stand already: upvote the one that says it best.")
        self._services.check_text(text, by, "The objection")
        to = (seat,) if seat in _seat_keys(t) else _find_named_seats(t, text)
        await self._access.record(run, Objected(by.key, text, by.name, to))
        return f"Noted: {rules.answered_in} answers the most upvoted objection first."

    async def upvote_objection(self, run: str, number: int, by: Person) -> str:
        """Upvote an objection. A second upvote takes the first away, as a button has no other way back."""
        t = await self._access.get_open_run(run, by)
        known = _find_standing(t, number)
        if known.said.by == by.key:
            raise Refused("It is your own objection; others may upvote it.")
        if by.key in known.upvotes:
            return await self.withdraw_upvote(run, number, by)
        await self._access.record(run, Upvoted(number, by.key))
        return f"You support {as_text(known.who)}'s objection."

    async def withdraw_upvote(self, run: str, number: int, by: Person) -> str:
        """Take an upvote of an objection away."""
        t = await self._access.get_open_run(run, by)
        if by.key not in _find_standing(t, number).upvotes:
            raise Refused("You have not upvoted it.")
        await self._access.record(run, UpvoteWithdrawn(number, by.key))
        return "Your upvote is taken away."

    async def vote_on_next_round(self, run: str, round_: int, vote: RoundWish, by: Person) -> str:
        """Vote on whether another round follows. `round_` is the one that people vote after; 0 stands for any."""
        _, round_ = await self._get_voted_round(run, by, round_)
        await self._access.record(run, RoundVoteCast(by.key, round_, vote))
        return f"Your vote is “{vote}”."

    async def start_next_round(self, run: str, by: Person, round_: int = 0) -> str:
        """Begin the next round at once. `round_` is the one that people vote after; 0 stands for any."""
        t, round_ = await self._get_voted_round(run, by, round_)
        await self._access.require_may_steer(by, t, "Next")
        await self._access.record(run, RoundAsked(by.key, round_, by.name))
        return f"Round {round_ + 1} begins."

    async def close_round_vote(self, run: str, by: Person, round_: int) -> str:
        """Close the vote on the next round, so that it is counted now. `round_` as in `vote_on_next_round`."""
        t, round_ = await self._get_voted_round(run, by, round_)
        await self._access.require_may_steer(by, t, "Closing the vote")
        await self._access.record(run, RoundClosed(by.key, round_, by.name))
        return "The vote is closed."

    async def _get_voted_round(self, run: str, by: Person, round_: int) -> tuple[Transcript, int]:
        """Return the run, and the round after which people vote now. Raises Refused where they do not."""
        t = await self._access.get_open_run(run, by)
        now = self._access.make_plan(t).vote_after
        if not now:
            raise Refused("Nobody votes on a next round now.")
        if round_ not in (0, now):
            raise Refused(f"The vote after round {round_} is closed.")
        return t, now


def _seat_rules(t: Transcript) -> SeatRules:
    return FORMATS[t.started.format].seat_rules(t)


def _objection_rules(t: Transcript) -> ObjectionRules:
    return FORMATS[t.started.format].objection_rules(t)


def _find_seat(t: Transcript, name: str) -> Seat:
    """Return the seat of that name, key or number in the panel (from 1). Raises Refused."""
    word = name.strip().casefold()
    for number, seat in enumerate(t.started.panel.seats, 1):
        if seat.key in _seat_keys(t) and word in (
            str(number),
            seat.key.casefold(),
            display_name(t, seat.key).casefold(),
        ):
            return seat
    known = [display_name(t, s.key) for s in t.panel.seats]
    raise Refused(f"There is no seat {quote_typed(name.strip())}. {did_you_mean(name, known, 'seats')}")


def _seat_keys(t: Transcript) -> frozenset[str]:
    return frozenset(s.key for s in t.panel.seats)


def _find_named_seats(t: Transcript, text: str) -> tuple[str, ...]:
    """Return the seats that a text names. Longer names come first, so that “Claude 2” does not name Claude."""
    left, found = text, []
    names = {s.key: display_name(t, s.key) for s in t.panel.seats}
    for seat in sorted(names, key=lambda key: -len(names[key])):
        name = re.compile(rf"(?<!\w){re.escape(names[seat])}(?!\w)", re.IGNORECASE)
        if name.search(left):
            found.append(seat)
            left = name.sub(" ", left)
    return tuple(key for key in (s.key for s in t.panel.seats) if key in found)


def _find_standing(t: Transcript, number: int) -> Objection:
    found = next((o for o in _objection_rules(t).standing if o.number == number), None)
    if found is None:
        raise Refused("That objection is closed: it is answered, or being answered now.")
    return found
