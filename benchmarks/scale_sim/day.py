"""A day of many servers, simulated: when runs begin, how many go on at once, and what they take at the busiest time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from benchmarks.scale_sim.needs import Needs

DAY_S, STEP_S = 86_400, 10
PEAK = 99.9  # in so many of a hundred steps there is less to do

# Assumptions about people, none of them measured: change them here for a crowd of your own.
RUNS_A_SERVER = 10.0  # a day, on average; most servers have fewer, few have many
UNEVEN = 1.5  # deviation of the logarithm of a server's share
TIDE = 0.6  # the busiest hour has 1.6 times the runs of the mean one
BURSTS = 0.3  # deviation of the logarithm of a minute's runs beside the tide
DURATIONS = 0.5  # deviation of the logarithm of how long a run lasts
LONGER = 1.7  # a run beside the measured comparison: councils and debates have more stages
EVENTS_A_SERVER = 2_000.0  # messages a day that a gateway reads


@dataclass(frozen=True, slots=True)
class Peak:
    """The busiest time of a day: runs that go on, and what all of them take in a second.

    `cores` of workers, `gateway_cores` of all gateways; requests by webhooks and by the bot's token, of these
    `token_posts` that are no edits of boards; rows written; `database_cores`.
    """

    servers: int
    runs_a_day: int
    mean_running: float
    running: float
    cores: float
    webhook_per_s: float
    token_per_s: float
    token_posts_per_s: float
    writes_per_s: float
    database_cores: float
    gateway_cores: float


def simulate_day(servers: int, needs: Needs) -> Peak:
    """Draw a day of so many servers, and return its peak."""
    dice = numpy.random.default_rng(1)
    shares = dice.lognormal(-(UNEVEN**2) / 2, UNEVEN, servers)
    tide = 1 + TIDE * numpy.sin(numpy.arange(DAY_S // STEP_S) * 2 * numpy.pi * STEP_S / DAY_S)
    minutes = dice.lognormal(-(BURSTS**2) / 2, BURSTS, DAY_S // 60).repeat(60 // STEP_S)
    begun = dice.poisson(RUNS_A_SERVER * shares.sum() / len(tide) * tide * minutes)
    running = _count_running(begun, needs.seconds * LONGER, dice)
    at_once = float(numpy.percentile(running, PEAK))
    each_s = at_once / needs.seconds  # comparisons' worth of work that is done in a second
    events_per_s = EVENTS_A_SERVER / DAY_S * (1 + TIDE)
    return Peak(
        servers=servers,
        runs_a_day=int(begun.sum()),
        mean_running=float(running.mean()),
        running=at_once,
        cores=each_s * needs.cpu_s,
        webhook_per_s=each_s * (needs.requests - needs.by_token),
        token_per_s=each_s * needs.by_token,
        token_posts_per_s=each_s * needs.token_posts,
        writes_per_s=each_s * needs.writes,
        database_cores=each_s * needs.writes * needs.write_cpu_s,
        gateway_cores=servers * events_per_s * needs.event_cpu_s,
    )


def _count_running(begun: numpy.ndarray, mean_s: float, dice: numpy.random.Generator) -> numpy.ndarray:
    """Return how many runs go on in each step. `begun`: by step; the day repeats, so that it has no empty start."""
    starts = numpy.repeat(numpy.arange(len(begun)) * STEP_S, begun) + dice.uniform(0, STEP_S, begun.sum())
    ends = starts + dice.lognormal(numpy.log(mean_s) - DURATIONS**2 / 2, DURATIONS, len(starts))
    steps = len(begun)
    first, last = (starts // STEP_S).astype(int), (ends // STEP_S).astype(int)
    changes = numpy.bincount(first, minlength=2 * steps) - numpy.bincount(last, minlength=2 * steps)[: 2 * steps]
    running: numpy.ndarray = changes.cumsum().reshape(2, steps)
    total: numpy.ndarray = running.sum(axis=0)
    return total
