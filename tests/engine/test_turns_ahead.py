"""What a run still holds, as its plan says: the messages to come, by which live text spends its budgets."""

from __future__ import annotations

from bot.engine.thread import ahead
from tests.support.councils import let_answer, let_rank, make_council


def test_a_council_holds_its_synthesis_until_it_begins_and_reviews_have_no_message() -> None:
    play = make_council()
    seats = [seat.key for seat in play.t.panel.seats]
    found = [ahead(play.t, play.plan)]
    let_answer(play, *seats)
    found.append(ahead(play.t, play.plan))
    play.start_wanted()
    for reviewer in seats:
        let_rank(play, reviewer, *seats)
    found.append(ahead(play.t, play.plan))
    assert found == [((5 + 1) / 5, 5), (1 / 5, 5), (1 / 5, 5)]
