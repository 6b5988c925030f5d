"""The bot killed, failed and flooded: `python -m benchmarks.chaos --json [--kills N] [--faults] [--flood] [--seed S]`.

`moot run` is a process of its own, with both platforms configured and its store in a SQLite file. Discord's and Slack's
wire servers and the models stand in this process, see each request as it comes, and stay when the bot is killed. At the
end an auditor looks at these servers and the database alone. Without a scene named, all are played at full size.

Kills: SIGKILL, aimed from outside at moments: while a model streams; when a post is on its way and never
arrives (its fact is stored, no message stands); when a platform has taken a post, before its answer leaves; in ballots;
in the chair's or judge's text; before people are answered; while it starts; and at random. First text: from the
gateway's READY, or Socket Mode's hello, to the first text of a seat that is new since the kill; a model that is asked
again says at once what it had said, so that this is the bot's wait. Faults: of models, for a share of all calls, and of
platforms, one after another. Flood: commands in one second, then reactions on one message; beside them somebody asks.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from statistics import median

from benchmarks import report
from benchmarks.chaos import faults, flood
from benchmarks.chaos.audit import FAULT_PROMISES, KILL_PROMISES, make_promise_bars, print_broken
from benchmarks.chaos.kills import AIMED
from benchmarks.chaos.play import Scene, find_usual_outcomes, play
from benchmarks.chaos.resume import WATCHES_S, Resumed, measure_resume
from benchmarks.report import Bar, Report

KILLS, FAULTED_RUNS, COMMANDS, REACTIONS = 200, 100, 1_000, 10_000
REQUIRED = ("streaming", "fact and post", "taken and stored", "ballot", "chair")
LEAST_SHARE = 0.1
USUAL_SHARE = 0.99
FIRST_S, AGAINST_ONE = 2.0, 2.5
MANY_RUNS, RESTARTS = 100, (7, 3)  # restarts with one run, and with many
PEAK_MB, BESIDE = 1_000.0, 5.0
Measured = tuple[list[report.Scene], list[Bar]]


def measure(kills: int, faulted: int, commands: int, seed: int) -> Report:
    """Play the scenes whose size is not 0 and report them together."""
    scenes: list[report.Scene] = []
    bars: list[Bar] = []
    for size, scene in ((kills, _measure_kills), (faulted, _measure_faults), (commands, _measure_flood)):
        if size:
            rows, held = scene(size, seed)
            scenes += rows
            bars += held
    return Report(scenes, bars)


def _measure_kills(kills: int, seed: int) -> Measured:
    usual = asyncio.run(find_usual_outcomes(seed))
    played = asyncio.run(play(Scene(kills, seed), usual))
    one, many = (asyncio.run(measure_resume(runs, n)) for runs, n in zip((1, MANY_RUNS), RESTARTS, strict=True))
    print_broken(played.found)
    firsts = sorted(wait for waits in played.fresh_s.values() for wait in waits)
    row: report.Scene = {
        "scene": f"{kills} kills, seed {seed}",
        **{str(kind): count for kind, count in sorted(played.kills.items())},
        "runs": played.runs,
        "commands": played.asked,
        "unanswered": played.unanswered,
        "model_calls": played.calls,
        "votes_told": played.votes,
        "first_text_median_s": median(firsts) if firsts else -1.0,
        "first_texts": len(firsts),
        "killed_before_any": played.unread,
        "start_to_ready_median_s": median(played.ready_s),
        "seconds": played.seconds,
    }
    aimed = min(played.kills[kind] for kind in AIMED if kind in REQUIRED) / kills
    bars = [
        *make_promise_bars(f"{kills} kills", (*KILL_PROMISES, "goes on by itself"), played.found),
        Bar(f"{kills} kills: runs with their usual outcome", played.usual_share, USUAL_SHARE, "share", "at least"),
        Bar(f"{kills} kills: the rarest aim", aimed, LEAST_SHARE, "of kills", "at least"),
        Bar("1 run: ready to the first new text, median", median(one.first_s), FIRST_S, "s"),
        Bar(
            f"{MANY_RUNS} runs: the same, over 1 run", median(many.first_s) / median(one.first_s), AGAINST_ONE, "ratio"
        ),
        Bar(f"{MANY_RUNS} runs: without new text in {WATCHES_S:g} s", many.silent, 0, "runs"),
    ]
    return [row, _make_resumed_row(one), _make_resumed_row(many)], bars


def _make_resumed_row(result: Resumed) -> report.Scene:
    return {
        "scene": f"{result.runs} speaking when killed",
        "runs": result.runs,
        "first_text_median_s": median(result.first_s),
        "first_texts": len(result.first_s),
        "each_run_median_s": median(result.each_s),
        "each_run_max_s": max(result.each_s),
        "silent": result.silent,
    }


def _measure_faults(runs: int, seed: int) -> Measured:
    result = asyncio.run(faults.play(runs, seed))
    print_broken(result.found)
    row: report.Scene = {
        "scene": f"{runs} commands under faults, seed {seed}",
        "runs": result.runs,
        "faults": result.drawn.total(),
        "kinds": len(result.drawn),
        "outcomes": ", ".join(f"{outcome} {n}" for outcome, n in result.outcomes.most_common()),
        "seconds": result.seconds,
    }
    return [row], make_promise_bars("faults", FAULT_PROMISES, result.found)


def _measure_flood(commands: int, seed: int) -> Measured:
    result = asyncio.run(flood.play(commands, commands * REACTIONS // COMMANDS, seed))
    print_broken(result.found)
    row: report.Scene = {
        "scene": f"{commands} commands in {result.sent_s:.1f} s, {result.reactions} reactions on a message",
        **result.answers,
        "reactions_counted": result.counted,
        "counted_after_s": result.counted_s,
        "rss_idle_mb": result.rss_idle_mb,
        "rss_commands_mb": result.rss_commands_mb,
        "rss_reactions_mb": result.rss_reactions_mb,
        "alone_s": result.alone_s,
        "beside_commands_s": result.beside_commands_s,
        "beside_reactions_s": result.beside_reactions_s,
        "seconds": result.seconds,
    }
    bars = [
        *make_promise_bars("flood", FAULT_PROMISES, result.found),
        Bar("flood: commands without an answer", result.answers["unanswered"], 0, "commands"),
        Bar("flood: reactions that are counted", result.counted, result.reactions, "votes", "at least"),
        Bar("flood: memory at its peak", max(result.rss_commands_mb, result.rss_reactions_mb), PEAK_MB, "MB"),
        Bar("flood: a run beside commands over one alone", result.beside_commands_s / result.alone_s, BESIDE, "ratio"),
        Bar(
            "flood: a run beside reactions over one alone", result.beside_reactions_s / result.alone_s, BESIDE, "ratio"
        ),
    ]
    return [row], bars


def main() -> int:
    parser = report.make_parser(__doc__)
    _add_size(parser, "--kills", None, "how often it is killed")
    _add_size(parser, "--faults", FAULTED_RUNS, "runs under faults")
    _add_size(parser, "--flood", COMMANDS, "commands in a second; ten times as many reactions follow")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sizes = (given.kills, given.faults, given.flood)
    kills, faulted, commands = sizes if any(sizes) else (KILLS, FAULTED_RUNS, COMMANDS)
    return report.run_benchmark("chaos", lambda: measure(kills, faulted, commands, given.seed), as_json=given.json)


def _add_size(parser: argparse.ArgumentParser, name: str, usual: int | None, help: str) -> None:
    parser.add_argument(name, type=int, default=0, nargs=None if usual is None else "?", const=usual, help=help)


if __name__ == "__main__":
    sys.exit(main())
