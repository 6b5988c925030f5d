"""What people may know yet, on facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import visibility as veil
from bot.domain.facts import (
    Fact,
    Guessed,
    NamesRevealed,
    RetryAsked,
    Revealed,
    RunFinished,
    SkipAsked,
    Stopped,
    TurnEnded,
    TurnStarted,
    VoteCast,
    VoteClosed,
)
from bot.domain.run import Failure, Seat, TurnId
from bot.domain.visibility import (
    BRANDS,
    COULD_NOT,
    STAGGER_S,
    alias,
    display_name,
    reveals_identity,
    self_identified,
    shuffle_seats,
)
from bot.engine.thread import REVEAL, board_controls, board_verdict, replay_thread, thread_posts
from bot.formats.end_card import END
from bot.formats.guessing import GUESS
from tests.support.hidden_runs import find_leaks, make_hidden_play, make_hidden_start
from tests.support.transcripts import Play, make_panel

ADA, BOB, CYD = (TurnId("answer", 1, s) for s in ("ada", "bob", "cyd"))
CLAUDE = Seat("a", "opus", "Claude", provider="anthropic")


def hidden(p: Play) -> list[str]:
    return sorted(lane.seat for lane in p.plan.hidden_lanes)


def texts(p: Play) -> str:
    """Everything that can be read and pressed in the thread."""
    return repr(
        [(post.title, post.text, post.footer, post.placeholder, post.controls) for post in thread_posts(p.t, p.plan)]
    )


# who is who


def test_a_blind_panel_is_shuffled_by_the_seed_and_sits_under_letters() -> None:
    orders = {tuple(s.name for s in shuffle_seats(make_panel(), seed).seats) for seed in range(60)}
    assert len(orders) == 6  # every order of three
    made = shuffle_seats(make_panel(), 3)
    assert made == shuffle_seats(make_panel(), 3)
    assert [s.key for s in made.seats] == ["a", "b", "c"]
    assert (made.chair, made.judge) == (make_panel().chair, make_panel().judge)


def test_names_are_letters_until_they_are_revealed() -> None:
    p = make_hidden_play(blind=True)
    seats = p.t.started.panel.seats
    assert [display_name(p.t, s.key) for s in seats] == ["Speaker A", "Speaker B", "Speaker C"]
    assert display_name(p.t, "chair") == "The chair"
    assert veil.reveal_key(p.t) == ""
    p.record(NamesRevealed())
    assert [display_name(p.t, s.key) for s in seats] == [s.name for s in seats]
    assert display_name(p.t, "judge") == "Eli"
    assert alias(p.t, "a") == "Speaker A"
    assert veil.reveal_key(p.t) == f"Speaker A was {seats[0].name}, Speaker B was {seats[1].name}, " + (
        f"Speaker C was {seats[2].name}."
    )


def test_without_a_veil_seats_have_their_names() -> None:
    p = make_hidden_play()
    assert display_name(p.t, "ada") == alias(p.t, "ada") == "Ada"
    assert veil.reveal_header(p.t, "ada") == veil.reveal_key(p.t) == ""


@pytest.mark.parametrize("form", ["compare", "council", "debate"])
def test_nothing_in_a_blind_thread_names_anybody_before_the_reveal(form: str) -> None:
    p = make_hidden_play(form, blind=True, vote_s=600.0, rounds=3 if form == "debate" else 1)
    while p.plan.wanted:
        assert find_leaks(texts(p)) == []
        assert find_leaks(repr(p.plan)) == []
        for turn in p.start_wanted():
            if turn.seat == "b":
                p.record(TurnEnded(turn, "failed", failure=Failure("rate", "ada's limit")))
            else:
                p.end_turn(turn, '{"ranking": ["A"]} VERDICT: Speaker A')
    p.record(RunFinished(p.plan.outcome), VoteCast("x", 1, "a"))
    assert find_leaks(texts(p)) == []
    assert COULD_NOT in texts(p)
    p.record(VoteClosed("x"), NamesRevealed())
    name = p.t.started.panel.seats[0].name
    assert f"**{name}** (was Speaker A)" in texts(p)
    assert f"Votes: {name} 1" in p.plan.cards[END]
    assert "ada's limit" in texts(p)


@pytest.mark.parametrize("form", ["compare", "council", "debate"])
def test_models_of_a_blind_run_are_told_the_names_that_people_are(form: str) -> None:
    p = make_hidden_play(form, blind=True, rounds=3 if form == "debate" else 1)
    while p.plan.wanted:
        for turn in p.start_wanted():
            assert find_leaks("".join(part.text for part in p.form.ask(p.t, turn).parts)) == []
            p.end_turn(turn, "words")


def test_scores_by_letters_are_read_and_told_by_name_afterwards() -> None:
    p = make_hidden_play("debate", blind=True, rounds=1)
    p.play_stage()
    p.play_stage(lambda turn: "VERDICT: Speaker B wins.")
    marks = {"argument": 7, "evidence": 7, "rebuttal": 7, "clarity": 7}
    rows = [{"debater": f"Speaker {letter}", **marks} for letter in "ABC"]
    rows[1]["argument"] = 8
    p.play_stage(lambda turn: repr({"scores": rows, "winner": "Speaker B"}).replace("'", '"'))
    assert p.plan.verdict.startswith("Speaker B wins; scores: Speaker B 7.2, Speaker A 7.0")
    p.record(RunFinished("judged"), NamesRevealed())
    name = p.t.started.panel.seats[1].name
    assert p.plan.verdict.startswith(f"{name} wins; scores: ")


@pytest.mark.parametrize(
    ("vote_s", "facts", "due"),
    [
        (0.0, [], []),
        (0.0, [RunFinished("compared")], [NamesRevealed()]),
        (0.0, [RunFinished("compared"), NamesRevealed()], []),
        (9.0, [RunFinished("compared")], []),
        (9.0, [RunFinished("compared"), VoteClosed("x")], [NamesRevealed()]),
    ],
)
def test_names_are_revealed_when_nobody_votes_any_more(vote_s: float, facts: list[Fact], due: list[Fact]) -> None:
    assert list(make_hidden_play(blind=True, vote_s=vote_s).play_stage().record(*facts).plan.reveals_due) == due


def test_the_vote_that_time_closes_makes_the_names_due() -> None:
    p = make_hidden_play(blind=True, vote_s=9.0).play_stage().record(RunFinished("compared"))
    assert p.plan.again_at == p.t.at + 9
    assert list(p.wait(9.0).plan.reveals_due) == [NamesRevealed()]


# votes


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("As Claude, I prefer tabs.", True),
        ("as CLAUDE's maker says", True),
        ("I was made by Anthropic.", True),
        ("opus magnum", True),
        ("Tabs, of course.", False),
        ("Claudette prefers tabs.", False),
        ("the opuses of Bach", False),
        ("GPT would say spaces.", False),
        ("", False),
    ],
)
def test_an_answer_that_names_its_maker(text: str, named: bool) -> None:
    assert reveals_identity(text, CLAUDE) is named


@pytest.mark.parametrize(
    ("text", "seat", "named"),
    [
        ("I am GPT OSS.", Seat("a", "gpt-oss", "Cheap one", provider="groq"), True),
        ("I am gpt_oss-120b.", Seat("a", "gpt-oss", "Cheap one", provider="groq"), True),
        ("I am ChatGPT.", Seat("a", "5", "Five", provider="openai"), True),
        ("I am xAI's.", Seat("a", "x", "Robot", provider="xai"), True),
        ("A word.", Seat("a", "a", "A"), False),  # a single letter is no name
        ("Anything at all.", Seat("a", "…", "…"), False),
    ],
)
def test_names_are_read_as_words_of_their_own(text: str, seat: Seat, named: bool) -> None:
    assert reveals_identity(text, seat) is named


def test_brands_are_known_by_names_that_can_be_told_apart() -> None:
    assert all(len(name) > 1 for names in BRANDS.values() for name in names)


def test_votes_for_who_has_told_its_name_are_said_not_to_be_blind() -> None:
    p = make_hidden_play(blind=True)
    teller = p.t.started.panel.seats[1]
    p.play_stage(lambda turn: f"I am {teller.name}." if turn.seat == teller.key else "Tabs.")
    p.record(VoteCast("x", 1, "a"), VoteCast("y", 1, teller.key), RunFinished("compared"), NamesRevealed())
    assert self_identified(p.t) == {teller.key}
    first = p.t.started.panel.seats[0].name
    assert f"{teller.name} 1 (not blind: the answer tells whose it is)" in p.plan.cards[END]
    assert f"{first} 1 (not blind" not in p.plan.cards[END]


def test_where_nobody_is_blind_nobody_gives_anything_away() -> None:
    p = make_hidden_play().play_stage(lambda turn: f"I am {turn.seat}.")
    assert self_identified(p.t) == frozenset()


# what was said


def test_live_hides_nothing() -> None:
    p = make_hidden_play().record(TurnStarted(ADA), TurnStarted(BOB))
    assert hidden(p) == []
    assert REVEAL not in board_controls(p.t, p.plan)


def test_together_is_shown_when_the_last_one_is_done() -> None:
    p = make_hidden_play(reveal="together")
    p.start_wanted()
    p.end_turn(ADA, "secret words").end_turn(BOB, "others")
    assert hidden(p) == ["ada", "bob", "cyd"]
    assert "secret words" not in texts(p)
    assert "Ada is done: 12 characters, not shown yet." in texts(p)
    assert REVEAL in board_controls(p.t, p.plan)
    p.end_turn(CYD)
    assert hidden(p) == []
    assert "secret words" in texts(p)


@pytest.mark.parametrize(
    "last", [SkipAsked(CYD, "x"), Stopped("x"), TurnEnded(CYD, "failed", failure=Failure("down", "it is down"))]
)
def test_whoever_will_not_speak_holds_nobody_up(last: SkipAsked | Stopped | TurnEnded) -> None:
    p = make_hidden_play(reveal="together")
    p.start_wanted()
    p.end_turn(ADA).end_turn(BOB)
    assert hidden(p.record(last)) == []


def test_a_retry_hides_nothing_again() -> None:
    p = make_hidden_play(reveal="together")
    p.start_wanted()
    p.end_turn(ADA).end_turn(BOB).end_turn(CYD, "", "failed").record(
        RetryAsked(CYD, "x"), TurnStarted(CYD._replace(ask=2))
    )
    assert hidden(p) == []


def test_staggered_is_shown_one_by_one_at_times_that_follow_from_the_facts() -> None:
    p = make_hidden_play(reveal="staggered")
    p.play_stage()
    assert hidden(p) == ["bob", "cyd"]
    assert p.plan.again_at == p.t.at + STAGGER_S
    assert hidden(p.wait(STAGGER_S)) == ["cyd"]
    assert p.plan.again_at == p.t.at + 2 * STAGGER_S
    assert hidden(p.wait(2 * STAGGER_S)) == []
    assert p.plan.again_at is None


def test_each_round_of_a_debate_is_shown_when_it_is_over() -> None:
    p = make_hidden_play("debate", reveal="together", rounds=3)
    p.play_stage()
    assert hidden(p) == []
    opening = [post.text for post in thread_posts(p.t, p.plan) if post.text]
    turn, *_ = p.start_wanted()
    p.end_turn(turn, "rebuts")
    assert hidden(p) == ["ada", "bob", "cyd"]
    assert [post.text for post in thread_posts(p.t, p.plan) if post.text] == opening


def test_a_council_that_goes_on_without_its_last_answer_shows_the_others() -> None:
    p = make_hidden_play("council", reveal="together")
    p.start_wanted()
    p.end_turn(ADA).end_turn(BOB)
    assert hidden(p) == ["ada", "bob", "cyd"]
    p.record(TurnStarted(TurnId("review", 1, "ada"), (ADA, BOB)))
    assert hidden(p) == []


def test_on_demand_all_waits_for_the_wish_even_the_chair_and_the_cards() -> None:
    p = make_hidden_play("council", reveal="demand", vote_s=600.0)
    while p.plan.wanted:
        p.play_stage(lambda turn: '{"ranking": ["A", "B", "C"]}')
    assert [post.kind for post in thread_posts(p.t, p.plan) if post.text is not None] == []
    p.record(RunFinished(p.plan.outcome))
    [end] = [post for post in thread_posts(p.t, p.plan) if post.text is not None]
    assert "Reveal shows it" in (end.text or "")
    assert REVEAL in end.controls
    assert [c.action for c in end.controls].count("vote") == 0  # nobody can judge what nobody has read
    assert board_controls(p.t, p.plan) == (REVEAL,)
    assert board_verdict(p.t, p.plan) == ""
    p.record(Revealed("x"))
    assert {post.lane.stage for post in thread_posts(p.t, p.plan)} > {"answer", "reviews", "synthesis"}
    assert "Ranked first by the models" in board_verdict(p.t, p.plan)
    assert "x" in p.t.present


def test_what_nobody_asks_for_is_shown_once_the_vote_has_closed() -> None:
    p = make_hidden_play(reveal="demand", vote_s=9.0).play_stage()
    p.record(RunFinished("compared"))
    assert p.plan.reveals_due == ()
    assert list(p.wait(9.0).plan.reveals_due) == [Revealed()]
    p.record(Revealed())
    assert hidden(p) == []
    assert p.plan.reveals_due == ()
    assert "" not in p.t.present


def test_once_revealed_all_that_follows_is_live() -> None:
    p = make_hidden_play("debate", reveal="together", rounds=3)
    p.start_wanted()
    p.record(Revealed("x"))
    assert hidden(p) == []
    p.play_stage()
    p.start_wanted()
    assert hidden(p) == []


def test_a_stored_run_reads_as_it_does_now() -> None:
    p = make_hidden_play(reveal="staggered").play_stage()
    p.record(RunFinished("compared"))
    at = p.t.at
    assert [post.text is None for post in replay_thread(p.t.entries, p.form, at)] == [False, True, True, False]
    assert None not in [post.text for post in replay_thread(p.t.entries, p.form, at + 60)]


# guessing


def guessing(*guesses: Guessed) -> Play:
    return make_hidden_play(blind=True, guess=True).play_stage().record(*guesses)


def names(p: Play) -> list[str]:
    return [s.name for s in p.t.started.panel.seats]


def test_people_can_guess_as_soon_as_there_is_something_to_guess_from() -> None:
    p = make_hidden_play(blind=True, guess=True, reveal="together")
    p.start_wanted()
    assert GUESS not in p.plan.cards
    for turn in p.start_wanted():
        p.end_turn(turn)
    assert "Ada, Bob and Cyd sit at this table." in p.plan.cards[GUESS]
    [card] = [post for post in thread_posts(p.t, p.plan) if post.lane == GUESS]
    assert [c.label for c in card.controls] == [f"Who is Speaker {letter}?" for letter in "ABC"]


def test_a_table_of_one_reads_as_such() -> None:
    started = make_hidden_start("compare", blind=True, guess=True)
    only = started.panel.seats[0]
    p = Play(replace(started, panel=replace(started.panel, seats=(only,))))
    for turn in p.start_wanted():
        p.end_turn(turn)
    assert p.plan.cards[GUESS].startswith(f"{only.name} sits at this table.")


def test_the_reveal_says_how_well_people_guessed() -> None:
    a, b, c = names(guessing())
    p = guessing(
        Guessed("1", "a", b, "Ann"),
        Guessed("1", "a", a, "Ann"),  # replaces the one before
        Guessed("1", "b", c, "Ann"),
        Guessed("2", "a", a, "Ben"),
        Guessed("2", "b", b, "Ben"),
        Guessed("3", "c", a),
    )
    assert "3 have guessed." in p.plan.cards[GUESS]
    p.record(RunFinished("compared"), NamesRevealed())
    told = f"Guessed right: Ben 2 of 2 (100%), Ann 1 of 2 (50%), 3 0 of 1 (0%). Recognised most: {a}, by 2 of 2."
    assert p.plan.cards[GUESS] == told
    assert told in p.plan.cards[END]
    [card] = [post for post in thread_posts(p.t, p.plan) if post.lane == GUESS]
    assert card.controls == ()


def test_a_reveal_after_wrong_guesses_or_none() -> None:
    a, b, _ = names(guessing())
    wrong = guessing(Guessed("1", "a", b, "Ann")).record(RunFinished("compared"), NamesRevealed())
    assert wrong.plan.cards[GUESS] == "Guessed right: Ann 0 of 1 (0%). Nobody was recognised."
    tied = guessing(Guessed("1", "a", a, "Ann"), Guessed("1", "b", b, "Ann")).record(RunFinished("x"), NamesRevealed())
    assert f"Recognised most: {a} and {b}, by 1 of 1." in tied.plan.cards[GUESS]
    none = guessing().record(RunFinished("compared"), NamesRevealed())
    assert "Guessed" not in none.plan.cards[END]
