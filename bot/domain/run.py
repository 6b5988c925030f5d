"""What a run is made of: lanes and turns, seats and panels, its rules, and what a turn came to. Pure values.

Their fields are stored: the shape of a fact is the shape of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Finish = Literal["done", "length", "skipped", "failed", "stopped", "repeated", "cut"]  # cut: by a restart
Mode = Literal["answers", "ranking", "full"]  # how far a council goes
Effort = Literal["none", "low", "medium", "high"]  # how much a model thinks before it answers
Search = Literal["off", "auto", "on"]  # whether the web is searched; auto: a model decides whether and for what

SEARCH_STAGES = frozenset({"search query", "web search"})  # stages that run beside a format's own


def format_noun(format: str) -> str:
    """Return what people call a run of this format."""
    return "comparison" if format == "compare" else format


class LaneId(NamedTuple):
    """The place where a turn's text is shown; every ask of the same turn shares it."""

    stage: str
    round: int
    seat: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.round}/{self.seat}"


class TurnId(NamedTuple):
    """The name of one seat's contribution. A second ask of the same turn is `ask` 2, shown in the same lane."""

    stage: str
    round: int
    seat: str
    ask: int = 1

    @property
    def lane(self) -> LaneId:
        return LaneId(self.stage, self.round, self.seat)

    def __str__(self) -> str:
        return str(self.lane) if self.ask == 1 else f"{self.lane}/{self.ask}"


@dataclass(frozen=True, slots=True)
class PriceHours:
    """Hours of some weekdays, in UTC.

    `begin` and `end`: minutes after midnight, the end not included; an end that is not after the beginning is on the
    next day. `weekdays` of the beginning: 1 is Monday; none: every day.
    """

    begin: int
    end: int
    weekdays: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Rates that hold instead of a price's own, in US dollars per million tokens as there.

    `above_tokens`: they hold for every token of a call whose input is longer. `hours`: they hold then; none: always.
    """

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    thinking_usd_per_mtok: float | None = None
    above_tokens: int = 0
    hours: tuple[PriceHours, ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and for a call besides.

    `source`: where the figures come from ("settings", "litellm", "genai-prices", "local"). `call_usd`: of a call, and
    of each search in it. Input that is read from the provider's cache or written to it costs what other input does
    where nothing else is said, and thinking what other output does. Of the `steps` that hold, the last one counts.
    """

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    source: str
    call_usd: float = 0.0
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    thinking_usd_per_mtok: float | None = None
    steps: tuple[PriceStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """A model at the table, as resolved when the run started. `key` is unique in its panel."""

    key: str
    model: str  # the catalogue's name for it, never a credential
    name: str
    persona: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    window: int | None = None  # tokens; None: unknown
    price: Price | None = None  # None: unknown, and shown as unknown
    avatar_url: str = ""
    provider: str = ""  # "": not known in runs from before it was kept
    effort: Effort | None = None  # None: the model's own
    thinks: bool = False  # before it answers, as far as was known
    usual_s: tuple[float, ...] = ()  # seconds that its model's latest answers took there


@dataclass(frozen=True, slots=True)
class Panel:
    """The seats of a run, in the order in which they are shown.

    Chair and judge speak apart from them, and so does the searcher, who searches the web.
    """

    seats: tuple[Seat, ...]
    chair: Seat | None = None
    judge: Seat | None = None
    searcher: Seat | None = None

    def everyone(self) -> tuple[Seat, ...]:
        """Return all seats: the panel's, then chair, judge and searcher where there are."""
        return (*self.seats, *(s for s in (self.chair, self.judge, self.searcher) if s is not None))


Form = Literal["simultaneous", "turns", "oxford", "advocate", "free"]
Next = Literal["at once", "vote"]  # how the next round comes

SIDES = ("for", "against")  # what positions are when they are assigned
CRITERIA = ("argument", "evidence", "rebuttal", "clarity")  # what a judge scores


@dataclass(frozen=True, slots=True)
class DebateRules:
    """The rules of a debate.

    `positions` are dealt to the seats in panel order, again from the first when they run out; none: every seat chooses
    its own. `cast`: the judge writes personas that fit the topic. `watch`: after each round the judge is asked whether
    to go on; None: in debates of more than two rounds. `criteria`: what the judge scores; none: no scores. `next`:
    whether people vote after each round if another one follows.
    """

    form: Form = "simultaneous"
    positions: tuple[str, ...] = ()
    cast: bool = False
    watch: bool | None = None
    criteria: tuple[str, ...] = CRITERIA
    next: Next = "at once"


Reveal = Literal["live", "together", "staggered", "demand"]  # when people read what is said


@dataclass(frozen=True, slots=True)
class Visibility:
    """Visibility settings of a run: when answers are shown, and whether names are.

    `reveal`: when people read what is said. `blind`: seats are speakers with a letter until the vote has closed.
    `guess`: people guess meanwhile who is who.
    """

    reveal: Reveal = "live"
    blind: bool = False
    guess: bool = False


LIVE = Visibility()  # nothing is hidden


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a run, whatever its format.

    `rounds`: how many. `room_chars`: how long an answer may be to fit one message (characters). `vote_s`: how long
    people may vote after the end (seconds; 0: the vote ends with the run).

    A council's reviews begin when waiting pays no more, once `quorum` answers are in, and `grace_s` seconds after that
    at the latest; None: when all are. So does its chair, by `review_quorum` (a share of the reviews) and
    `review_grace_s`; `deadline_s` after the start it begins with what is there (None: it never must). People vote
    `next_s` seconds on a debate's next round, and a pause that nobody ends is closed after `pause_s`. What follows the
    first answers waits for the search until `search_wait_s` seconds after the start; `look_again`: whoever has answered
    does so once more with what the search found. `summarise`: a debate's earlier rounds are summed up where a window
    has no room for them.
    """

    rounds: int = 1
    room_chars: int | None = None
    vote_s: float = 0.0
    mode: Mode = "full"
    quorum: int | None = None
    grace_s: float = 0.0
    debating: DebateRules | None = None  # in runs of other formats, and in those from before it was known
    next_s: float = 120.0
    pause_s: float = 86_400.0
    search: Search = "off"
    search_wait_s: float = 0.0
    look_again: bool = False
    veil: Visibility = LIVE
    review_quorum: float = 1.0
    review_grace_s: float = 0.0
    deadline_s: float | None = None
    summarise: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A picture with the question.

    `data` in base64; "" where it is kept beside the facts, under the SHA-256 of its bytes as `digest`.
    """

    name: str
    mime: str
    data: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn. `source` says how far the figures can be trusted.

    Parts of `input`: `cached` were read from the provider's cache, `written` to it, and `tools` are what the provider's
    own tools have brought. `thinking` is part of `output`. `searches`: how many the provider has counted.
    """

    input: int = 0
    output: int = 0
    thinking: int = 0
    source: Literal["reported", "estimated", "none"] = "none"
    cached: int = 0
    written: int = 0
    tools: int = 0
    searches: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from the start of a turn. `first_token_s` is None when nothing visible came."""

    total_s: float = 0.0
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True)
class CostRange:
    """What a run is expected to cost, in US dollars: the real cost is in there nine times in ten.

    `unpriced`: the prices of some seats are unknown, so what they cost comes on top.
    """

    low_usd: float
    high_usd: float
    unpriced: bool = False


NO_USAGE = Usage()
NO_TIMINGS = Timings()


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a turn failed: `kind` as in `bot.models.errors`, `text` for people."""

    kind: str
    text: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class WindowCut:
    """What a turn was not shown, as its model's `window` (tokens) has no room for it.

    `rounds`: earlier ones, left out whole. `other`: other material was left out or shortened.
    """

    window: int
    rounds: tuple[int, ...] = ()
    other: bool = False


@dataclass(frozen=True, slots=True)
class StandIn:
    """A model that was asked in place of a seat's own; `failed`: as `kind` of the failure of the seat's own."""

    model: str
    name: str
    price: Price | None
    failed: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a text that was sent on.

    `who` said it; `model`, `run` and `turn` only where it was a seat; `at`: wall seconds, None where nobody knows;
    `sha256` of the text as it was sent, in hexadecimal. `excerpt`: its first lines, where the run is
    about it.
    """

    who: str
    sha256: str
    model: str = ""
    run: str = ""
    turn: TurnId | None = None
    at: float | None = None
    excerpt: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """Return who said it, and in which run, as a board has room for it."""
        return f"{self.who} (run {self.run})" if self.run else self.who

    def __str__(self) -> str:
        """Return it in one line, with all by which it can be checked."""
        when = f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M} UTC" if self.at is not None else ""
        who = f"{self.who} ({self.model})" if self.model else self.who
        run = f"run {self.run}, {self.turn}" if self.run else ""
        return " · ".join(part for part in (who, run, when, f"sha256 {self.sha256[:12]}") if part)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A text from before a run, that the run goes on from.

    `kept`: it is the last to go when a window is short; `own`: it was said by the seat that the run goes on with alone.
    """

    label: str
    text: str
    kept: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline.

    `seats`: keys of the panel's, chair included; `inputs`: names of earlier steps, and "question" for what was asked.
    Steps are kept in an order in which inputs come first.
    """

    name: str
    prompt: str
    seats: tuple[str, ...]
    inputs: tuple[str, ...]
