"""A run as one HTML page that stands alone: it asks nothing of the network, and reads whole without its script."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from html import escape
from itertools import groupby
from pathlib import Path

from bot.domain.controls import Control
from bot.domain.costs import CostLine, divide_costs
from bot.domain.facts import Interjected, Objected
from bot.domain.run import LaneId, TurnId, format_noun
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.domain.visibility import display_name, names_hidden
from bot.engine.thread import Post, current_plan
from bot.formats import FORMATS
from bot.formats.common import last_votes
from bot.formats.end_card import END, describe_spending
from bot.formats.plan import Plan
from bot.formats.remarks import STAGE as REMARK
from bot.formats.vote_options import vote_names
from bot.records.page_dialect import PageDialect, render_html, write_code_style
from bot.records.record import RunRecord
from bot.records.replay import Frame, last_posts, list_frames

TITLE_CHARS = 120
_FILES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Page:
    """All that the page is made from. `began`: wall time; `frames` by lane, in order of time."""

    t: Transcript
    plan: Plan
    posts: dict[LaneId, Post]
    frames: dict[LaneId, list[Frame]]
    began: float
    dialect: PageDialect

    def since(self, at: float) -> str:
        """Return the attribute that says when a part of the page appears, in seconds."""
        return f' data-since="{max(0.0, at - self.began):.1f}"'


def render_page(record: RunRecord, now: float) -> str:
    """Return the page of a run as it reads at wall time `now`. Nothing that is hidden then is in it."""
    t = fold_all(Transcript(), record.entries)
    form = FORMATS[t.started.format]
    frames = list_frames(t.entries, record.snapshots, form, now)
    by_lane: dict[LaneId, list[Frame]] = {}
    for frame in frames:
        by_lane.setdefault(frame.post.lane, []).append(frame)
    plan = current_plan(t, form, now)
    page = _Page(t, plan, last_posts(frames), by_lane, t.entries[0].at, PageDialect())
    body = "\n".join(_write_body(page, record.run))
    title = escape(" ".join(t.started.question.split())[:TITLE_CHARS])
    style, script = _load_style(), _load_script()
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _write_body(page: _Page, run: str) -> Iterator[str]:
    t = page.t
    yield f"<header>{_write_head(t, run)}</header>\n<main>"
    if END in page.posts:
        result = _text(page, page.posts[END])
        yield f'<section{_since(page, END)}><h2>Result</h2><div class="panel text">{result}</div></section>'
    yield from _write_thread(page)
    yield from _write_votes(t, page.plan)
    yield from _write_costs(t)
    yield from _write_sources(page.dialect)
    seconds = max((frame.at for frames in page.frames.values() for frame in frames), default=page.began) - page.began
    yield (
        '</main>\n<div class="replay" hidden><button type="button">Replay</button>'
        f'<input type="range" min="0" max="{seconds:.1f}" step="0.1" value="{seconds:.1f}" '
        'aria-label="Time of the run"><output></output></div>'
    )


def _write_head(t: Transcript, run: str) -> str:
    start = t.started
    first, _, rest = start.question.strip().partition("\n")
    seats = ", ".join(display_name(t, seat.key) for seat in t.started.panel.seats)
    when = datetime.fromtimestamp(t.entries[0].at, UTC)
    state = t.finished.outcome if t.finished else "set aside" if t.set_aside else "not over"
    lines = (
        f"{format_noun(start.format)} of {seats} · asked by {start.name or start.by} · {when:%Y-%m-%d %H:%M} UTC",
        f"run {run} · {state} · {describe_spending(t)}",
    )
    more = f'<p class="question">{escape(rest.strip())}</p>' if rest.strip() else ""
    return f"<h1>{escape(first)}</h1>{more}" + "".join(f'<p class="facts">{escape(line)}</p>' for line in lines)


def _write_thread(page: _Page) -> Iterator[str]:
    """Write rounds and cards in their order, with people's remarks between them."""
    remarks = [e for e in page.t.entries if isinstance(e.fact, Interjected | Objected)]
    shown = [post for lane, post in page.posts.items() if lane != END and lane.stage != REMARK]
    for (stage, round_, is_turn), group in groupby(shown, lambda p: (p.lane.stage, p.lane.round, p.kind == "turn")):
        posts = list(group)
        began = page.frames[posts[0].lane][0].at
        while remarks and remarks[0].at < began:
            yield _write_remark(page, remarks.pop(0))
        if is_turn:
            name = f"{stage.capitalize()}, round {round_}" if round_ > 1 else stage.capitalize()
            articles = "".join(_write_article(page, post) for post in posts)
            yield f'<section{page.since(began)}><h2>{escape(name)}</h2><div class="grid">{articles}</div></section>'
        else:
            yield from (_write_card(page, post) for post in posts)
    yield from (_write_remark(page, entry) for entry in remarks)


def _write_article(page: _Page, post: Post) -> str:
    badge = ""
    if post.lane.seat in _find_preferred(page.t, page.plan):
        badge = '<p class="badge">★ preferred by people</p>'
    foot = f'<p class="foot">{escape(post.footer)}</p>' if post.footer else ""
    kind = ' class="preferred"' if badge else ""
    return (
        f'<article id="{escape(str(post.lane))}"{kind}{_since(page, post.lane)}{_steps(page, post.lane)}>'
        f'<h3>{escape(post.title)}</h3>{badge}<div class="text">{_text(page, post)}</div>{foot}</article>'
    )


def _write_card(page: _Page, post: Post) -> str:
    behind = "" if page.plan.hidden_lanes else "".join(_write_behind(page, control) for control in post.controls)
    return (
        f"<section{_since(page, post.lane)}><h2>{escape(post.title or 'Note')}</h2>"
        f'<div class="panel text">{_text(page, post)}{behind}</div></section>'
    )


def _write_behind(page: _Page, control: Control) -> str:
    """Return the long text that stands behind a button; "" where there is none."""
    whole = page.plan.full_texts.get(control.about.lane, "") if isinstance(control.about, TurnId) else ""
    if not whole:
        return ""
    text = render_html(whole, page.dialect)
    return f'<details><summary>{escape(control.label)}</summary><div class="text">{text}</div></details>'


def _write_remark(page: _Page, entry: Entry) -> str:
    fact = entry.fact
    assert isinstance(fact, Interjected | Objected)
    kind = "objects" if isinstance(fact, Objected) else "says"
    when = f"{datetime.fromtimestamp(entry.at, UTC):%H:%M:%S} UTC"
    origin = f" · from {fact.origin}" if isinstance(fact, Interjected) and fact.origin else ""
    return (
        f'<aside class="panel remark"{page.since(entry.at)}><h3>{escape(fact.name or fact.by)} {kind}</h3>'
        f'<p class="question">{escape(fact.text)}</p><p class="foot">{escape(when + origin)}</p></aside>'
    )


def _write_votes(t: Transcript, plan: Plan) -> Iterator[str]:
    counts = _count_votes(t, plan)
    if counts:
        names, best = vote_names(t), _find_preferred(t, plan)
        rows = [(names.get(s, s) + (" ★" if s in best else ""), f"{n}") for s, n in counts.most_common()]
        yield f"<section><h2>People’s votes</h2>{_write_table(('for', 'votes'), rows)}</section>"


def _count_votes(t: Transcript, plan: Plan) -> Counter[str]:
    """Count votes; none as long as people can follow the others."""
    return Counter() if plan.voting else Counter(last_votes(t).values())


def _find_preferred(t: Transcript, plan: Plan) -> frozenset[str]:
    counts = _count_votes(t, plan)
    most = max(counts.values(), default=0)
    return frozenset(seat for seat, n in counts.items() if n == most)


def _write_costs(t: Transcript) -> Iterator[str]:
    if names_hidden(t):
        return
    for title, lines in (
        ("seat", divide_costs(t, lambda turn: display_name(t, turn.seat))),
        ("stage", divide_costs(t, lambda turn: turn.stage)),
    ):
        if lines:
            table = _write_table((title, "turns", "tokens", "cost"), map(_row, lines))
            yield f"<section><h2>Cost by {title}</h2>{table}</section>"


def _row(line: CostLine) -> Sequence[str]:
    return line.name, f"{line.turns}", f"{line.tokens:,}", line.cost


def _write_sources(dialect: PageDialect) -> Iterator[str]:
    if dialect.sources:
        links = "".join(f"<li>{dialect.link(escape(url), url)}</li>" for url in list(dialect.sources))
        yield f"<section><h2>Sources</h2><ol>{links}</ol></section>"


def _write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'


def _text(page: _Page, post: Post) -> str:
    return render_html(post.text or post.placeholder or "(never finished)", page.dialect)


def _since(page: _Page, lane: LaneId) -> str:
    return page.since(page.frames[lane][0].at)


def _steps(page: _Page, lane: LaneId) -> str:
    """Return how much of a turn's text had come by when: seconds, and the share of it."""
    whole = len(page.posts[lane].text or "")
    shown = [(f.at - page.began, min(1.0, len(f.post.text or "") / whole)) for f in page.frames[lane]] if whole else []
    return f' data-steps="{" ".join(f"{at:.1f}:{share:.3g}" for at, share in shown)}"' if shown else ""


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _load_style() -> str:
    return f"{(_FILES / 'page.css').read_text('utf-8')}{write_code_style('default', 'github-dark')}"


@cache
def _load_script() -> str:
    return (_FILES / "page.js").read_text("utf-8")
