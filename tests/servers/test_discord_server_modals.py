"""Modals as Discord's server judges them, and as a person's client sends them back."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands, ui

from tests.servers.discord import CannotAct, Upload
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.modals import check_modal
from tests.support.discord_scene import open_scene

Json = dict[str, Any]
RADIO, CHECKBOXES, FILES = 21, 22, 19


def options(count: int, **more: object) -> list[Json]:
    return [{"label": f"Option {i}", "value": str(i), **more} for i in range(count)]


def problems(*components: Json) -> str:
    """Return what Discord says of a modal of these inputs, each in a label; "" where it takes it."""
    labels = [{"type": 18, "label": f"Input {i}", "component": part} for i, part in enumerate(components)]
    try:
        check_modal({"title": "Form", "components": labels})
    except DiscordError as error:
        return str(error.body)
    return ""


def test_groups_have_as_many_options_as_discord_draws() -> None:
    def group(kind: int, count: int, **more: object) -> str:
        return problems({"type": kind, "custom_id": "a", "options": options(count), **more})

    assert [group(RADIO, count) != "" for count in (1, 2, 10, 11)] == [True, False, False, True]
    assert [group(CHECKBOXES, count) != "" for count in (0, 1, 10, 11)] == [True, False, False, True]
    assert "MAX_VALUE" in group(CHECKBOXES, 2, max_values=3)
    assert "MIN_VALUE" in group(CHECKBOXES, 2, min_values=0)
    assert group(CHECKBOXES, 2, min_values=0, required=False) == ""


def test_a_radio_group_has_one_default_and_no_value_twice() -> None:
    radio = {"type": RADIO, "custom_id": "a"}
    assert "default" in problems({**radio, "options": options(2, default=True)})
    assert "DUPLICATED" in problems({**radio, "options": [*options(1), *options(1)]})


def test_ten_files_can_be_uploaded_and_no_more() -> None:
    upload = {"type": FILES, "custom_id": "a", "required": False, "min_values": 0}
    assert problems({**upload, "max_values": 10}) == ""
    assert "MAX_VALUE" in problems({**upload, "max_values": 11})


def test_five_inputs_have_room_and_buttons_none() -> None:
    boxes = [{"type": 23, "custom_id": str(i)} for i in range(6)]
    assert problems(*boxes[:5]) == ""
    assert "LENGTH" in problems(*boxes)
    assert "UNION" in problems({"type": 2, "custom_id": "a", "label": "A"})


class Everything(ui.Modal):
    """A modal of all that a Discord modal has beside texts and selects."""

    radio: ui.Label[Any] = ui.Label(
        text="Radio",
        component=ui.RadioGroup(
            custom_id="radio",
            options=[discord.RadioGroupOption(label="a"), discord.RadioGroupOption(label="b", default=True)],
        ),
    )
    boxes: ui.Label[Any] = ui.Label(
        text="Boxes",
        component=ui.CheckboxGroup(
            custom_id="boxes",
            options=[discord.CheckboxGroupOption(label="x"), discord.CheckboxGroupOption(label="y", default=True)],
            min_values=0,
            max_values=2,
            required=False,
        ),
    )
    box: ui.Label[Any] = ui.Label(text="Box", component=ui.Checkbox(custom_id="box", default=True))
    files: ui.Label[Any] = ui.Label(
        text="Files", component=ui.FileUpload(custom_id="files", required=False, min_values=0, max_values=2)
    )

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        radio, boxes, box, files = (label.component for label in (self.radio, self.boxes, self.box, self.files))
        assert isinstance(radio, ui.RadioGroup)
        assert isinstance(boxes, ui.CheckboxGroup)
        assert isinstance(box, ui.Checkbox)
        assert isinstance(files, ui.FileUpload)
        read = [(await file.read()).decode() for file in files.values]
        await interaction.response.send_message(f"{radio.value} {boxes.values} {box.value} {read}")


def commands(client: discord.Client) -> None:
    tree = app_commands.CommandTree(client)

    @client.event
    async def setup_hook() -> None:
        await tree.sync()

    @tree.command()
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Everything(title="Form"))


async def test_discord_py_reads_what_was_chosen_and_what_was_left() -> None:
    async with open_scene() as s, s.log_in(setup=commands):
        shown = await s.server.slash(s.ada, s.channel, "form")
        await shown.answer()
        left = await s.server.submit(s.ada, shown, {})
        assert (await left.answer()).content == "b ['y'] True []"
        shown = await s.server.slash(s.ada, s.channel, "form")
        await shown.answer()
        chosen = {"radio": "a", "boxes": ["x"], "box": False, "files": [Upload("a.txt", b"1"), Upload("b.txt", b"2")]}
        sent = await s.server.submit(s.ada, shown, chosen)
        assert (await sent.answer()).content == "a ['x'] False ['1', '2']"
        for wrong in ({"radio": "c"}, {"boxes": ["x", "z"]}, {"files": [Upload("a", b"")] * 3}, {"files": ["a"]}):
            with pytest.raises(CannotAct):
                await s.server.submit(s.ada, shown, wrong)
