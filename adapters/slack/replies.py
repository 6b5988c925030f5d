"""Answering people: to them alone, in one sentence; a form; or the board that everybody sees.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import structlog

from adapters.common.retry import retry_when_limited
from adapters.slack.addresses import is_direct
from adapters.slack.api import Api, Workspace
from adapters.slack.dialect import SlackMarkdown, entities
from adapters.slack.forms import modal
from adapters.slack.layout import PLAIN_CHARS, Json, cut, markdown
from bot.errors import Refused
from bot.live.pages import Pages
from bot.ports import SurfaceError
from commands.command import Form

log = structlog.get_logger()

BOARD_S = 600.0  # how long a board is waited for
PAGES = 4  # of a long text, shown to one person; the file has all of it
TEXT = 11_000


class Unseen(Exception):
    """A run was started whose board nobody sees: says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where, and by what they can be answered: each "" where there is none. `channel` "": the home tab."""

    at: Workspace
    user: str
    channel: str
    thread: str = ""
    response_url: str = ""
    trigger_id: str = ""


class Reply:
    """The answer to what one person asks for. It is also told what becomes of a board (`surface.Opening`)."""

    def __init__(self, api: Api, asked: Asked) -> None:
        self._api = api
        self.asked = asked
        self._board: asyncio.Future[str] = asyncio.get_running_loop().create_future()  # "" or why it is not shown

    def shown(self) -> None:
        if not self._board.done():
            self._board.set_result("")

    def refused(self, why: str) -> None:
        if not self._board.done():
            self._board.set_result(why)

    async def started(self) -> None:
        """A run has begun: its board is the answer. Raises Unseen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BOARD_S):
                if why := await self._board:
                    raise Unseen(why)

    async def tell(self, text: str, file: tuple[str, str] | None = None) -> None:
        """To that person alone. A long text comes in parts, a file in a direct message."""
        pages = [page.text for page in Pages(SlackMarkdown(), TEXT, most=PAGES).update(text, final=True)]
        if file is not None and (file[1] != text or len(pages) > PAGES):
            await self._hand_over(text if file[1] != text else "", *file)
            return
        for page in pages[:PAGES] or ["Done."]:
            await self._whisper(page)

    async def ask(self, form: Form, kept: Mapping[str, str], suggested: Mapping[str, Sequence[str]]) -> None:
        """Raises Refused where no form can be opened."""
        if not self.asked.trigger_id:
            raise Refused("That needs a form: use the slash command, or a button.")
        view = modal(form, kept, suggested)
        try:
            await self._api.call(self.asked.at, "views.open", trigger_id=self.asked.trigger_id, view=view)
        except SurfaceError as error:
            raise Refused("The form could not be opened: try again.") from error

    async def _whisper(self, text: str) -> None:
        said: Json = {"text": cut(entities(text), PLAIN_CHARS), "blocks": [markdown(text)]}
        if not (await self._responded(said) or await self._ephemeral(said)):
            await self._direct(said)

    async def _responded(self, said: Json) -> bool:
        """By the address that came with an interaction, which works five times in half an hour."""
        if not self.asked.response_url:
            return False
        thread = {"thread_ts": self.asked.thread} if self.asked.thread else {}
        made = {"response_type": "ephemeral", "replace_original": False, **thread, **said}
        with suppress(aiohttp.ClientError):
            async with self._api.session.post(self.asked.response_url, json=made) as answer:
                return answer.status == 200
        return False

    async def _ephemeral(self, said: Json) -> bool:
        asked = self.asked
        if not asked.channel or is_direct(asked.channel):
            return False
        thread = {"thread_ts": asked.thread} if asked.thread else {}
        with suppress(SurfaceError):
            await retry_when_limited(
                lambda: self._api.call(
                    asked.at, "chat.postEphemeral", channel=asked.channel, user=asked.user, **thread, **said
                )
            )
            return True
        return False

    async def _direct(self, said: Json) -> str:
        """The direct message's id; "" when Slack would not have it."""
        asked = self.asked
        place = {"channel": asked.channel if is_direct(asked.channel) else asked.user}
        thread = {"thread_ts": asked.thread} if asked.thread and is_direct(asked.channel) else {}
        try:
            sent = await retry_when_limited(
                lambda: self._api.call(asked.at, "chat.postMessage", **place, **thread, **said)
            )
        except SurfaceError as error:
            log.warning("a person could not be answered", reason=str(error))
            return ""
        return str(sent["channel"])

    async def _hand_over(self, text: str, name: str, content: str) -> None:
        """In a direct message: what is told to one person may not lie open in a channel."""
        channel = await self._direct({"text": cut(entities(text or name), PLAIN_CHARS)})
        try:
            if not channel:
                raise SurfaceError("no direct message could be sent")
            await self._api.upload(self.asked.at, channel, name, content)
        except SurfaceError as error:
            raise Refused(f"The file could not be handed out: {error}.") from error
        if not is_direct(self.asked.channel):
            await self._whisper("You have it in a direct message from me.")
