"""Council: independent answers, anonymous rankings of them, and a chair's synthesis beside the top-ranked original.

The synthesis of a council can be worse than its best answer (A. Hall, governance study, 2026), so the two are
always shown together.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.asks import Ask, Part
from bot.formats.ballots import Ballot, read, schema
from bot.formats.common import (
    END,
    at_start,
    code,
    framed,
    instructions,
    name_of,
    over,
    prose,
    question,
    remarks,
    settled,
    spoken,
    steered,
    still_open,
    stopped,
    wants,
)
from bot.formats.orders import labels, named, orders
from bot.formats.plan import Plan, Want
from bot.formats.ranking import Standings, Tiers, standings
from bot.transcript import Lane, Transcript, TurnId

PROMPTS = ("council.answer", "council.review", "council.chair")
ROUNDS = (1, 1)
SEATS = (2, 12)
SYNTHESIS = TurnId("synthesis", 1, "chair")
REVIEWS, STANDINGS, ORIGINAL = Lane("reviews", 1, ""), Lane("standings", 1, ""), Lane("original", 1, "")
HIDDEN = frozenset({"review"})  # their card shows a line a reviewer


@steered
def plan(t: Transcript, now: float) -> Plan:
    answers = [TurnId("answer", 1, s.key) for s in t.started.panel.seats]
    heard = {turn.id.seat: turn.id for turn in spoken(t, answers)}
    reviews = _reviews(t, heard) if still_open(t, answers) is None else ()
    standing = _standings(t)
    titles, cards = _titles(t, standing), _cards(t, reviews, standing)
    total = 2 * len(answers) + 1
    if end := stopped(t, now, titles, cards):
        return end
    if (open_ := still_open(t, answers)) is not None:
        return Plan(wants(open_), "answers", total=total, titles=titles)
    if not heard:
        return over(t, now, "failed", "Nobody answered.")
    if (open_ := still_open(t, [w.turn for w in reviews])) is not None:
        want = tuple(w for w in reviews if w.turn in open_)
        return Plan(want, "reviews", total=total, hidden=HIDDEN, titles=titles, cards=cards)
    if not settled(t, SYNTHESIS):
        want = (Want(SYNTHESIS),) if SYNTHESIS not in t.skips else ()
        return Plan(want, "synthesis", total=total, hidden=HIDDEN, titles=titles, cards=cards)
    verdict, dissent = _verdict(t, standing)
    return over(t, now, "synthesised", verdict, dissent=dissent, titles=titles, cards=cards, hidden=HIDDEN)


def ask(t: Transcript, turn: TurnId) -> Ask:
    about = t.turns[turn].about if turn in t.turns else ()
    t = at_start(t, turn)
    mark = code(t, turn)
    if turn.stage == "answer":
        return Ask((instructions(t, turn, "council.answer"), *question(t), *remarks(t, turn)))
    if turn.stage == "review":
        letters = labels(len(about))
        material = [
            Part("user", framed(f"answer {letter}", t.turns[i].text, mark), priority=50, cut="tail")
            for letter, i in zip(letters, about, strict=True)
        ]
        wish = Part("user", f"Rank the answers {', '.join(letters)}, best first.", priority=95)
        return Ask((instructions(t, turn, "council.review"), *question(t), *material, wish), schema(letters))
    answers = spoken(t, [TurnId("answer", 1, s.key) for s in t.started.panel.seats])
    place = {seat: n for n, tier in enumerate(_standings(t).order) for seat in tier}
    material = [
        Part("user", framed(f"{name_of(t, a.id)}, ranked {n}", a.text, mark), priority=60 - n, cut="tail")
        for n, a in sorted(((place.get(a.id.seat, len(place)) + 1, a) for a in answers), key=lambda pair: pair[0])
    ]
    reviews = [
        Part("user", framed(f"review by {name_of(t, i)}", ballot_line(t, i), mark), priority=20, cut="drop")
        for i in t.turns
        if i.stage == "review"
    ]
    return Ask((instructions(t, turn, "council.chair"), *question(t), *material, *reviews, *remarks(t, turn)))


def ballot(t: Transcript, review: TurnId) -> Ballot:
    """What a finished review ranks, in the letters that its reviewer was shown."""
    turn = t.turns[review]
    return read(turn.text, labels(len(turn.about)))


def ballot_line(t: Transcript, review: TurnId) -> str:
    """ "Claude > GPT = Gemini", with the names put back."""
    turn = t.turns[review]
    if turn.ended is None:
        return "reviewing…"
    if turn.ended.failure:
        return f"failed: {turn.ended.failure.text}"
    cast = ballot(t, review)
    if not cast.tiers:
        return f"abstained ({cast.note})" if cast.note else "abstained"
    return show(t, named(cast.tiers, [i.seat for i in turn.about]))


def show(t: Transcript, tiers: Tiers) -> str:
    names = {s.key: s.name for s in t.started.panel.seats}
    return " > ".join(" = ".join(names[seat] for seat in tier) for tier in tiers)


def _reviews(t: Transcript, heard: Mapping[str, TurnId]) -> tuple[Want, ...]:
    """Who answered reviews, each in an order of its own; a single answer has nothing to be ranked against."""
    if len(heard) < 2:
        return ()
    shown = orders(list(heard), list(heard), t.started.seed)
    return tuple(Want(TurnId("review", 1, seat), tuple(heard[s] for s in shown[seat])) for seat in heard)


def _standings(t: Transcript) -> Standings:
    """From the ballots of all reviews that have ended; a failed or skipped one is an abstention."""
    reviews = {i: turn for i, turn in t.turns.items() if i.stage == "review" and turn.ended}
    ballots = {i.seat: named(ballot(t, i).tiers, [a.seat for a in turn.about]) for i, turn in reviews.items()}
    answers = spoken(t, [TurnId("answer", 1, s.key) for s in t.started.panel.seats])
    return standings(ballots, [a.id.seat for a in answers])


def _titles(t: Transcript, standing: Standings) -> dict[Lane, str]:
    top = f" · {name_of(t, Lane('answer', 1, standing.top))}" if standing.top else ""
    return {
        SYNTHESIS.lane: f"Synthesis · {name_of(t, SYNTHESIS)}",
        REVIEWS: "Reviews",
        STANDINGS: "Standings",
        ORIGINAL: f"Top-ranked original{top}",
        END: "Result",
    }


def _cards(t: Transcript, reviews: tuple[Want, ...], standing: Standings) -> dict[Lane, str]:
    begun = [w.turn for w in reviews if w.turn in t.turns]
    if not begun:
        return {}
    cards = {REVIEWS: "\n".join(f"- **{name_of(t, i)}**: {ballot_line(t, i)}" for i in begun)}
    if all(settled(t, w.turn) for w in reviews):
        cards[STANDINGS] = _standings_card(t, standing)
        if standing.top:
            cards[ORIGINAL] = t.turns[TurnId("answer", 1, standing.top)].text
    return cards


def _standings_card(t: Transcript, s: Standings) -> str:
    counted = f"{s.ballots} {'ballot' if s.ballots == 1 else 'ballots'}, {s.abstentions} abstained"
    if s.incomplete:
        counted += f", {s.incomplete} incomplete"
    if not s.top:
        return f"No ranking could be read: {counted}."
    lines = [f"**{show(t, s.order)}**", f"{counted}; by Schulze's method, without what a reviewer says of itself."]
    if s.agreement is not None:
        lines.append(f"Agreement (Kendall's W): {s.agreement:.2f}.")
    if s.others:
        lines.append(
            "Another method would differ: "
            + "; ".join(f"{method}: {show(t, (winners,))}" for method, winners in s.others.items())
            + "."
        )
    return "\n\n".join(lines)


def _verdict(t: Transcript, s: Standings) -> tuple[str, str]:
    """Who is ranked first and how the synthesis begins; the dissent."""
    said = spoken(t, [SYNTHESIS])
    heard = spoken(t, [TurnId("answer", 1, seat.key) for seat in t.started.panel.seats])
    if s.top:
        first = f"Top-ranked: {show(t, s.order[:1])}."
    elif len(heard) == 1:
        first = "With a single answer there was nothing to rank."
    else:
        first = f"No ranking: {s.ballots} ballots, {s.abstentions} abstentions."
    if not said and s.top:
        best = next(turn for turn in heard if turn.id.seat == s.top)
        first += f" The chair did not speak; this is {name_of(t, best.id)}'s answer: {prose(best.text)}"
    elif not said:
        first += " The chair did not speak: the answers stand for themselves."
    verdict = f"{first} {prose(said[0].text)}" if said else first
    if not s.dissent or s.dissent.distance <= 0:
        return verdict, ""
    name = {x.key: x.name for x in t.started.panel.seats}
    d = s.dissent
    return verdict, f"Dissent: {name[d.reviewer]} puts {name[d.above]} above {name[d.below]}."
