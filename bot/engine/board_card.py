"""The board of a run that goes on, drawn from its facts and from what its turns have said so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.engine.draft import Draft
from bot.engine.thread import board_text, board_verdict
from bot.formats.plan import Plan
from bot.live.board import Board, build_board


def draw_board(
    t: Transcript,
    plan: Plan,
    drafts: Mapping[TurnId, Draft],
    *,
    now: float,
    loop_now: float,
    warnings: Sequence[str],
    warn_usd: Sequence[float],
) -> Board:
    """Draw the board at wall time `now`. `drafts`: the turns that go on; `warn_usd`: sums that people are warned of."""
    return build_board(
        t,
        plan.stage,
        plan.total,
        {turn: draft.describe(loop_now) for turn, draft in drafts.items()},
        now,
        warnings,
        board_verdict(t, plan),
        plan.board_lines,
        running={turn: draft.spent_so_far(now) for turn, draft in drafts.items()},
        warn_usd=warn_usd,
        text=board_text(t, plan, {turn: draft.text for turn, draft in drafts.items()}),
    )
