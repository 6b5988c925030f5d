"""The room for a first word: the calls that the platform had left at that moment, by its own log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile

from benchmarks.discord.meter import Meter
from tests.servers.discord import Request, Webhook
from tests.servers.discord.limits import RULES, Rule

CEILING = Rule(50, 1.0)  # of the bot, and of the address that webhooks' calls come from
CEILING_USED = 0.9  # a token bucket before it holds some calls back, because calls may bunch on their way
POST, EDIT = "webhook.execute", "webhook.edit"


def time_firsts_with_room(meter: Meter, log: Sequence[Request], hooks: Mapping[str, Webhook]) -> list[float]:
    """Return the seconds from a seat's first delta to its first visible character, of seats with room.

    A seat has room where the platform would have taken its next request at the moment of that delta. `hooks`: the
    webhook that speaks for each seat. The loop's clock and the server's are the machine's one monotonic clock.
    """
    return [
        waited_s
        for seat, waited_s in meter.firsts_s().items()
        if _has_room(log, hooks[seat], EDIT if _is_posted(meter, seat) else POST, meter.written[seat][0][0])
    ]


def _is_posted(meter: Meter, seat: str) -> bool:
    """Return whether the seat's message was posted before its first delta came."""
    return meter.seen[seat][0][0] <= meter.written[seat][0][0]


def _has_room(log: Sequence[Request], hook: Webhook, limit: str, at: float) -> bool:
    """Return whether there is room in the bucket, and below the ceiling over all buckets.

    The ceiling is a speed: a bot at it has no room at any moment, though the server's current second may have some
    left.
    """
    bucket = f"{limit}:{hook.id}+{hook.token}"
    taken = [r for r in log if r.status != 429]
    within = count_used([r.at for r in taken if r.bucket == bucket], at, RULES[limit]) < RULES[limit].calls
    posted = any(r.bucket.startswith(f"{POST}:{hook.id}") for r in taken if r.at <= at)
    ceilings = ("address",) if posted else ("bot", "address")  # its thread and webhook are the bot's to make
    lately = [sum(at - CEILING.window_s < r.at <= at for r in taken if r.ceiling == ceiling) for ceiling in ceilings]
    return within and max(lately) < CEILING_USED * CEILING.calls


def count_used(times: Sequence[float], at: float, rule: Rule) -> int:
    """Return the calls of the window that is open at `at`; windows begin with their first call."""
    opened, count = -math.inf, 0
    for time in takewhile(lambda time: time <= at, times):
        if time >= opened + rule.window_s:
            opened, count = time, 0
        count += 1
    return count if at < opened + rule.window_s else 0
