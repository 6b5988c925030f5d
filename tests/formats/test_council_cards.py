"""What a council shows beside its answers, on its plan alone: cards of reviews, of answers and of the end."""

from __future__ import annotations

import json

from bot.domain.controls import Control
from bot.domain.facts import RetryAsked, SkipAsked, Stopped, TurnEnded
from bot.domain.lane_links import without_lane_links
from bot.domain.run import Failure, LaneId, Rules, TurnId
from bot.engine.thread import thread_posts
from bot.formats.council.cards import COUNTED, REVIEWS
from bot.formats.council.chair import SYNTHESIS
from bot.formats.end_card import END
from tests.support.councils import FIVE, let_answer, let_rank, make_council, wanted_reviews


class TestCards:
    def test_the_full_texts_are_behind_a_button_and_rank_by_names(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        assert play.plan.full_texts == {}
        let_rank(play, "ada", "bob", "cyd", "ada")
        [card] = [p for p in thread_posts(play.t, play.plan) if p.lane == REVIEWS]
        assert card.controls == (
            Control("full_texts", "Full texts", TurnId(*REVIEWS)),
            Control("full_texts", "How it was counted", TurnId(*COUNTED)),
        )
        assert play.plan.full_texts[REVIEWS] == "**Ada**\n\nada's reasons\n\nRanking: Bob, then Cyd, then Ada"

    def test_a_review_that_names_answers_by_their_letters_has_a_key_to_them(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        play.end_turn(TurnId("review", 1, "ada"), json.dumps({"ranking": ["B", "A", "C"], "review": "B has numbers."}))
        a, b, c = [i.seat.capitalize() for i in play.t.turns[TurnId("review", 1, "ada")].about]
        text = play.plan.full_texts[REVIEWS]
        assert f"A is {a}, B is {b}, C is {c}" in text
        assert text.endswith(f"Ranking: {b}, then {a}, then {c}")

    def test_what_was_said_until_a_skip_is_no_answer_to_rank(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:4]), *FIVE[:3])
        cut = TurnId("answer", 1, "dan")
        play.record(SkipAsked(cut, "p")).end_turn(cut, "dan beg", "skipped")
        assert wanted_reviews(play) == list(FIVE[:3])
        assert {i.seat for w in play.plan.wanted for i in w.about} == set(FIVE[:3])

    def test_what_is_skipped_once_reviews_have_begun_is_not_late(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        play.start_wanted()
        for reviewer in FIVE[:4]:
            let_rank(play, reviewer, "ada", "bob", "cyd", "dan")
        cut = TurnId("answer", 1, "eve")
        play.record(SkipAsked(cut, "p")).end_turn(cut, "eve beg", "skipped")
        assert wanted_reviews(play) == []
        assert play.plan.footers == {}
        assert "Eve" not in play.plan.cards[REVIEWS]

    def test_of_two_answers_that_were_reviewed_it_says_why_neither_is_first(self) -> None:
        play = let_answer(make_council(Rules(quorum=2, grace_s=0.1), FIVE[:3]), "ada", "bob").wait(10)
        play.start_wanted()
        for reviewer in ("ada", "bob"):
            let_rank(play, reviewer, "ada", "bob")
        said = "No answer is ranked first: of two, each model could only judge the other's."
        assert play.plan.cards[REVIEWS] == f"- **Ada and Bob**: Ada, then Bob\n\n{said}"

    def test_each_ballot_says_how_it_was_read(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        play.end_turn(TurnId("review", 1, "bob"), "**Final ranking:** B > A > C")
        play.record(TurnEnded(TurnId("review", 1, "cyd"), "failed", failure=Failure("rate", "busy")))
        let_rank(play, "ada", "bob", "cyd", "ada")
        ada, bob, cyd = play.plan.cards[REVIEWS].split("\n\n")[0].splitlines()
        assert ada == "- **Ada**: Bob, then Cyd, then Ada"
        assert bob.endswith(" (read from its words)")
        assert cyd.endswith("failed: busy")
        ada, bob = play.plan.full_texts[COUNTED].split("\n\n")[0].splitlines()
        assert ada == "- **Ada**: Bob > Cyd > Ada · strict"
        assert "· repaired (" in bob

    def test_agreement_and_who_dissents_on_what(self) -> None:
        play = let_answer(make_council(Rules()), *FIVE)
        play.start_wanted()
        for reviewer in FIVE[:4]:
            let_rank(play, reviewer, "ada", "bob", "cyd", "dan", "eve")
        let_rank(play, "eve", "dan", "bob", "cyd", "ada", "eve")
        reviews = play.plan.cards[REVIEWS]
        assert reviews.startswith(
            "- **Ada, Bob, Cyd and Dan**: Ada, then Bob, then Cyd, then Dan, then Eve\n- **Eve**: "
        )
        assert reviews.endswith(
            "The models ranked Ada first, then Bob, then Cyd, then Dan, then Eve; they partly agreed."
        )
        result = play.play_stage().plan.cards[END]
        assert "\n\nThe models partly agreed. Eve differs most: it puts Dan above Ada." in result
        counted = play.plan.full_texts[COUNTED]
        assert "Agreement (Kendall's W): 0." in counted
        assert "Dissent: Eve differs from the standings on " in counted

    def test_the_end_card_tells_of_the_first_answer_and_the_second(self) -> None:
        play = let_answer(make_council(Rules(mode="ranking"), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "cyd", "ada", "bob")
        assert [(card.name, card.rank, card.lane) for card in play.plan.best] == [
            ("Cyd", "ranked first", LaneId("answer", 1, "cyd")),
            ("Ada", "ranked second", LaneId("answer", 1, "ada")),
        ]
        assert len(play.plan.best[0].paragraphs) == 2
        assert set(play.plan.best[0].paragraphs) <= set(play.plan.cards[END].split("\n\n"))

    def test_where_the_models_find_no_first_it_is_a_tie(self) -> None:
        play = let_answer(make_council(Rules(mode="ranking"), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        for reviewer, first, second in (("ada", "bob", "cyd"), ("bob", "cyd", "ada"), ("cyd", "ada", "bob")):
            let_rank(play, reviewer, first, second, reviewer)
        assert play.plan.best == ()
        assert play.plan.cards[REVIEWS].endswith("A tie: Ada, Bob, Cyd. The models hardly agreed.")
        assert play.plan.verdict == "A tie: Ada, Bob, Cyd."

    def test_a_stop_after_the_synthesis_leaves_it_the_result(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        play.start_wanted()
        for reviewer in FIVE[:4]:
            let_rank(play, reviewer, "ada", "bob", "cyd", "dan")
        play.start_wanted()
        play.end_turn(SYNTHESIS, "All in all, yes.").record(Stopped("p"))
        play.end_turn(TurnId("answer", 1, "eve"), "eve beg", "stopped")
        assert play.plan.verdict.startswith("**Chair:** All in all, yes. · **Ranked first by the models:** Ada. · ")
        assert play.plan.verdict.endswith("This run was stopped before its end; what was said is kept.")

    def test_a_stop_leaves_reviews_on_their_card(self) -> None:
        play = let_answer(make_council(Rules()), *FIVE)
        play.start_wanted()
        assert play.record(Stopped("p")).plan.unstreamed_stages == {"review"}

    def test_a_retried_answer_that_wins_is_the_one_that_is_shown(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[1:3])
        first = TurnId("answer", 1, "ada")
        play.end_turn(first, "", "failed").record(RetryAsked(first, "p"))
        play.start_wanted()
        play.end_turn(first._replace(ask=2), "better")
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "ada", "bob", "cyd")
        assert "**Ranked first by the models:** Ada." in without_lane_links(play.play_stage().plan.cards[END])
