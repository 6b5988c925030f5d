"""What all formats share: which turns are still to be had, how material is framed, what the end says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from string import Template

from bot.asks import Part
from bot.formats.plan import Plan, Want
from bot.transcript import Lane, Seat, Transcript, Turn, TurnId

END = Lane("end", 1, "")


def seat_of(t: Transcript, turn: TurnId | Lane) -> Seat:
    return next(s for s in t.started.panel.everyone() if s.key == turn.seat)


def name_of(t: Transcript, turn: TurnId | Lane) -> str:
    return seat_of(t, turn).name


def spoken(t: Transcript, turns: Iterable[TurnId]) -> list[Turn]:
    """Those turns that left something to read."""
    return [t.turns[i] for i in turns if i in t.turns and t.turns[i].spoke]


def settled(t: Transcript, turn: TurnId) -> bool:
    """Nothing more will come of it: it ended, or it was skipped before it began."""
    known = t.turns.get(turn)
    return known.ended is not None if known else turn in t.skips


def still_open(t: Transcript, turns: Sequence[TurnId]) -> tuple[TurnId, ...] | None:
    """The turns of a stage that should be running; None once the whole stage is settled."""
    if all(settled(t, i) for i in turns):
        return None
    return tuple(i for i in turns if not settled(t, i) and i not in t.skips)


def stopped(t: Transcript, titles: Mapping[Lane, str], cards: Mapping[Lane, str]) -> Plan | None:
    """The plan of a run that people have stopped: nothing more is wanted."""
    if t.stopped is None:
        return None
    return Plan(stage="stopped", outcome="stopped", titles=titles, cards={**cards, END: end_card(t, "Stopped.")})


def wants(turns: Iterable[TurnId]) -> tuple[Want, ...]:
    return tuple(Want(i) for i in turns)


def at_start(t: Transcript, turn: TurnId) -> Transcript:
    """What was known when the turn first started, so that a restart or a late remark never changes its question."""
    known = t.turns.get(turn)
    return t.before(known.started.seq) if known else t


def code(t: Transcript, turn: TurnId) -> str:
    """The code on the marker lines round material: not to be guessed by those who wrote the material."""
    return sha256(f"{t.started.seed}:{turn}".encode()).hexdigest()[:8]


def framed(label: str, text: str, mark: str) -> str:
    """Material between marker lines. A marker inside it is defused: its code is unknown to who wrote it."""
    return f"[{label} | {mark}]\n{text.strip()}\n[end of {label} | {mark}]"


def instructions(t: Transcript, turn: TurnId, prompt: str, **fields: str) -> Part:
    """The system part of an ask, from a prompt template and the seat's own data."""
    seat, rules = seat_of(t, turn), t.started.rules
    room = f"Stay below {rules.room_chars} characters." if rules.room_chars else ""
    text = Template(t.started.prompts[prompt]).safe_substitute(
        name=seat.name, persona=seat.persona, room=room, code=code(t, turn), **fields
    )
    return Part("system", "\n".join(line for line in text.splitlines() if line.strip()), priority=100)


def question(t: Transcript) -> Part:
    return Part("user", f"Question:\n{t.started.question}", priority=90, cut="tail")


def remarks(t: Transcript, turn: TurnId) -> list[Part]:
    """What people have said so far, each remark with who said it."""
    mark = code(t, turn)
    return [Part("user", framed(f"remark from {r.by}", r.text, mark), priority=60, cut="drop") for r in t.remarks]


def end_card(t: Transcript, verdict: str, *, dissent: str = "") -> str:
    """What is missing first, then the verdict, the dissent, and people's votes."""
    return "\n\n".join(line for line in (missing(t), verdict, dissent, votes(t)) if line)


def missing(t: Transcript) -> str:
    """Which seats have not been heard and why; empty when all were."""
    cut = [turn for turn in t.turns.values() if turn.ended and turn.ended.finish not in ("done", "length")]
    failed = [f"{name_of(t, turn.id)}'s {turn.id.stage} ({_why(turn)})" for turn in cut]
    lines = [*t.started.absent, *dict.fromkeys(failed)]
    return f"Missing or cut short: {'; '.join(lines)}." if lines else ""


def _why(turn: Turn) -> str:
    if turn.ended is None:
        return ""
    return turn.ended.failure.text if turn.ended.failure else turn.ended.finish


def votes(t: Transcript) -> str:
    """People's votes, most first."""
    names = {s.key: s.name for s in t.started.panel.seats}
    count = Counter(names.get(seat, seat) for seat in t.votes.values())
    return f"Votes: {', '.join(f'{name} {n}' for name, n in count.most_common())}." if count else ""
