"""Going on from what a run came to: what is kept of it, and what of that a model's window takes."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions.permissions import Person
from bot.actions.request import EARLIER_CHARS, RunRequest, ask_seat, follow_up
from bot.domain.facts import Removed, RunFinished, RunStarted
from bot.domain.run import Earlier, Panel, TurnId
from bot.engine.thread import replay_thread
from bot.errors import Refused
from bot.formats.web_search import SEARCH
from bot.models.images import text_of
from bot.models.tokens import make_counter
from bot.models.window import fit_messages
from tests.support.transcripts import Play, make_seat, make_start

P = Person("p", "Pat")


def play_council(begun: RunStarted | None = None) -> Play:
    """Play a whole council in which Bob is ranked first."""
    play = Play(begun or make_start("council")).play_stage(lambda turn: f"{turn.seat} answers at length. " * 20)
    for turn in play.start_wanted():
        shown = [i.seat for i in play.t.turns[turn].about]
        order = sorted(range(len(shown)), key=lambda n: (shown[n] != "bob", shown[n]))
        play.end_turn(turn, json.dumps({"ranking": ["ABC"[n] for n in order], "review": ""}))
    play.play_stage(lambda turn: "Tabs it is, says the chair.")
    return play.record(RunFinished("synthesised"))


def ask_on(play: Play, question: str = "And then?") -> RunRequest:
    return follow_up(play.t, replay_thread(play.t.entries, play.form, play.t.at), question, P)


def start_of(request: RunRequest, form: str = "council") -> RunStarted:
    """Return the start of the run that a request becomes."""
    return replace(make_start(form), question=request.question, context=request.context, earlier=request.earlier)


def read_prompt(play: Play, turn: TurnId, window: int | None) -> str:
    count = make_counter("gpt-4o")
    return "\n\n".join(text_of(m) for m in fit_messages(play.form.ask(play.t, turn).parts, window, 0, count).messages)


def first_turn(started: RunStarted) -> tuple[Play, TurnId]:
    play = Play(started)
    return play, play.start_wanted()[0]


class TestWhatIsKept:
    def test_question_turns_standings_and_synthesis(self) -> None:
        request = ask_on(play_council())
        assert request.context == ""
        kept = [said.label for said in request.earlier if said.kept]
        assert kept[0] == "question"
        assert [label.split(" · ")[0] for label in kept[1:]] == ["Reviews", "Synthesis"]
        labels = [said.label for said in request.earlier]
        assert [name for name in ("Ada", "Bob", "Cyd") if name in labels] == ["Ada", "Bob", "Cyd"]
        texts = [said.text for said in request.earlier]
        assert len(texts) == len(set(texts)), "the top-ranked original is told once"

    def test_a_debates_verdict(self) -> None:
        play = Play(make_start("debate"))
        while not play.plan.outcome:
            play.play_stage(lambda turn: f"{turn} says so.\nVERDICT: Ada wins.")
        request = ask_on(play.record(RunFinished("judged")))
        assert ["VERDICT: Ada wins." in said.text for said in request.earlier if said.kept] == [False, True]
        assert sum("opening" in said.label for said in request.earlier) == 3

    def test_what_was_removed_is_not_gone_on_from(self) -> None:
        play = play_council().record(Removed(TurnId("answer", 1, "ada"), "mod"))
        assert not any("ada answers" in said.text or "Removed" in said.text for said in ask_on(play).earlier)

    def test_what_was_sent_there_goes_on_with_it(self) -> None:
        play = play_council(replace(make_start("council"), context="From Kim: tea."))
        assert ask_on(play).earlier[0] == Earlier("context", "From Kim: tea.")


class TestWithinTheWindow:
    def test_all_of_it_where_there_is_room(self) -> None:
        play, turn = first_turn(start_of(ask_on(play_council())))
        text = read_prompt(play, turn, None)
        order = ["Tabs or spaces?", "ada answers", "Tabs it is", "And then?"]
        assert sorted(order, key=text.index) == order

    def test_whole_turns_go_the_oldest_first_and_what_came_of_it_last(self) -> None:
        play, turn = first_turn(start_of(ask_on(play_council())))
        left, order = [], ["ada answers", "cyd answers", "The models ranked Bob first", "Tabs it is"]
        for window in range(1_200, 200, -20):
            text = read_prompt(play, turn, window)
            assert "[…]" not in text, "a turn is there or not"
            assert "And then?" in text
            left.append([words for words in order if words in text])
        assert left[0] == order
        assert all(len(more) >= len(less) for more, less in pairwise(left))
        assert order[1:] in left
        assert order[2:] in left

    def test_reviewers_lose_it_before_the_answers_they_judge(self) -> None:
        play = Play(start_of(ask_on(play_council())))
        play.play_stage(lambda turn: f"{turn.seat} knows. " * 60)
        text = read_prompt(play, play.start_wanted()[0], 1_100)
        assert all(f"{s} knows." in text for s in ("ada", "bob", "cyd"))
        assert "ada answers" not in text
        assert "[…]" not in text

    @given(sizes=st.lists(st.integers(1, 60_000), max_size=12))
    def test_what_is_stored_is_bounded_from_run_to_run(self, sizes: list[int]) -> None:
        started = make_start("compare")
        for size in sizes:
            play = Play(started)
            for turn in play.start_wanted():
                play.end_turn(turn, "x" * size)
            request = ask_on(play.record(RunFinished("compared")), "q" * min(size, 20_000))
            assert sum(len(said.text) for said in request.earlier) <= EARLIER_CHARS
            started = start_of(request, "compare")

    def test_a_follow_up_of_a_follow_up_knows_the_first_question_and_its_outcome(self) -> None:
        play = play_council()
        for n in range(6):
            play = play_council(start_of(ask_on(play, f"Question {n}?")))
        request = ask_on(play, "And at last?")
        kept = [said.text for said in request.earlier if said.kept]
        assert kept[0] == "Tabs or spaces?"
        assert sum(text.startswith("Question ") for text in kept) == 6
        last, turn = first_turn(start_of(request))
        for window in (600, 1_200, 4_000):
            assert "And at last?" in read_prompt(last, turn, window)


class TestOneSeat:
    def play_debate(self) -> Play:
        play = Play(make_start("debate"))
        while not play.plan.outcome:
            play.play_stage(lambda turn: f"{turn} says so.\nVERDICT: nobody")
        return play.record(RunFinished("judged"))

    def ask_on(self, play: Play, lane: TurnId, said: str = "said", question: str = "More?") -> RunRequest:
        return ask_seat(play.t, replay_thread(play.t.entries, play.form, play.t.at), lane.lane, said, question, P)

    def test_it_reads_all_that_it_has_said_as_its_own(self) -> None:
        request = self.ask_on(self.play_debate(), TurnId("rebuttal", 2, "bob"), "rebuttal/2/bob says so.")
        assert request.seats is not None
        assert [s.name for s in request.seats.seats] == ["Bob"]
        own = [said.text.splitlines()[0] for said in request.earlier if said.own]
        assert own == ["opening/1/bob says so.", "rebuttal/2/bob says so.", "closing/3/bob says so."]
        assert not any("ada" in said.text for said in request.earlier)
        started = replace(start_of(request, "compare"), panel=Panel((make_seat("bob"),)))
        play, turn = first_turn(started)
        roles = [(p.role, p.text.splitlines()[0]) for p in play.form.ask(play.t, turn).parts][1:]
        assert [role for role, _ in roles] == ["user", "assistant", "assistant", "assistant", "user"]

    def test_it_goes_on_and_on(self) -> None:
        request = self.ask_on(self.play_debate(), TurnId("closing", 3, "bob"))
        play = Play(replace(start_of(request, "compare"), panel=Panel((make_seat("bob"),))))
        play.play_stage(lambda turn: "my second thought").record(RunFinished("compared"))
        again = self.ask_on(play, TurnId("answer", 1, "bob"), "my second thought", "Sure?")
        assert [said.text for said in again.earlier if said.own][-1] == "my second thought"
        assert [said.text for said in again.earlier if said.kept and not said.own] == ["Tabs or spaces?", "More?"]

    def test_one_that_still_speaks(self) -> None:
        play = Play(make_start("compare"))
        play.start_wanted()
        request = self.ask_on(play, TurnId("answer", 1, "bob"), "so f")
        assert [said.text for said in request.earlier if said.own] == ["so f"]

    def test_a_search_is_no_seat(self) -> None:
        with pytest.raises(Refused, match="A search has said that"):
            self.ask_on(play_council(), SEARCH)


def test_a_run_from_before_there_was_any_of_this_is_asked_as_it_was() -> None:
    play = Play(replace(make_start("compare"), context="Question: Why?\n\nClaude:\ntea"))
    parts = play.form.ask(play.t, play.start_wanted()[0]).parts
    assert "Question: Why?\n\nClaude:\ntea" in parts[1].text
