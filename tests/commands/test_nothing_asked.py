"""Messages in which nothing was asked: whatever they hold, no run begins and no model is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from adapters.common.quotes import Content
from adapters.discord import reader as discord
from adapters.slack import reader as slack
from bot.domain.controls import FormatRef
from bot.domain.run import Image
from bot.errors import Refused
from bot.settings.platforms import STARTABLE_FORMATS, MessageStart
from commands.command import Here, Offered
from commands.dispatch import mention
from tests.support.actions_scene import PAT, ActionsScene
from tests.support.schema_strategies import from_sample, from_schema
from tests.support.surfaces import Place, Platform

EMPTY: list[dict[str, Any]] = [
    {},
    {"content": None, "text": None},
    {"content": " \n", "text": " \n"},
    {"content": "\x00", "text": "\x00"},
    {"embeds": [{"image": {"url": "x"}}], "blocks": [{"type": "image"}]},
    {"sticker_items": [{"name": "Wave"}], "attachments": [], "blocks": [{"type": "divider"}]},
    {"message_snapshots": [{"message": {"sticker_items": [{"name": "Wave"}]}}]},
]


def draw_contents(reference: Path) -> list[Content]:
    """Return what messages of both platforms' schemas hold."""
    specs = reference / "specs"
    schemas = json.loads((specs / "discord-openapi.json").read_text("utf-8"))["components"]["schemas"]
    sample = json.loads((specs / "slack" / "samples" / "MessagePayload.json").read_text("utf-8"))["event"]
    drawn: list[Content] = []

    @settings(suppress_health_check=list(HealthCheck), phases=[Phase.generate], max_examples=50)
    @given(from_schema(schemas, schemas["MessageResponse"]), from_sample(sample))
    def draw(of_discord: dict[str, Any], of_slack: dict[str, Any]) -> None:
        drawn.append(discord.read_raw(of_discord, discord.DiscordNames()))
        drawn.append(slack.read_event(of_slack, slack.SlackNames()))

    draw()
    return drawn


async def read_no_files(text: str) -> tuple[str, Sequence[Image]]:
    return text, ()


async def take(
    scene: ActionsScene, content: Content, *, is_addressed: bool, starts: MessageStart = "council"
) -> object:
    """Take a message as both adapters do, outside of any run."""
    content.require_readable()
    here = Here(PAT, lambda run, title: Place(Platform()), ("talk",))
    return await mention(
        scene.actions,
        content.text,
        here,
        is_addressed=is_addressed,
        starts=starts,
        read_files=read_no_files,
        carried=content.context,
    )


async def test_a_message_that_is_not_for_us_costs_nothing(scene: ActionsScene, reference: Path) -> None:
    for content in draw_contents(reference):
        if not content.is_empty:
            assert await take(scene, content, is_addressed=False) is None
    assert await scene.store.runs() == []
    assert scene.speaker.asked == []


@pytest.mark.parametrize("raw", EMPTY, ids=ascii)
async def test_a_message_without_a_question_costs_nothing(scene: ActionsScene, raw: dict[str, Any]) -> None:
    for content in (
        discord.read_raw(raw, discord.DiscordNames()),
        slack.read_event(raw, slack.SlackNames()),
    ):
        if content.unread:
            with pytest.raises(Refused, match=r"^I cannot read"):
                await take(scene, content, is_addressed=True)
        else:
            assert isinstance(await take(scene, content, is_addressed=True), Offered)
    assert await scene.store.runs() == []
    assert scene.speaker.asked == []


@pytest.mark.parametrize("starts", ["nothing", "ask", "council"])
@pytest.mark.parametrize("carried", ["", "Kim:\nTea is best."])
async def test_small_talk_is_answered_with_what_can_be_done(
    scene: ActionsScene, starts: MessageStart, carried: str
) -> None:
    told = await take(scene, Content("Thanks!", carried), is_addressed=True, starts=starts)
    assert isinstance(told, Offered)
    assert told.text.startswith("Ask with `/council`")
    assert [(c.label, c.action, c.about) for c in told.controls] == [
        (name.capitalize(), "ask", FormatRef(name)) for name in STARTABLE_FORMATS
    ]
    assert (await scene.store.runs(), scene.speaker.asked) == ([], [])
