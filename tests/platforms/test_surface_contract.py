"""What every surface does: one contract for the terminal, Discord, Slack and the surface that tests use themselves.

Where platforms differ they declare what they can (`tests.support.surface_stages.base.Can`), and a test plays on those
that can it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from bot.domain.controls import Control, SeatRef
from bot.domain.run import LaneId, TurnId
from bot.ports.surface import Forbidden, Gone, MessageRef, Method, Page, RateLimited, Surface, SurfaceError
from tests.support.surface_stages import CASES
from tests.support.surface_stages.base import (
    ADA,
    BOARD,
    BOB,
    END,
    RETRY_S,
    Ability,
    Refusal,
    Stage,
    SurfaceCase,
    make_message,
)

SKIP, RETRY = Control("skip", "Skip", TurnId(*ADA)), Control("retry", "Retry", TurnId(*ADA))
FIVE = tuple(Control("vote", f"👍 {n} {'x' * 80}", SeatRef(f"seat{n}")) for n in range(5))
PINGS = "@everyone @here <@1> <@!1> <@&1> <#1> <!channel> <!here> <@U00000002> <#C00000003> <!subteam^S1>"
ODD = "héllo עברית 日本語 👩‍👩‍👧 & <b> half an emoji \ud83d"
CODE = "Thus:\n\n```python\nprint('@everyone')\n```\n\nDone."


def surfaces(*needs: Ability) -> pytest.MarkDecorator:
    able = [played for played in CASES if played.can >= set(needs)]
    return pytest.mark.parametrize("played", able, ids=lambda played: played.name)


@pytest.fixture
async def stage(played: SurfaceCase) -> AsyncIterator[Stage]:
    """Return a surface of the platform that a test is played on, and a look at what stands there."""
    async with played.open() as opened:
        yield opened


def render(surface: Surface, text: str) -> str:
    """Return a text as the first message of a turn would carry it."""
    return surface.pages("turn").update(text, final=True)[0].text


async def post_turn(stage: Stage) -> MessageRef:
    """Post a board and a turn; return the turn."""
    await stage.surface.post(make_message(BOARD, "Tea?"))
    return await stage.surface.post(make_message(ADA, "Ada is thinking…"))


@surfaces()
async def test_messages_stand_in_the_order_of_their_posts(stage: Stage) -> None:
    for lane, text in ((BOARD, "board"), (ADA, "first"), (BOB, "second"), (END, "last")):
        await stage.surface.post(make_message(lane, text, final=lane != BOARD))
    texts = [seen.text for seen in await stage.read_messages()]
    assert len(texts) == 4
    assert all(word in text for word, text in zip(("board", "first", "second", "last"), texts, strict=True))


@surfaces("whole")
async def test_an_edit_carries_the_whole_text(stage: Stage) -> None:
    turn = await post_turn(stage)
    for text in ("Tea", "Tea, of course.", "Or not."):
        await stage.surface.edit(turn, make_message(ADA, text))
        assert (await stage.read_messages())[-1].text.endswith(text)
    assert "Tea," not in (await stage.read_messages())[-1].text
    assert len(await stage.read_messages()) == 2


@surfaces()
async def test_the_last_edit_leaves_the_whole_text_once(stage: Stage) -> None:
    turn = await post_turn(stage)
    for text in ("Tea", "Tea, of", "Tea, of course."):
        await stage.surface.edit(turn, make_message(ADA, text))
    await stage.surface.edit(turn, make_message(ADA, "Tea, of course. Always.", final=True))
    (told,) = [seen.text for seen in await stage.read_messages() if "Always." in seen.text]
    assert told.endswith("Tea, of course. Always.")
    assert told.count("Tea") == 1


@surfaces()
async def test_a_deleted_message_stands_no_more_and_the_others_do(stage: Stage) -> None:
    turn = await post_turn(stage)
    await stage.surface.post(make_message(BOB, "Coffee.", final=True))
    await stage.surface.delete(turn)
    board, other = [seen.text for seen in await stage.read_messages()]
    assert "Tea?" in board
    assert "Coffee." in other


def make_calls(surface: Surface, lane: LaneId, ref: MessageRef) -> dict[Method, Callable[[], Awaitable[object]]]:
    """Return one call of each kind: for a new message, and for one that stands."""
    return {
        "post": lambda: surface.post(make_message(BOB, "Coffee.", final=True)),
        "edit": lambda: surface.edit(ref, make_message(lane, "Tea!", final=True)),
        "delete": lambda: surface.delete(ref),
    }


# texts


@surfaces()
@pytest.mark.parametrize("text", [ODD, CODE, "", "\n", "*", "x" * 1_500], ids=repr)
async def test_whatever_is_written_can_be_shown(stage: Stage, text: str) -> None:
    turn = await post_turn(stage)
    await stage.surface.edit(turn, make_message(ADA, render(stage.surface, text), final=True))
    shown = (await stage.read_messages())[-1].text
    for word in ("héllo", "עברית", "日本語", "👩", "print(", "Done."):
        assert (word in shown) == (word in text)
    assert shown.count("```") % 2 == 0


@surfaces("bounded")
async def test_a_text_as_long_as_seats_are_told_stands_in_one_message(stage: Stage) -> None:
    room = stage.surface.room_chars
    assert room is not None
    text = ("word " * room)[: room - 4] + "end."
    (page,) = stage.surface.pages("turn").update(text, final=True, footer="6.1 s · 412 tokens · $0.004")
    assert not page.goes_on
    assert page.chars == room
    turn = await post_turn(stage)
    await stage.surface.edit(turn, make_message(ADA, page.text, final=True))
    shown = (await stage.read_messages())[-1].text
    assert "end." in shown
    assert "412 tokens" in shown


@surfaces("bounded")
@pytest.mark.parametrize("unit", ["word ", "🌍 "])
async def test_a_text_at_the_limit_and_one_over_are_taken(stage: Stage, unit: str) -> None:

    def find_page(units: int) -> Page:
        (page,) = stage.surface.pages("turn").update(unit * units, final=True, footer="9.9 s")
        return page

    most = find_page(2 * (stage.surface.room_chars or 0) // len(unit)).chars // len(unit)
    while not find_page(most + 1).goes_on:  # a text that must be cut is cut a little before the limit
        most += 1
    turn = await post_turn(stage)
    for units in (most, most + 1):
        full = make_message(ADA, find_page(units).text, title="x" * 200, controls=FIVE)
        await stage.surface.edit(turn, replace(full, final=units > most))
    assert "9.9 s" in (await stage.read_messages())[-1].text
    assert not find_page(most).goes_on


@surfaces()
async def test_pages_stand_one_after_the_other_or_say_that_more_follows(stage: Stage) -> None:
    await stage.surface.post(make_message(BOARD, "Tea?"))
    text = " ".join(f"reason{n}" for n in range(1_600))
    pages = stage.surface.pages("turn").update(text, final=True)
    for number, page in enumerate(pages):
        await stage.surface.post(make_message(ADA, page.text, page=number, final=True))
    shown = " ".join(seen.text for seen in (await stage.read_messages())[1:])
    covered = text[: sum(page.chars for page in pages)]
    assert covered == text or pages[-1].goes_on
    assert [f"reason{n}" in shown for n in (0, 500)] == [f"reason{n} " in covered for n in (0, 500)]
    assert len(await stage.read_messages()) == 1 + len(pages)


@surfaces()
async def test_nothing_that_models_write_pings_anybody(stage: Stage) -> None:
    for lane in (BOARD, ADA, BOB):
        ref = await stage.surface.post(make_message(lane, render(stage.surface, PINGS), title=f"Ada {PINGS}"))
        await stage.surface.edit(ref, make_message(lane, render(stage.surface, f"{CODE} {PINGS}"), final=True))
    assert stage.list_pings() == []


@surfaces()
async def test_the_end_tells_who_it_is_for_and_nobody_else_is_told(stage: Stage) -> None:
    await post_turn(stage)
    ref = await stage.surface.post(make_message(END, render(stage.surface, f"Tea. {PINGS}"), to=stage.person))
    first = set(stage.list_pings())
    assert first <= {stage.person}
    await stage.surface.edit(ref, make_message(END, "Tea.", to=stage.person))
    assert set(stage.list_pings()) == first


# what can be pressed


@surfaces("buttons")
async def test_buttons_appear_change_and_vanish_with_their_message(stage: Stage) -> None:
    await stage.surface.post(make_message(BOARD, "Tea?", controls=(Control("stop", "Stop"),)))
    turn = await stage.surface.post(make_message(ADA, "…", controls=(SKIP,)))
    assert [seen.buttons for seen in await stage.read_messages()] == [("Stop",), ("Skip",)]
    await stage.surface.edit(turn, make_message(ADA, "…", controls=(RETRY, SKIP)))
    assert (await stage.read_messages())[-1].buttons == ("Retry", "Skip")
    await stage.surface.edit(turn, make_message(ADA, "Tea.", final=True))
    assert (await stage.read_messages())[-1].buttons == ()
    await stage.surface.edit(turn, make_message(ADA, "Tea.", controls=(SKIP,)))
    await stage.surface.delete(turn)
    assert [seen.buttons for seen in await stage.read_messages()] == [("Stop",)]


# what goes wrong


@surfaces("people")
async def test_what_a_person_has_deleted_is_gone(stage: Stage) -> None:
    turn = await post_turn(stage)
    await stage.delete_as_person(turn)
    with pytest.raises(Gone):
        await stage.surface.edit(turn, make_message(ADA, "Tea.", final=True))
    with pytest.raises(Gone):
        await stage.surface.delete(turn)
    await stage.surface.post(make_message(BOB, "Coffee.", final=True))
    assert "Coffee." in (await stage.read_messages())[-1].text


@surfaces("refuses")
@pytest.mark.parametrize("lane", [BOARD, ADA], ids=["board", "turn"])
async def test_a_refusal_for_now_names_the_budget_that_waits_and_for_how_long(stage: Stage, lane: LaneId) -> None:
    surface = stage.surface
    refs = {BOARD: await surface.post(make_message(BOARD, "Tea?")), ADA: await surface.post(make_message(ADA, "…"))}
    await stage.refuse("for now")
    for method, call in make_calls(surface, lane, refs[lane]).items():
        with pytest.raises(RateLimited) as refused:
            await call()
        assert refused.value.bucket in surface.draws(method, BOB if method == "post" else lane)  # the next try's
        assert refused.value.retry_after_s == pytest.approx(RETRY_S, abs=0.1)
    await stage.heal()
    await surface.post(make_message(BOB, "Coffee.", final=True))
    assert "Coffee." in (await stage.read_messages())[-1].text


@surfaces("refuses")
@pytest.mark.parametrize("how", ["for good", "by a fault", "by a torn connection"])
async def test_every_other_refusal_is_told_by_what_it_means(stage: Stage, how: Refusal) -> None:
    turn = await post_turn(stage)
    await stage.refuse(how)
    for call in make_calls(stage.surface, ADA, turn).values():
        with pytest.raises(SurfaceError) as refused:
            await call()
        assert isinstance(refused.value, Forbidden) == (how == "for good")
        assert not isinstance(refused.value, Gone | RateLimited)
        assert how != "by a torn connection" or refused.value.status == 0
    await stage.heal()
    await stage.surface.edit(turn, make_message(ADA, "Tea after all.", final=True))
    assert any("Tea after all." in seen.text for seen in await stage.read_messages())


# budgets and restarts


@surfaces("counts")
async def test_calls_draw_on_one_budget_just_where_they_are_counted_together(stage: Stage) -> None:
    spent: dict[str, list[set[str]]] = {}  # limit of the platform → what the calls it has counted draw on
    runs = [stage.surface, await stage.open_another()]
    for surface in runs:
        board = await surface.post(make_message(BOARD, "Tea?"))
        await surface.post(make_message(ADA, "Ada is thinking…"))
        before = len(stage.list_requests())

        def note(draws: set[str], before: list[int]) -> None:
            (limit,) = stage.list_requests()[before[0] :]
            spent.setdefault(limit, []).append(draws)
            before[0] += 1

        at = [before]
        draws = set(surface.draws("post", BOB))
        turn = await surface.post(make_message(BOB, "Coffee.", final=True))
        note(draws, at)
        for lane, ref in ((BOARD, board), (BOB, turn)):
            draws = set(surface.draws("edit", lane))
            await surface.edit(ref, make_message(lane, "Tea!"))
            note(draws, at)
        draws = set(surface.draws("delete", BOB))
        await surface.delete(turn)
        note(draws, at)
    for limit, calls in spent.items():
        others = set().union(*(draws for name, drawn in spent.items() if name != limit for draws in drawn))
        assert set.intersection(*calls) - others, f"{limit}: {calls} beside {others}"


@surfaces("finds")
async def test_a_page_is_known_again_by_looking(stage: Stage) -> None:
    turn = await post_turn(stage)
    assert await stage.surface.find(ADA, 0) == turn
    assert await stage.surface.find(BOB, 0) is None
    await stage.surface.edit(turn, make_message(ADA, "Tea.", final=True))
    assert await stage.surface.find(ADA, 0) == turn
    assert await stage.surface.find(ADA, 1) is None
    await stage.surface.delete(turn)
    assert await stage.surface.find(ADA, 0) is None


@surfaces("reopens")
async def test_its_address_finds_the_same_place_again(stage: Stage) -> None:
    board = await stage.surface.post(make_message(BOARD, "Tea?"))
    turn = await stage.surface.post(make_message(ADA, "Ada is thinking…", final=True))
    again = await stage.reopen({BOARD: board, ADA: turn})
    assert again is not None
    assert again.address == stage.surface.address
    await again.edit(turn, make_message(ADA, "Tea.", final=True))
    await again.edit(board, make_message(BOARD, "Tea? Yes."))
    await again.post(make_message(BOB, "Coffee.", final=True))
    await stage.surface.post(make_message(END, "Over."))
    texts = [seen.text for seen in await stage.read_messages()]
    assert len(texts) == 4
    assert all(word in text for word, text in zip(("Yes.", "Tea.", "Coffee.", "Over."), texts, strict=True))
    await again.delete(turn)
    assert len(await stage.read_messages()) == 3
