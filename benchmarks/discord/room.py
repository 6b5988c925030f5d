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
LIMIT = "webhook"  # of posts and edits alike


def time_firsts_with_room(meter: Meter, log: Sequence[Request], hooks: Mapping[str, Webhook]) -> list[float]:
    """Return the seconds from a seat's first delta to its first visible character, of seats with room.

    A seat has room where the platform would have taken its next request at the moment of that delta. `hooks`: the
    webhook that speaks for each seat. The loop's clock and the server's are the machine's one monotonic clock.
    """
    firsts = meter.firsts_s().items()
    return [waited_s for seat, waited_s in firsts if _has_room(log, hooks[seat], meter.written[seat][0][0])]


def _has_room(log: Sequence[Request], hook: Webhook, at: float) -> bool:
    """Return whether there is room in the bucket, and below the ceiling over all buckets.

    The ceiling is a speed: a bot at it has no room at any moment, though the server's current second may have some
    left.
    """
    taken = [r for r in log if r.status != 429]
    by_hook = [r.at for r in taken if r.bucket == f"{LIMIT}:{hook.id}+{hook.token}"]
    within = count_used(by_hook, at, RULES[LIMIT]) < RULES[LIMIT].calls
    ceilings = (
        ("address",) if any(sent <= at for sent in by_hook) else ("bot", "address")
    )  # it makes thread and webhook
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
