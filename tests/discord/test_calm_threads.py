"""What a run leaves in its thread: nothing twice, one notification, no learned words, and few messages."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from bot.actions.quota import RefusalCount
from bot.domain.run import CRITERIA
from tests.servers.discord import Message
from tests.servers.discord.world import walk
from tests.servers.model_server import answer
from tests.support.discord_bot import RANKING, Moot
from tests.support.discord_guild import button_labels, is_silent
from tests.support.discord_runs import finish_run

ROW, BUTTON = 1, 2  # Discord's types of components
LONGEST_TWICE = 80  # characters that two messages may have in common
LEARNED = re.compile(
    r"\b(Schulze|Kendall|strict|repaired|abstain\w*|dissent\w*|lane|turns?|ballots?|stage|https?://127|None)\b", re.I
)
SUMMARY = "Rewrite it in slices, beginning with invoices, because they change most and break least; keep the rest. "
SCORES = answer(
    json.dumps(
        {
            "scores": [{"debater": name, **dict.fromkeys(CRITERIA, 7)} for name in ("Claude", "GPT", "Gemini")],
            "winner": "Claude",
        }
    )
)


def script_seats(moot: Moot, form: str) -> None:
    """Have every seat say something long of its own, and the chair or judge close at length."""
    for seat in ("claude", "gpt", "gemini"):
        said = [answer(f"{seat} says in its part {n}: {' '.join(f'{seat}{n}{i}' for i in range(60))}.") for n in (1, 2)]
        then = {
            "council": (RANKING, answer(SUMMARY * 3)),
            "debate": (answer(f"{SUMMARY}\nVERDICT: {SUMMARY * 2}"), SCORES),
        }
        moot.script_model(seat, *(said if form == "debate" else said[:1]), *then.get(form, ()))


def find_longest_common(one: Message, other: Message) -> str:
    """Return the longest text that stands in both."""
    match = SequenceMatcher(None, one.text, other.text, autojunk=False).find_longest_match()
    return one.text[match.a : match.a + match.size]


@pytest.mark.parametrize("form", ["compare", "council", "debate"])
async def test_a_thread_is_calm(moot: Moot, form: str) -> None:
    script_seats(moot, form)
    question = "Should we rewrite the billing service? " * 9
    board, thread, _ = await finish_run(moot, form, question=question, **({"rounds": 2} if form == "debate" else {}))
    messages = [board, *await moot.server.messages(thread)]
    for one, other in combinations(messages, 2):
        assert len(find_longest_common(one, other)) <= LONGEST_TWICE, (one.text, other.text)
    assert sum(not is_silent(m) for m in messages[1:]) == 1
    assert [found for m in messages for found in LEARNED.findall(m.text)] == []
    assert question[:280] in board.text
    assert question not in board.text
    if form == "council":
        assert len(messages[1:]) == 6


@pytest.mark.parametrize("form", ["compare", "council", "debate"])
async def test_no_button_is_refused(moot: Moot, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script_seats(moot, form)
    board, thread, end = await finish_run(moot, form, **({"rounds": 2} if form == "debate" else {}))
    assert len([c for c in walk(end.components) if c["type"] == ROW]) <= 2
    assert [label for label in button_labels(end) if "👍" not in label] == ["Follow up", "Run again", "More…"]
    refused: list[str] = []
    monkeypatch.setattr(RefusalCount, "add", lambda self, person: refused.append(person))
    for message in (board, *await moot.server.messages(thread), await moot.open_more(moot.ada, end)):
        for button in [c["custom_id"] for c in walk(message.components) if c["type"] == BUTTON]:
            seen = await (await moot.server.click(moot.ada, message, button)).answer()
            await moot.wait_until(lambda seen=seen: seen.kind != "deferred" or bool(seen.content or seen.followups))  # type: ignore[misc]
            assert not refused, button
