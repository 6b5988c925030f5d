"""The auditor of `benchmarks.chaos` finds what it is there to find: a run that went well, with one thing broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from benchmarks.chaos.audit import Audit, Ledger
from benchmarks.chaos.models import Call
from benchmarks.chaos.places import Post
from benchmarks.chaos.runs import Asked, Pressed
from bot.domain.facts import Fact, RunFinished, TurnEnded, TurnStarted, VoteCast
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.ports.store import PostedPage
from tests.support.transcripts import make_start

RUN, TAG, KEY = "abcdefgh", "Q0001", "k0123456789ab"
TURN = TurnId("answer", 1, "ada")
SAID = f"{KEY} Tabs are wider."
BUTTONS = {"a": (RUN, "follow_up", "")}
LOOKS = "an audit only looks"
BOARD = Post("w:1", "", f"> {TAG} Tabs or spaces?", {}, None)


@dataclass
class Wall:
    """One board and its thread, as people see them."""

    name: str = "Wall"
    below: list[Post] = field(default_factory=list)

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        raise NotImplementedError(LOOKS)

    def find_board(self, tag: str) -> Post | None:
        return BOARD

    def read_thread(self, board: Post) -> list[Post]:
        return self.below

    def list_boards(self) -> list[Post]:
        return [BOARD]

    async def press(self, person: int, post: Post, button: str) -> str:
        raise NotImplementedError(LOOKS)

    async def press_more(self, person: int, end: Post, action: str) -> None:
        raise NotImplementedError(LOOKS)

    async def say(self, person: int, board: Post, text: str) -> None:
        raise NotImplementedError(LOOKS)

    def name_person(self, person: int) -> str:
        return "w:p"


def whole() -> tuple[Audit, Wall]:
    """A run that went well: one turn, one vote, three messages."""
    began = replace(make_start("compare", seats=["ada"]), question=f"{TAG} Tabs or spaces?")
    said, vote = TurnEnded(TURN, "done", SAID), VoteCast("w:p", 1, "ada")
    facts: Sequence[Fact] = (began, TurnStarted(TURN), said, vote, RunFinished("compared"))
    wall = Wall(below=[Post("w:2", "Ada", SAID, {}, None), Post("w:3", "", "Votes: Ada 1.", BUTTONS, None)])
    placed = [
        PostedPage("w", lane, 0, ref)
        for lane, ref in ((LaneId("board", 1, ""), "w:1"), (TURN.lane, "w:2"), (LaneId("end", 1, ""), "w:3"))
    ]
    t = fold_all(Transcript(), [Entry(n, float(n), fact) for n, fact in enumerate(facts, 1)])
    call = Call(KEY, TAG, "model-ada", "compare.answer", 2.0, SAID, len(SAID), ended_at=2.5)
    asked = Asked(wall, TAG, "compare", heard=True, run=RUN, votes=[Pressed("w:p", "ada", "Your vote is Ada's.")])
    return Audit(Ledger({RUN: t}, {RUN: placed}), [wall], [call], [asked], usual={"compare": "compared"}), wall


def found(audit: Audit) -> set[str]:
    return {broken.promise for broken in audit.check_after_kills()}


def without(audit: Audit, *kinds: type) -> None:
    """Forget these facts."""
    entries = audit.ledger.runs[RUN].entries
    audit.ledger.runs[RUN] = fold_all(Transcript(), [e for e in entries if not isinstance(e.fact, kinds)])


def test_a_run_that_went_well_breaks_nothing() -> None:
    audit, _ = whole()
    assert found(audit) == set()
    assert audit.usual_share == 1.0


Broken = Callable[[Audit, Wall], object]
CASES: Mapping[str, tuple[Broken, set[str]]] = {
    "no end": (lambda a, w: without(a, RunFinished), {"runs started = finished"}),
    "an end with an open turn": (lambda a, w: without(a, TurnEnded), {"nothing left"}),
    "no end card": (lambda a, w: w.below.pop(), {"runs as people know them", "messages once", "votes counted once"}),
    "a board without a run": (lambda a, w: a.ledger.runs.clear(), {"runs as people know them", "billed"}),
    "a vote lost": (lambda a, w: without(a, VoteCast), {"votes counted once"}),
    "a vote that the end card lacks": (
        lambda a, w: w.below.__setitem__(1, replace(w.below[1], text="Nobody voted.")),
        {"votes counted once"},
    ),
    "a message twice": (lambda a, w: w.below.append(replace(w.below[0], ref="w:4")), {"messages once"}),
    "a placeholder left": (lambda a, w: w.below.append(Post("w:4", "Ada", "…", {}, None)), {"messages once"}),
    "a text not written to its end": (
        lambda a, w: w.below.__setitem__(0, replace(w.below[0], text=f"{KEY} Tabs")),
        {"final texts"},
    ),
    "a text that no model sent": (lambda a, w: setattr(a.calls[0], "text", f"{KEY} Spaces."), {"final texts"}),
    "asked twice without a kill": (lambda a, w: setattr(a, "calls", [*a.calls, *a.calls]), {"billed"}),
    "asked something else first": (
        lambda a, w: setattr(a, "calls", [replace(a.calls[0], key="kfedcba987654"), *a.calls]),
        {"billed"},
    ),
    "an answer still being sent": (lambda a, w: setattr(a.calls[0], "ended_at", None), {"nothing left"}),
    "an end that is not shown": (lambda a, w: a.ledger.behind.append(RUN), {"nothing left"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_broken_is_found(case: str) -> None:
    audit, wall = whole()
    breaks, promises = CASES[case]
    breaks(audit, wall)
    assert found(audit) == promises


def test_a_turn_may_be_asked_once_more_for_each_kill_while_it_was_open() -> None:
    audit, _ = whole()
    audit.calls = [*audit.calls, *audit.calls]
    for fell in ((2.5, 2.5), (0.0, 2.5), (0.0, 30.0)):
        audit.kills = [fell]
        assert found(audit) == set()
    for missed in ((30.0, 30.0), (30.0, 40.0)):
        audit.kills = [missed]
        assert found(audit) == {"billed"}


def test_another_outcome_than_usual_lowers_the_share() -> None:
    audit, _ = whole()
    audit.usual = {"compare": "failed"}
    assert audit.usual_share == 0.0


def test_what_others_have_touched_is_left_out() -> None:
    audit, wall = whole()
    wall.below.clear()
    audit.touched = {"w:1"}
    assert audit.check_after_faults() == []
