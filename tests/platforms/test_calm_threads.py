"""What a run leaves in its thread: nothing twice, one notification, no learned words, and no button in vain."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.actions.quota import RefusalCount
from bot.domain.run import CRITERIA
from commands.command import MORE
from tests.servers.discord import Message
from tests.servers.discord.world import walk
from tests.servers.model_server import MakeReply, Reply, Request, answer, error
from tests.servers.slack.world import Ephemeral
from tests.servers.slack.world import Message as SlackMessage
from tests.support.discord_bot import Moot, make_endless
from tests.support.discord_guild import find_button as find_discord_button
from tests.support.discord_guild import is_silent
from tests.support.discord_runs import finish_run
from tests.support.slack_app import wait_until
from tests.support.slack_messages import find_action, find_button, has_button
from tests.support.two_platforms import SlackHall, serve_both

ROW, BUTTON = 1, 2  # Discord's types of components
LONGEST_TWICE = 80  # characters that two messages may have in common
LONGEST_SAID_AGAIN = 30  # and that the end card, without what it quotes, may have in common with another
LEARNED = re.compile(
    r"\b(Schulze|Kendall|strict|repaired|abstain\w*|dissent\w*|lane|turns?|ballots?|stage|https?://127|None)\b", re.I
)
CLIPPED = re.compile(
    r"(^|\n|\. )(Ended|Went on|Decided|Not decided|Missing|Stopped|Left out)\b|\bcompare of\b"
)  # no subject
SEATS = ("claude", "gpt", "gemini")
SUMMARY = "Rewrite it in slices, beginning with invoices, because they change most and break least; keep the rest. "
NAMES, ALIASES = ("Claude", "GPT", "Gemini"), ("Speaker A", "Speaker B", "Speaker C")


QUESTION = "Should we rewrite the billing service? " * 9
FORMS: dict[str, tuple[str, dict[str, Any]]] = {  # name of a test → command and options
    "compare": ("compare", {}),
    "blind": ("compare", {"blind": True, "guess": True}),
    "council": ("council", {}),
    "debate": ("debate", {"rounds": 2}),
    "blind debate": ("debate", {"rounds": 2, "blind": True}),
    "voted debate": ("debate", {"rounds": 2, "next": "vote"}),
    "pipeline": ("moot pipeline run", {"pipeline": "refine"}),
    "one away": ("council", {}),
    "all away": ("council", {}),
    "stopped": ("council", {}),
}
TYPED = {"ranking": ("council", {"mode": "ranking"})}  # options that stand in a form on Discord
MESSAGES = {"council": 6}  # in the thread, where the form has a most
SPEAKS_ON = "So far, so good"  # of a seat that goes on until it is stopped
PRESSED = {
    "voted debate": ("next", "Go on to round 2"),
    "stopped": ("stop", SPEAKS_ON),
}  # action, once the thread says so
EXPECTED = ("export", "delete")  # buttons behind More…
HEARD = "summarise"  # and the one where somebody has spoken, and nowhere else
UNHEARD = ("all away",)  # forms in which nobody speaks


class Seen(NamedTuple):
    """A message as people see it: its author, text, buttons by action, and whether it notified anybody."""

    author: str
    text: str
    actions: Sequence[str]
    notifies: bool


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Moot, SlackHall]]:
    async with serve_both(tmp_path, monkeypatch) as served:
        yield served


def rank_in_order(request: Request) -> Reply:
    """Rank the seats in their order, by the letters under which the request has their answers."""
    asked = " ".join(str(message["content"]) for message in request.body["messages"])
    places = {seat: asked.find(f"{seat} says in its part") for seat in SEATS}
    shown = sorted((seat for seat in SEATS if places[seat] >= 0), key=places.__getitem__)  # a late answer is not shown
    letters = ["ABC"[shown.index(seat)] for seat in SEATS if seat in shown]
    return answer("FINAL RANKING:\n" + "\n".join(f"{n}. {letter}" for n, letter in enumerate(letters, 1)))


def score(debaters: Sequence[str]) -> Reply:
    """Have a judge find all debaters equal, and the first of them win."""
    rows = [{"debater": name, **dict.fromkeys(CRITERIA, 7)} for name in debaters]
    return answer(json.dumps({"scores": rows, "winner": debaters[0]}))


def script_seats(moot: Moot, name: str) -> None:
    """Have every seat say something long of its own, and the chair or judge close at length."""
    for seat in SEATS:
        said = [answer(f"{seat} says in its part {n}: {' '.join(f'{seat}{n}{i}' for i in range(60))}.") for n in (1, 2)]
        then: dict[str, tuple[Reply | MakeReply, ...]] = {
            "council": (rank_in_order, answer(SUMMARY * 3)),
            "ranking": (rank_in_order,),
            "debate": (answer(f"{SUMMARY}\nVERDICT: {SUMMARY * 2}"), score(ALIASES if "blind" in name else NAMES)),
        }
        kind = name.split()[-1]
        replies = [*(said if kind in ("debate", "pipeline") else said[:1]), *then.get(kind, ())]
        if name == "all away" or (name == "one away" and seat == "gpt"):
            replies = [error(401, "invalid key")]
        elif name in ("one away", "stopped") and seat != "gpt":
            replies = [said[0], *then["council"]]
        elif name == "stopped" and seat == "gpt":
            replies = [make_endless(SPEAKS_ON)]
        moot.script_model(seat, *replies)


def read_discord(message: Message) -> Seen:
    actions = [c["custom_id"].split(":")[2] for c in walk(message.components) if c["type"] == BUTTON]
    return Seen(message.author.name, message.text, actions, not is_silent(message))


def read_slack(message: SlackMessage | Ephemeral) -> Seen:
    """Return what people read of a message on Slack: its blocks, not the text of its notification."""
    texts: list[str] = []
    actions: list[str] = []
    for block in message.blocks:
        text = block.get("text")
        texts += [text["text"] if isinstance(text, dict) else text] if text else []
        texts += [f"> {block[part]['text']}" for part in ("title", "body") if part in block]  # an answer's beginning
        for element in block.get("elements", ()):
            if "action_id" in element:
                actions.append(element["action_id"].split(":")[2])
            elif "text" in element:
                texts.append(element["text"])
    author = message.username if isinstance(message, SlackMessage) else ""
    return Seen(author, "\n".join(texts), actions, bool(getattr(message, "notified", ())))


def count_common(one: str, other: str) -> int:
    """Return the length of the longest text that stands in both."""
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size


def check_calm(board: Seen, thread: Sequence[Seen]) -> None:
    """Check that a thread says nothing twice, notifies at most once, and uses no learned words."""
    for one, other in combinations([board, *thread], 2):
        assert count_common(one.text, other.text) <= LONGEST_TWICE, (one.text, other.text)
    [end] = [seen for seen in thread if seen.notifies]
    lines = [line.partition(":** ")[0] for line in end.text.splitlines() if not line.startswith(">")]
    for other in thread:
        if other is not end:
            assert count_common("\n".join(lines), other.text) <= LONGEST_SAID_AGAIN, (end.text, other.text)
    assert all(seen.author[:1].isalnum() for seen in (board, *thread) if seen.author), "a name begins with a letter"
    assert [(found[0], seen.text) for seen in (board, *thread) for found in CLIPPED.finditer(seen.text)] == []
    assert sum(seen.notifies for seen in thread) == 1
    assert [(found, seen.text) for seen in (board, *thread) for found in LEARNED.findall(seen.text)] == []
    assert QUESTION[:280] in board.text
    assert QUESTION not in board.text


async def press_discord(moot: Moot, message: Message, pressed: set[str], refused: list[str], most: int = 99) -> int:
    """Press the buttons below a message that were not pressed yet, `most` of them; return how many."""
    buttons = [c["custom_id"] for c in walk(message.components) if c["type"] == BUTTON]
    new = [button for button in buttons if button not in pressed][:most]
    for button in new:
        pressed.add(button)
        seen = await (await moot.server.click(moot.ada, message, button)).answer()
        await moot.wait_until(lambda seen=seen: seen.kind != "deferred" or bool(seen.content or seen.followups))  # type: ignore[misc]
        assert not refused, button
    return len(new)


async def press_slack(hall: SlackHall, message: SlackMessage | Ephemeral, pressed: set[str], most: int = 99) -> int:
    """Do the same on Slack."""
    elements = [element for block in message.blocks for element in block.get("elements", ())]
    buttons = [element["action_id"] for element in elements if element.get("type") == "button"]
    new = [button for button in buttons if button not in pressed][:most]
    for button in new:
        pressed.add(button)
        await hall.press(message, button)
    return len(new)


async def begin_on_discord(moot: Moot, name: str) -> Message:
    """Start a run and return its board; a debate's blindness stands in its form alone."""
    command, options = FORMS[name]
    if name != "blind debate":
        return await moot.ask(command, question=QUESTION, **options)
    form = await moot.server.slash(moot.ada, moot.channel, command, question=QUESTION, panel=MORE, rounds=2)
    assert (await form.answer()).modal is not None
    return await moot.find_answer(await moot.server.submit(moot.ada, form, {"switches": ["blind"]}))


@pytest.mark.parametrize("name", FORMS)
async def test_a_thread_on_discord_is_calm(
    both: tuple[Moot, SlackHall], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot, _ = both
    script_seats(moot, name)
    board = await begin_on_discord(moot, name)
    thread = await moot.find_thread(board)
    if name in PRESSED:
        action, once = PRESSED[name]
        card = await moot.find_turn(thread, once)
        await moot.press(moot.ada, board if action == "stop" else card, action)
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)
    messages = await moot.server.messages(thread)
    await moot.wait_until(lambda: not any("skip" in read_discord(m).actions for m in messages))  # a button goes last
    check_calm(read_discord(board), [read_discord(m) for m in messages])
    assert len(messages) <= MESSAGES.get(name, len(messages))
    assert len([c for c in walk(end.components) if c["type"] == ROW]) <= 2
    assert [a for a in read_discord(end).actions if a not in ("vote", "reveal")] == ["follow_up", "run_again", "more"]
    refused: list[str] = []
    monkeypatch.setattr(RefusalCount, "add", lambda self, person: refused.append(person))
    pressed: set[str] = set()
    for message in (board, *messages):
        await press_discord(moot, message, pressed, refused)
    while await press_discord(moot, await moot.open_more(moot.ada, end), pressed, refused, most=1):
        pass  # a notice gives way to the answer of what was pressed below it
    actions = {button.split(":")[2] for button in pressed}
    assert set(EXPECTED) <= actions
    assert (HEARD in actions) == (name not in UNHEARD)


def read_first_on_slack(end: SlackMessage) -> tuple[str, str]:
    """Return which message the end card links as ranked first, and whose words it quotes.

    It is the first of two cards; text where a tie leaves the second open.
    """
    linked, quoted = r"by the models:\*\* \[\w+\]\(\S+/p(\d+)\?\S+\)\.", r"\n\n> (\w+) says"
    text, cards = read_slack(end).text, [block for block in end.blocks if block["type"] == "card"]
    if cards:
        assert cards[0]["title"]["text"].endswith(" · ranked first")
        text, linked, quoted = (
            f"{cards[0]['actions'][0]['url']} {cards[0]['body']['text']}",
            r"/p(\d+)\?\S+",
            r" (\w+) says",
        )
    found = re.search(linked + quoted, text)
    assert found, text
    return found[1], found[2]


async def test_the_end_links_to_the_answer_ranked_first_and_quotes_its_beginning(both: tuple[Moot, SlackHall]) -> None:
    moot, hall = both
    script_seats(moot, "council")
    _, thread, end = await finish_run(moot, "council", question=QUESTION)
    answers = {
        m.text.partition(" ")[0]: m.id for m in await moot.server.messages(thread) if " says in its part" in m.text
    }
    found = re.search(r"Ranked first by the models:\*\* \[\w+\]\(\S+/(\d+)\)\.\n\n> (\w+) says in its part", end.text)
    assert found
    assert int(found[1]) == answers[found[2]]
    assert re.search(r"\[Chair\]\(\S+/\d+\):\*\* Rewrite it in slices", end.text)
    script_seats(moot, "council")
    _, messages = await hall.finish_run("council", QUESTION)
    said = {text.partition(" ")[0]: m.ts for m in messages if " says in its part" in (text := read_slack(m).text)}
    ts, seat = read_first_on_slack(messages[-1])
    assert said[seat].replace(".", "") == ts


async def test_a_summary_on_discord_is_one_message(both: tuple[Moot, SlackHall]) -> None:
    moot, _ = both
    script_seats(moot, "compare")
    _, thread, end = await finish_run(moot, "compare", question=QUESTION)
    known = await moot.server.messages(thread)
    rest = await moot.open_more(moot.ada, end)
    moot.script_model("claude", answer(SUMMARY * 3))
    await (await moot.server.click(moot.ada, rest, find_discord_button(rest, "summarise"))).answer()
    message = await moot.find(thread, lambda m: SUMMARY * 2 in m.text and not read_discord(m).actions)
    assert [m for m in await moot.server.messages(thread) if m.id not in {k.id for k in known}] == [message]
    assert message.text.startswith("> Summarise this comparison: Should we rewrite the billing service?")
    assert not read_discord(message).notifies
    assert QUESTION[:LONGEST_TWICE] not in message.text


@pytest.mark.parametrize("name", [*FORMS, *TYPED])
async def test_a_thread_on_slack_is_calm(
    both: tuple[Moot, SlackHall], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot, hall = both
    script_seats(moot, name)
    command, options = {**FORMS, **TYPED}[name]
    board = await hall.begin_run(command, QUESTION, **options)
    if name in PRESSED:
        action, once = PRESSED[name]
        await wait_until(lambda: any(once in m.text for m in hall.read_thread(board)))
        card = next(m for m in hall.read_thread(board) if once in m.text)
        pressed_at = board if action == "stop" else card
        await hall.press(pressed_at, find_button(pressed_at, action))
    messages = await hall.wait_for_end(board)
    await wait_until(lambda: not any("skip" in read_slack(m).actions for m in messages))  # a button goes last
    end = next(m for m in messages if has_button(m, "follow_up"))
    check_calm(read_slack(board), [read_slack(m) for m in messages])
    assert len(messages) <= MESSAGES.get(name, len(messages))
    assert [a for a in read_slack(end).actions if a not in ("vote", "reveal")] == ["follow_up", "run_again", "more"]
    refused: list[str] = []
    monkeypatch.setattr(RefusalCount, "add", lambda self, person: refused.append(person))
    pressed: set[str] = set()
    for message in (board, *messages):
        await press_slack(hall, message, pressed)
    while await press_slack(hall, await hall.press_for_notice(end, find_button(end, "more")), pressed, most=1):
        pass  # a notice gives way to the answer of what was pressed below it
    assert not refused
    actions = {button.split(":")[2] for button in pressed}
    assert {"share", *EXPECTED} <= actions
    assert (HEARD in actions) == (name not in UNHEARD)


async def test_a_summary_on_slack_is_one_message(both: tuple[Moot, SlackHall]) -> None:
    moot, hall = both
    script_seats(moot, "compare")
    board, known = await hall.finish_run("compare", QUESTION)
    rest = await hall.press_for_notice(known[-1], find_button(known[-1], "more"))
    moot.script_model("claude", answer(SUMMARY * 3))
    await hall.press(rest, find_action(rest, "summarise"))
    await wait_until(lambda: SUMMARY * 2 in read_slack(hall.read_thread(board)[-1]).text)
    await wait_until(lambda: not read_slack(hall.read_thread(board)[-1]).actions)
    message = read_slack(hall.read_thread(board)[-1])
    assert len(hall.read_thread(board)) == len(known) + 1
    assert not message.notifies
