"""Thinking that was shown, on Discord: what a closing tag shows to have been none of the answer leaves the messages."""

from __future__ import annotations

import asyncio

import pytest

from tests.servers.model_server import Reply, answer, chunk, sse
from tests.support.discord_bot import Moot

SHORT = "Okay, number 0 asks about tabs. "
LONG = "".join(f"Okay, number {n} asks about tabs. " for n in range(150))  # more than a message shows


@pytest.mark.parametrize("thought", [SHORT, LONG], ids=["a short text", "a long text"])
async def test_thinking_that_was_shown_leaves_the_messages(moot: Moot, thought: str) -> None:
    release = asyncio.Event()
    said = (*sse(chunk(thought)), b"".join(answer("\n</think>\n\nTabs, surely.").pieces))
    moot.script_model("claude", Reply(said, release=release))
    thread = await moot.find_thread(await moot.ask("compare", panel="pair"))
    await moot.find(thread, lambda m: "Okay, number" in m.text)
    release.set()
    await moot.find_turn(thread, "Tabs, surely.")
    await moot.find_turn(thread, "GPT speaks.")
    await moot.wait_until_over()
    first, second, *_ = moot.read_messages(thread)
    assert (first.text.partition("\n")[0], second.text.partition("\n")[0]) == ("Tabs, surely.", "GPT speaks.")
    assert not any("Okay" in m.text for m in moot.read_messages(thread))
