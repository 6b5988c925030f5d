"""/moot my-data and /moot forget-me on Discord: the person's own, asked first, gone from the files and the channel."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.cli.exit import OK
from bot.cli.people import forget_somebody
from tests.servers.discord import Message, User
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, make_endless
from tests.support.discord_guild import button_labels, find_button
from tests.support.kept_runs import find_in_files

SAID = ("quietsecret", "loudsecret")


async def ask_to_forget(moot: Moot, by: User) -> Message:
    """Call /moot forget-me and return the question that it asks."""
    seen = await (await moot.server.slash(by, moot.channel, "moot forget-me")).answer()
    await moot.wait_until(lambda: bool(seen.message or seen.followups))
    [notice] = [m for m in (seen.message, *seen.followups) if m is not None]
    assert notice.ephemeral
    assert button_labels(notice) == ["Forget me", "Keep"]
    return notice


async def press_forget(moot: Moot, by: User, notice: Message) -> str:
    before = notice.text
    await (await moot.server.click(by, notice, find_button(notice, "forget_me"))).answer()
    await moot.wait_until(lambda: notice.text != before)
    return notice.text


async def read_data(moot: Moot, by: User) -> dict[str, Any]:
    seen = await (await moot.server.slash(by, moot.channel, "moot my-data")).answer()
    await moot.wait_until(lambda: bool(seen.message or seen.followups))
    [told] = [m for m in (seen.message, *seen.followups) if m is not None]
    assert told.ephemeral
    [file] = told.attachments
    assert file.filename == "moot-my-data.json"
    return dict(json.loads(file.data))


async def test_who_wants_to_be_forgotten_is(moot: Moot, tmp_path: Path) -> None:
    moot.script_model("gpt", make_endless("So far"), answer("Two."))
    board = await moot.ask("debate", question=f"{SAID[0]}?", rounds=2)
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "So far")
    await moot.call_command(moot.bob, "moot say", where=thread, text=SAID[1])
    [run] = [row.run for row in await moot.store.runs()]

    notice = await ask_to_forget(moot, moot.bob)
    assert "1 remark in runs of others. What else" in notice.text
    assert "where 1 run of others goes on: use" in await press_forget(moot, moot.bob, notice)

    await moot.press(moot.ada, turn, "skip")
    end = await moot.find_end_card(thread)
    await moot.press(moot.bob, end, "vote", "claude")
    await moot.press_more(moot.ada, end, "close")
    while await moot.store.unfinished_runs():
        await moot.press_more(moot.cyd, end, "export")
    theirs = await read_data(moot, moot.bob)
    assert theirs["person"] == f"discord:{moot.bob.id}"
    assert [(act["kind"], act.get("text")) for act in theirs["runs"][run]] == [
        ("Interjected", SAID[1]),
        ("VoteCast", None),
    ]
    assert SAID[0] not in json.dumps(theirs)
    own = await read_data(moot, moot.ada)
    assert own["runs"][run][0]["question"] == f"{SAID[0]}?"
    assert "panel" not in own["runs"][run][0]
    assert find_in_files(tmp_path / "moot.db", *SAID) == list(SAID)

    line = await moot.find(thread, lambda m: SAID[1] in m.text)
    stood = moot.read_messages(thread)
    notice = await ask_to_forget(moot, moot.bob)
    assert "1 remark and 1 vote in runs of others. What else" in notice.text
    assert (await press_forget(moot, moot.bob, notice)).startswith("Forgotten. ")
    await moot.wait_until(lambda: moot.read_messages(thread) == [m for m in stood if m is not line])
    while await moot.store.unfinished_runs():
        await asyncio.sleep(0.01)
    assert find_in_files(tmp_path / "moot.db", *SAID) == [SAID[0]]
    assert await moot.call_command(moot.bob, "moot forget-me") == "Nothing is kept of you here."

    key, panel = "own-key/discord:1/openai", f"panel/discord:@{moot.ada.id}/mine"
    await moot.store.put(key, {"sealed": "quite", "by": f"discord:{moot.ada.id}", "name": "ada", "at": 1.0})
    await moot.store.put(panel, {"seats": []})
    await moot.store.put(others := "panel/discord:1/mine", {"seats": []})
    kept = (await read_data(moot, moot.ada))["documents"]
    assert (list(kept), "sealed" in kept[key]) == ([key, panel], False)

    notice = await ask_to_forget(moot, moot.ada)
    assert "this goes: 1 run of yours, with all texts; 2 keys and settings of yours. What else" in notice.text
    assert (await press_forget(moot, moot.ada, notice)).startswith("Forgotten. ")
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))
    while await moot.store.documents("deleting/"):
        await asyncio.sleep(0.01)
    assert find_in_files(tmp_path / "moot.db", *SAID) == []
    assert await moot.store.runs() == []
    assert list(await moot.store.documents("own-key/") | await moot.store.documents("panel/")) == [others]


async def test_who_keeps_it_stays(moot: Moot) -> None:
    board = await moot.ask("compare")
    notice = await ask_to_forget(moot, moot.ada)
    await (await moot.server.click(moot.ada, notice, find_button(notice, "keep"))).answer()
    assert notice.text == "Kept: nothing was deleted."
    assert board in moot.read_messages(moot.channel)


async def test_the_operator_lets_somebody_go_and_the_next_start_deletes_their_messages(
    moot: Moot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await moot.ask("compare", question=f"{SAID[0]}?")
    thread = await moot.find_thread(board)
    await moot.find_end_card(thread)
    await moot.stop()
    monkeypatch.chdir(tmp_path)
    assert await forget_somebody(f"discord:{moot.ada.id}", yes=True) == OK
    assert find_in_files(tmp_path / "moot.db", *SAID) == []
    assert moot.read_messages(thread)
    await moot.start()
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))
    while await moot.store.documents("deleting/"):
        await asyncio.sleep(0.01)


async def test_the_operator_lets_somebody_go_and_the_next_start_takes_away_what_they_have_said(
    moot: Moot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot.script_model("gpt", make_endless("So far"), answer("Two."))
    board = await moot.ask("debate", rounds=2)
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "So far")
    await moot.call_command(moot.bob, "moot say", where=thread, text=SAID[1])
    await moot.press(moot.ada, turn, "skip")
    end = await moot.find_end_card(thread)
    await moot.press_more(moot.ada, end, "close")
    line = await moot.find(thread, lambda m: SAID[1] in m.text)
    while await moot.store.unfinished_runs():
        await asyncio.sleep(0.01)
    stood = moot.read_messages(thread)
    await moot.stop()
    monkeypatch.chdir(tmp_path)
    assert await forget_somebody(f"discord:{moot.bob.id}", yes=True) == OK
    assert line in moot.read_messages(thread)
    await moot.start()
    await moot.wait_until(lambda: moot.read_messages(thread) == [m for m in stood if m is not line])
