"""Another council on the same draw, as the strongest other one is built: stage by stage, each for all seats.

All answers, then all reviews, then the chair. It may stop its reviews early: once no outstanding ballot can change who
wins by Borda's count, where nobody's own answer counts. Each answer is posted whole once it is there.
"""

from __future__ import annotations

import asyncio

from benchmarks.formats.council import make_platform
from benchmarks.formats.draws import Draw
from bot.domain.run import LaneId
from bot.ports.surface import Message, RateLimited
from tests.support.surfaces import Place
from tests.support.virtual_time import run_virtual


def time_stages(draw: Draw, *, stops_early: bool) -> float:
    """Return the seconds to the synthesis of the other council."""
    if not stops_early:
        return draw.critical_path_s
    order = sorted(range(len(draw.reviews_s)), key=lambda seat: draw.reviews_s[seat])
    count = next(n for n in range(1, len(order) + 1) if n == len(order) or is_borda_decided(draw.rankings, order[:n]))
    return max(draw.answers_s) + draw.reviews_s[order[count - 1]] + draw.chair_s


def time_posts(draw: Draw) -> list[float]:
    """Return the seconds until each of its answers stands complete in a thread with a limit."""

    async def run() -> list[float]:
        place = Place(make_platform(), posts=("thread",))
        return await asyncio.gather(*(_post_answer(place, f"s{n}", s) for n, s in enumerate(draw.answers_s)))

    return run_virtual(run())


async def _post_answer(place: Place, seat: str, seconds: float) -> float:
    await asyncio.sleep(seconds)
    message = Message(LaneId("answer", 1, seat), 0, "turn", seat, "words", True)
    while True:
        try:
            await place.post(message)
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
        else:
            return asyncio.get_running_loop().time()


def is_borda_decided(rankings: tuple[tuple[int, ...], ...], cast: list[int]) -> bool:
    """Return whether no other seat can overtake the leader any more, once these seats have cast their ballots.

    A ballot gives the first of the others n - 2 points and the last none, so one that is outstanding lets any seat but
    its own author gain n - 2 on the leader.
    """
    seats = range(len(rankings))
    points = dict.fromkeys(seats, 0)
    for reviewer in cast:
        others = [seat for seat in rankings[reviewer] if seat != reviewer]
        for place, seat in enumerate(others):
            points[seat] += len(others) - 1 - place
    leader = max(seats, key=lambda seat: points[seat])
    gain = len(rankings) - 2
    outstanding = set(seats) - set(cast)
    return all(points[leader] - points[y] >= gain * len(outstanding - {y}) for y in seats if y != leader)
