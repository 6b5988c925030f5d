"""The time to a council's synthesis, against one that blocks at every stage; and the cost of planning.

`python -m benchmarks.formats --json`. A council of five as it is out of the box: every draw is played by the format's
own plan in virtual time, its answers, reviews and chair drawn independently from the recorded durations of one prompt.
Its peers are a council on the same draw whose every stage waits for the whole stage before it, and one that stops its
reviews early. Reviewers agree on 85 % of the pairs; how much hangs on that is a table of its own. First text is taken
to come after a tenth of a turn's time, which the recordings do not tell.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from benchmarks import report
from benchmarks.formats.cost import list_costs
from benchmarks.formats.council import FIRST_TEXT, Times, conduct_run, time_by_plan, time_by_rules
from benchmarks.formats.draws import CROWD, JUDGES, Draw, draw_councils, measure_agreement
from benchmarks.formats.planning import Cost, plan_run
from benchmarks.formats.waits import Waits, make_rules
from benchmarks.report import Bar, Report, Scene
from bot.domain.run import Rules

SEATS = 5
DRAWS = 3_000
GRACES_S = (0.0, 2.0, 4.0, 8.0)
PANELS = range(3, 13)
CONDUCTED = 30  # runs of the whole conductor
ROUNDS = 10
MARGIN = 1.1  # for what the machine adds: a longer run no longer fits into its caches
REPEATS = 7


def measure(count: int, repeats: int) -> Report:
    """Play so many councils, and plan each of the longest runs so many times."""
    rules = make_rules(SEATS)
    drawn = list(draw_councils(SEATS, count))
    played = [time_by_plan(draw, rules) for draw in drawn]
    some = count // 3
    waits = Waits(drawn[:some], played[:some])
    scenes = [_make_scene("by the plan", drawn, played), *_vary_agreement(count // 5, rules), *_vary_grace(count // 15)]
    planning, costs = _measure_planning(repeats)
    bars = [*_make_bars(drawn, played), *waits.make_bars(), _check_plan(drawn, played, rules)]
    tables = [*scenes, *waits.list_scenes(), *waits.list_shown(), *planning, *list_costs()]
    return Report(tables, [*bars, *_check_conductor(count), *costs])


def _make_scene(name: str, drawn: Sequence[Draw], played: Sequence[Times]) -> Scene:
    blocking = [draw.critical_path_s for draw in drawn]
    ours = [times.synthesis_s for times in played]
    pairs = list(zip(drawn, played, strict=True))
    first = [times.chair_s + FIRST_TEXT * draw.chair_s for draw, times in pairs]
    return {
        "scene": name,
        "seats": len(drawn[0].answers_s),
        "draws": len(drawn),
        "median_ratio": statistics.median(_ratios(drawn, played)),
        "p90_ratio": _p90(ours) / _p90(blocking),
        "synthesis_s": statistics.median(ours),
        "blocking_s": statistics.median(blocking),
        "first_text_s": statistics.median(FIRST_TEXT * min(draw.answers_s) for draw in drawn),
        "first_text_of_synthesis_s": statistics.median(first),
        "turns_to_come": statistics.median(_count_turns_to_come(draw, times) for draw, times in pairs),
        "runs_with_late": statistics.fmean(times.late > 0 for times in played),
        "late_share": statistics.fmean(times.late for times in played) / len(drawn[0].answers_s),
    }


def _count_turns_to_come(draw: Draw, times: Times) -> float:
    """Return what follows the first reviews' start, in turns as long as the answers that are in took."""
    return (times.synthesis_s - times.reviews_s) / statistics.median(s for s in draw.answers_s if s <= times.reviews_s)


def _vary_agreement(count: int, rules: Rules) -> list[Scene]:
    """Return the same council with reviewers that agree less, and more."""
    spreads = {"by chance": 0.0, "as a crowd": CROWD, "as judges": JUDGES, "always": math.inf}
    scenes: list[Scene] = []
    for name, spread in spreads.items():
        drawn = list(draw_councils(SEATS, count, spread=spread))
        scene = _make_scene(f"reviewers agree {name}", drawn, [time_by_rules(draw, rules) for draw in drawn])
        scenes.append({**scene, "agreement": measure_agreement(spread)})
    return scenes


def _vary_grace(count: int) -> list[Scene]:
    """Return what the longest grace time costs in time and brings in reviews, out of the box otherwise."""
    scenes: list[Scene] = []
    for seats in PANELS:
        drawn, usual = list(draw_councils(seats, count)), make_rules(seats)
        for grace_s in GRACES_S:
            rules = replace(usual, grace_s=grace_s, review_grace_s=grace_s)
            played = [time_by_rules(draw, rules) for draw in drawn]
            scenes.append({**_make_scene(f"quorum {usual.quorum}", drawn, played), "grace_s": grace_s})
    return scenes


def _make_bars(drawn: Sequence[Draw], played: Sequence[Times]) -> list[Bar]:
    scene = _make_scene("", drawn, played)
    return [
        Bar("time to synthesis over a blocking council's, median", float(scene["median_ratio"]), 0.80, "ratio"),
        Bar("p90 of the time to synthesis over a blocking council's", float(scene["p90_ratio"]), 0.75, "ratio"),
    ]


def _check_plan(drawn: Sequence[Draw], played: Sequence[Times], rules: Rules) -> Bar:
    """Compare the plan with the rules, from which the tables are reckoned."""
    apart = max(
        abs(times.synthesis_s - time_by_rules(draw, rules).synthesis_s)
        for draw, times in zip(drawn, played, strict=True)
    )
    return Bar("the plan against the rules reckoned by hand", apart, 1e-6, "seconds")


def _check_conductor(count: int) -> list[Bar]:
    """Compare everything that runs a run with the times drawn: of a council that waits for all, and of each answer."""
    conducted = [(d, conduct_run(d, Rules())) for d in islice(draw_councils(SEATS, count), CONDUCTED)]
    whole = max(run.synthesis_s / d.critical_path_s for d, run in conducted)
    single = max(a / b for d, run in conducted for a, b in zip(run.answers_s, d.answers_s, strict=True))
    return [
        Bar("waiting for all, the conductor over the critical path", whole, 1.02, "ratio"),
        Bar("a single answer is complete, over the time that its call takes, worst", round(single, 9), 1.0, "ratio"),
    ]


def _measure_planning(repeats: int) -> tuple[list[Scene], list[Bar]]:
    runs = {
        "council of 12": partial(plan_run, "council", 12, 1),
        f"debate of 12, {ROUNDS} rounds": partial(plan_run, "debate", 12, ROUNDS),
        f"debate of 12, {2 * ROUNDS} rounds": partial(plan_run, "debate", 12, 2 * ROUNDS),
    }
    # In turns, because a machine's speed drifts. Every time with other ballots, because cached results cost nothing.
    played = [[run(seed) for run in runs.values()] for seed in range(repeats)]
    tried = dict(zip(runs, zip(*played, strict=True), strict=True))
    scenes: list[Scene] = [
        {
            "scene": f"planning a {name}",
            "facts": costs[0].facts,
            "plan_us_a_fact": statistics.median(1e6 * cost.plan_s / cost.facts for cost in costs),
            "ask_us_a_fact": statistics.median(1e6 * cost.ask_s / cost.facts for cost in costs),
            "cpu_percent": statistics.median(cost.percent for cost in costs),
        }
        for name, costs in tried.items()
    ]
    council, debate, longer = tried.values()
    growth = [b.fact_s / a.fact_s for a, b in zip(debate, longer, strict=True)]
    facts = longer[0].facts / debate[0].facts
    return scenes, [
        Bar(f"planning a debate of 12 seats and {ROUNDS} rounds", _percent(debate), 1.0, "% of a CPU"),
        Bar("planning a council of 12 seats", _percent(council), 1.0, "% of a CPU"),
        Bar(
            "planning and asking a fact, over that in a run of half as many",
            statistics.median(growth),
            MARGIN * facts,
            "ratio",
        ),
    ]


def _percent(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.percent for cost in costs)


def _ratios(drawn: Sequence[Draw], played: Sequence[Times]) -> list[float]:
    return [times.synthesis_s / draw.critical_path_s for draw, times in zip(drawn, played, strict=True)]


def _p90(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10)[8]


if __name__ == "__main__":
    parser = report.make_parser(__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help="councils that are played")
    given = parser.parse_args()
    sys.exit(report.run_benchmark("formats", partial(measure, given.draws, REPEATS), as_json=given.json))
