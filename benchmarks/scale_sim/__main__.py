"""What a Moot takes that grows: workers, gateways, addresses, writes, and which limit binds first.

`python -m benchmarks.scale_sim --json [--picture docs/scale.svg]`. What one run takes is measured here first: eight
comparisons of four long answers on Discord's wire, a provider's streams, writes on PostgreSQL (where there is one to
test with; else on SQLite) and the events of a gateway. Then a day of 100 to 100,000 servers is drawn from that
(`day.py` names what is assumed of people), and its busiest time is held against the platform's limits.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from typing import NamedTuple

from benchmarks import report
from benchmarks.discord.scenes import SCENES
from benchmarks.report import Bar, Report, Scene
from benchmarks.scale_sim.day import LONGER, Peak, simulate_day
from benchmarks.scale_sim.draw import draw_picture
from benchmarks.scale_sim.needs import Needs, measure_needs
from storage.locations import Location

SIZES = (100, 300, 1_000, 2_500, 10_000, 30_000, 100_000)  # servers
# https://discord.com/developers/docs/topics/rate-limits, https://discord.com/developers/docs/events/gateway
TOKEN_PER_S = 50.0  # requests with a bot's token; more for large bots, on request
ADDRESS_PER_S = 50.0  # requests without a token, as those of webhooks are, from one address
GUILDS_A_SHARD, MOST_A_SHARD = 1_000, 2_500  # usual, and at most
IDENTIFY_S = 5.0  # between two sessions that begin, by a bot of usual size
CORE_SHARE = 0.6  # of a core that may be busy at the busiest time


class Size(NamedTuple):
    """What a Moot of a size needs at its busiest time. `uses`: of one process, by limit; above 1 it needs more."""

    peak: Peak
    shards: int
    workers: int
    gateways: int
    uses: dict[str, float]


def plan_size(servers: int, needs: Needs) -> Size:
    """Return how many processes so many servers need."""
    peak = simulate_day(servers, needs)
    uses = {
        "a worker's core": peak.cores / CORE_SHARE,
        "an address of webhooks": peak.webhook_per_s / ADDRESS_PER_S,
        "the token, boards as live as with one run": peak.token_per_s / TOKEN_PER_S,
        "the token, posts alone": peak.token_posts_per_s / TOKEN_PER_S,
        "a gateway's core": peak.gateway_cores / CORE_SHARE,
        "guilds of a shard": servers / MOST_A_SHARD,
        "a database's core": peak.database_cores / CORE_SHARE,
    }
    workers = ceil(max(uses["a worker's core"], uses["an address of webhooks"]))
    return Size(peak, ceil(servers / GUILDS_A_SHARD), workers, ceil(uses["a gateway's core"]), uses)


def find_most_of_one(needs: Needs) -> tuple[int, str]:
    """Return for how many servers one process suffices, to two digits, and the limit that it meets then."""
    least, most = 1, SIZES[-1]
    while most - least > max(1, least // 50):
        middle = (least + most) // 2
        if max(plan_size(middle, needs).uses.values()) <= 1:
            least = middle
        else:
            most = middle
    uses = plan_size(most, needs).uses
    return least, max(uses, key=uses.__getitem__)


def make_report(needs: Needs) -> Report:
    sizes = [plan_size(servers, needs) for servers in SIZES]
    most, limit = find_most_of_one(needs)
    table: list[Scene] = [
        {"scene": f"one run, of which {LONGER:g} are counted", **_round_needs(needs)},
        *(_make_row(size) for size in sizes),
        {"scene": f"one process: {most} servers, then {limit} is full"},
    ]
    last = sizes[-1].peak
    expected = last.runs_a_day * needs.seconds * LONGER / 86_400
    return Report(table, [Bar("runs at once, mean over Little's law", last.mean_running / expected, 1.02, "ratio")])


def _round_needs(needs: Needs) -> dict[str, float]:
    return {
        "seconds": round(needs.seconds, 1),
        "cpu_s": round(needs.cpu_s, 2),
        "deltas": round(needs.deltas),
        "requests": round(needs.requests),
        "by_token": round(needs.by_token),
        "token_posts": round(needs.token_posts, 1),
        "writes": round(needs.writes),
        "write_cpu_ms": round(needs.write_cpu_s * 1e3, 3),
        "event_cpu_us": round(needs.event_cpu_s * 1e6, 1),
    }


def _make_row(size: Size) -> Scene:
    peak = size.peak
    return {
        "scene": f"{peak.servers} servers",
        "runs_a_day": peak.runs_a_day,
        "at_once": round(peak.running),
        "worker_cores": round(peak.cores, 1),
        "workers": size.workers,
        "shards": size.shards,
        "gateways": size.gateways,
        "webhook_per_s": round(peak.webhook_per_s),
        "token_per_s": round(peak.token_per_s),
        "token_posts_per_s": round(peak.token_posts_per_s, 1),
        "writes_per_s": round(peak.writes_per_s),
        "database_cores": round(peak.database_cores, 2),
        "start_s": round(size.shards * IDENTIFY_S),
        "binds_first": max(size.uses, key=size.uses.__getitem__),
    }


def measure(picture: Path | None) -> Report:
    with _make_location() as location:
        needs = measure_needs(SCENES[-1], location)
    if picture:
        picture.write_text(draw_picture(SIZES, list_lines(needs)), "utf-8")
    return make_report(needs)


def list_lines(needs: Needs) -> dict[str, list[float]]:
    """Return how many cores and addresses each size needs at its busiest time, by what for."""
    uses = [plan_size(servers, needs).uses for servers in SIZES]
    names = {
        "workers' cores": "a worker's core",
        "addresses of webhooks": "an address of webhooks",
        "database's cores": "a database's core",
        "gateways' cores": "a gateway's core",
    }
    return {name: [used[limit] for used in uses] for name, limit in names.items()}


@contextmanager
def _make_location() -> Iterator[Location]:
    try:
        from tests.support.postgres import make_database  # needs the extra `postgres`
    except ImportError:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "moot.db"
        return
    with make_database() as url:
        yield url


def main(args: Sequence[str] | None = None) -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--picture", type=Path, help="an SVG of cores against size")
    options = parser.parse_args(args)
    return report.run_benchmark("scale_sim", partial(measure, options.picture), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
