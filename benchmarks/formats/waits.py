"""What a council waits for: beside another council on the same draws, and with a seat that thinks or hangs."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.formats.council import Times, time_answers, time_by_plan
from benchmarks.formats.draws import Draw, leave_out, let_hang, make_slower
from benchmarks.formats.peer import time_posts, time_stages
from benchmarks.report import Bar, Scene
from bot.domain.run import Rules
from bot.settings.settings import CouncilSettings

SLOWER = 10.0  # times as slow as a seat that thinks is
HANGS_S = 120.0
FORMER_QUORUM = 0.8  # of the answers: reviews once began when they were in, and a grace time had passed
PAIRED = 30  # draws of which every text is shown


def make_rules(seats: int) -> Rules:
    """Return the rules of a council as they are out of the box."""
    s = CouncilSettings()
    return Rules(
        quorum=s.answers_needed(seats),
        grace_s=s.grace_s,
        review_quorum=s.review_quorum,
        review_grace_s=s.review_grace_s,
        deadline_s=s.deadline_s,
    )


class Waits:
    """Councils of the same draws, played with what may happen to one seat of each."""

    def __init__(self, drawn: Sequence[Draw], played: Sequence[Times]) -> None:
        self.drawn, self.played = drawn, played
        self.rules = make_rules(seats := len(drawn[0].answers_s))
        dice = random.Random(1)
        picked = [(draw, dice.randrange(seats)) for draw in drawn]
        self.slow = [make_slower(draw, seat, SLOWER) for draw, seat in picked]
        self.known = [make_slower(draw, seat, SLOWER, known=True) for draw, seat in picked]
        self.slow_played = self._play(self.slow)
        self.known_played = self._play(self.known)
        self.hung_played = self._play(let_hang(draw, seat, HANGS_S) for draw, seat in picked)
        fewer = make_rules(seats - 1)
        self.without_played = [time_by_plan(leave_out(draw, seat), fewer) for draw, seat in picked]

    def _play(self, drawn: Iterator[Draw] | Sequence[Draw]) -> list[Times]:
        return [time_by_plan(draw, self.rules) for draw in drawn]

    def list_scenes(self) -> Iterator[Scene]:
        """Yield each kind of council beside its peer: medians of the ratios, and the ratio of the sums."""
        for name, ours, peer in (
            ("stage by stage", self.played, self.stages()),
            ("stage by stage, reviews stop early", self.played, self.stages(stops_early=True)),
            ("one seat ten times slower", self.slow_played, [d.critical_path_s for d in self.slow]),
            ("one seat ten times slower, as is known", self.known_played, [d.critical_path_s for d in self.known]),
            ("one seat hung, over four seats", self.hung_played, _syntheses(self.without_played)),
            ("one seat hung, over five that answer", self.hung_played, _syntheses(self.played)),
        ):
            mine = _syntheses(ours)
            yield {
                "scene": name,
                "draws": len(ours),
                "median_ratio": _median_ratio(mine, peer),
                "ratio_of_sums": sum(mine) / sum(peer),
                "synthesis_s": statistics.median(mine),
                "late_share": statistics.fmean(times.late for times in ours) / len(self.drawn[0].answers_s),
                "never_reviewed": statistics.fmean(times.unreviewed > 0 for times in ours),
            }

    def stages(self, *, stops_early: bool = False) -> list[float]:
        return [time_stages(draw, stops_early=stops_early) for draw in self.drawn]

    def make_bars(self) -> list[Bar]:
        slow, known = _syntheses(self.slow_played), _syntheses(self.known_played)
        blocking = [draw.critical_path_s for draw in self.slow]
        listed = min(
            statistics.fmean(times.unreviewed == 0 for times in played)
            for played in (self.slow_played, self.known_played)
        )
        later = max(
            times.reviews_s - time_former_reviews(draw, self.rules)
            for drawn, played in (
                (self.drawn, self.played),
                (self.slow, self.slow_played),
                (self.known, self.known_played),
            )
            for draw, times in zip(drawn, played, strict=True)
        )
        mine, hung = _syntheses(self.played), _syntheses(self.hung_played)
        over_stages, over_early = (_median_ratio(mine, self.stages(stops_early=early)) for early in (False, True))
        with_thinker = max(_median_ratio(slow, blocking), _median_ratio(known, blocking))
        return [
            Bar("a seat ten times slower stands on a ballot", listed, 0.99, "of the councils", "at least"),
            Bar("the first reviews after those of a fixed quorum and grace, worst", later, 0.0, "seconds"),
            Bar("one thinker: time to synthesis over a blocking council's", with_thinker, 0.85, "ratio"),
            Bar("time to synthesis over a council's stage by stage", over_stages, 0.75, "ratio"),
            Bar("time to synthesis over one's that stops its reviews early", over_early, 0.85, "ratio"),
            Bar(
                "one seat hung: over the four without it",
                _median_ratio(hung, _syntheses(self.without_played)),
                1.15,
                "ratio",
            ),
            Bar("one seat hung: over the five that answer", _median_ratio(hung, mine), 1.15, "ratio"),
        ]

    def list_shown(self) -> Iterator[Scene]:
        """Yield how much later answers stand complete that flow than those posted whole, under one limit."""
        pairs = [(sum(time_answers(draw, self.rules)), sum(time_posts(draw))) for draw in self.drawn[:PAIRED]]
        yield {
            "scene": "answers that flow, over those posted whole",
            "draws": len(pairs),
            "median_ratio": statistics.median(ours / theirs for ours, theirs in pairs),
            "ratio_of_sums": sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs),
        }


def time_former_reviews(draw: Draw, rules: Rules) -> float:
    """Return when the reviews would begin by a quorum and a grace time alone, as they once did."""
    quorum = CouncilSettings(quorum=FORMER_QUORUM).answers_needed(len(draw.answers_s))
    return min(max(draw.answers_s), sorted(draw.answers_s)[quorum - 1] + rules.grace_s)


def _syntheses(played: Sequence[Times]) -> list[float]:
    return [times.synthesis_s for times in played]


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
