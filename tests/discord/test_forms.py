"""The forms on Discord: what they ask for, what people choose in them, and the files that come with them."""

from __future__ import annotations

from typing import Any

from bot.domain.facts import RunStarted
from bot.domain.run import Visibility
from commands.command import MORE
from tests.servers.discord import Message, Upload
from tests.support.discord_bot import Moot
from tests.support.discord_guild import find_button

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20

Json = dict[str, Any]


async def open_form(moot: Moot, command: str, **options: object) -> tuple[Any, dict[str, Json]]:
    """Open the form behind More…; return its interaction and its inputs by name."""
    asked = await moot.server.slash(moot.ada, moot.channel, command, panel=MORE, **options)
    form = (await asked.answer()).modal
    assert form is not None
    return asked, {part["component"]["custom_id"]: part["component"] for part in form["components"]}


async def send_form(moot: Moot, opened: Any, **values: object) -> Message:
    """Send the form; return its answer, the board, once it is shown."""
    return await moot.find_answer(await moot.server.submit(moot.ada, opened, values))


async def read_start(moot: Moot, board: Message) -> RunStarted:
    run = find_button(board, "stop").split(":")[1]
    (start, *_) = await moot.store.read(run)
    assert isinstance(start.fact, RunStarted)
    return start.fact


def ticked(part: Json) -> dict[str, bool]:
    return {option["value"]: option.get("default", False) for option in part["options"]}


async def test_more_opens_a_form_that_asks_for_the_rest(moot: Moot) -> None:
    form, inputs = await open_form(moot, "debate", question="Tea?", rounds=1)
    assert list(inputs) == ["question", "form", "models", "switches", "files"]
    board = await send_form(moot, form, models="gpt, gemini", form="turns")
    await moot.wait_until(lambda: "debate of GPT, Gemini" in board.text and "> Tea?" in board.text)
    rules = (await read_start(moot, board)).rules
    assert rules.rounds == 1  # typed beside More…
    assert rules.debating is not None
    assert rules.debating.form == "turns"


async def test_one_of_a_few_is_a_radio_group_and_yes_or_no_a_box_to_tick(moot: Moot) -> None:
    form, inputs = await open_form(moot, "council", question="Tea?", reveal="together", guess=True)
    assert [part["type"] for part in inputs.values()] == [4, 21, 4, 22, 19]
    assert ticked(inputs["mode"]) == {"answers": False, "ranking": False, "full": True}
    assert ticked(inputs["switches"]) == {"blind": False, "guess": True}  # typed beside More…
    start = await read_start(moot, await send_form(moot, form, mode="answers", switches=["blind"]))
    assert start.rules.mode == "answers"
    assert start.rules.veil == Visibility("together", blind=True)


async def test_a_form_that_is_sent_untouched_does_what_was_typed(moot: Moot) -> None:
    form, _ = await open_form(moot, "council", question="Tea?", blind=True)
    start = await read_start(moot, await send_form(moot, form))
    assert (start.question, start.rules.mode) == ("Tea?", "full")
    assert start.rules.veil == Visibility("live", blind=True)


async def test_files_come_with_a_form(moot: Moot) -> None:
    form, inputs = await open_form(moot, "council", question="What is in these?")
    assert inputs["files"]["max_values"] == moot.settings.limits.attachments
    files = [Upload("one.txt", b"a first text"), Upload("two.png", PNG)]
    start = await read_start(moot, await send_form(moot, form, files=files))
    assert "a first text" in start.question
    assert [image.name for image in start.images] == ["two.png"]


async def test_a_file_beside_more_is_asked_for_in_the_form(moot: Moot) -> None:
    file = Upload("one.txt", b"a first text")
    asked = await moot.server.slash(moot.ada, moot.channel, "council", question="Tea?", panel=MORE, file=file)
    told = "The form has a place for files: open it without one, and attach them there."
    assert await moot.read_answer(asked) == told


async def test_what_is_too_long_for_a_form_is_told_and_not_cut(moot: Moot) -> None:
    asked = await moot.server.slash(moot.ada, moot.channel, "council", question="t" * 4001, panel=MORE)
    told = "A form's question may have 4000 characters: attach the long part as a file there."
    assert await moot.read_answer(asked) == told
    asked = await moot.server.slash(
        moot.ada, moot.channel, "council", question="Tea?", panel=MORE, personas="skeptic, " * 20, chair="gpt"
    )
    told = "A form cannot keep so much beside it: leave out the form, or shorten personas and chair."
    assert await moot.read_answer(asked) == told


async def test_what_is_wrong_in_a_form_is_told(moot: Moot) -> None:
    form, _ = await open_form(moot, "debate", question="Tea?")
    told = await moot.read_answer(await moot.server.submit(moot.ada, form, {"models": "gptt"}))
    assert told == "There is no model “gptt”. Did you mean gpt?"
