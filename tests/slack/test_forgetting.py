"""/moot my-data and /moot forget-me on Slack: the person's own, asked first, gone from the files and the channel."""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers.slack.world import Ephemeral
from tests.support.kept_runs import find_in_files
from tests.support.slack_app import SLOW, App, StartApp, wait_until
from tests.support.slack_messages import find_action, press, read_text


async def ask_to_forget(app: App, user: str) -> Ephemeral:
    """Call /moot forget-me and return the question that it asks."""
    await app.ask("forget-me", "/moot", user)
    shown = app.server.world.ephemerals
    await wait_until(lambda: any(n.user == user and n.text.startswith("Forget you?") for n in shown))
    return next(n for n in shown if n.user == user and n.text.startswith("Forget you?"))


async def read_file(app: App, user: str) -> str:
    """Call /moot my-data and return the file that comes in a direct message."""
    files = app.server.world.files
    before = set(files)
    await app.ask("my-data", "/moot", user)
    await wait_until(lambda: any(f.done for name, f in files.items() if name not in before))
    [file] = [f for name, f in files.items() if name not in before]
    assert [app.server.world.channels[c].kind for c in file.channels] == ["im"]
    assert file.content is not None
    return file.content.decode()


async def test_who_wants_to_be_forgotten_is(app: App, tmp_path: Path) -> None:
    path, said = tmp_path / "moot.db", "quietsecret"
    bob = app.server.world.add_user(app.team.id, "bob")
    app.hall.members.append(bob.id)
    await app.ask(f"{said}?")
    board = await app.find_board()
    await app.wait_until_over()
    theirs = json.loads(await read_file(app, app.ann.id))
    assert theirs["person"] == f"slack:{app.ann.id}"
    assert [act["question"] for acts in theirs["runs"].values() for act in acts] == [f"{said}?"]
    assert json.loads(await read_file(app, bob.id))["runs"] == {}
    assert find_in_files(path, said) == [said]

    notice = await ask_to_forget(app, app.ann.id)
    assert "this goes: 1 run of yours, with all texts. What else" in notice.text
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "forget_me")))
    await wait_until(lambda: board.deleted)
    assert find_in_files(path, said) == []
    assert await app.store.runs() == []


async def test_the_line_of_a_remark_goes_with_its_writer(start_app: StartApp, tmp_path: Path) -> None:
    app = await start_app(lines=SLOW)
    bob = app.server.world.add_user(app.team.id, "bob")
    app.hall.members.append(bob.id)
    await app.ask()
    board = await app.find_board()
    [run] = [row.run for row in await app.store.runs()]
    await app.ask(f"say loudsecret --run {run}", "/moot", bob.id)
    await wait_until(lambda: any("loudsecret" in read_text(m) for m in app.thread_messages(board)))
    await press(app, board, "stop")
    await app.wait_until_over()
    stood = app.thread_messages(board)
    [line] = [m for m in stood if "loudsecret" in read_text(m)]
    notice = await ask_to_forget(app, bob.id)
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "forget_me")))
    await wait_until(lambda: line.deleted)
    await app.wait_until_over()
    assert app.thread_messages(board) == [m for m in stood if m is not line]
    assert find_in_files(tmp_path / "moot.db", "loudsecret") == []
    assert await app.store.unfinished_runs() == []
