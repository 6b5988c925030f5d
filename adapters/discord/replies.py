"""Answering people: within three seconds whatever comes, to them alone, in one sentence; or with the board itself.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import discord
from discord import ui

from adapters.discord.api import UNANSWERED
from adapters.discord.dialect import DiscordDialect
from adapters.discord.forms import modal
from bot.live.pages import Pages
from bot.ports import SurfaceError
from commands.command import Form

DEFER_S = 0.5  # of the three seconds that Discord waits
BOARD_S = 600.0  # how long a board is waited for; an answer that was put off can be given for 15 minutes
PAGES = 4  # of a long text, shown to one person; the file has all of it
TEXT = 2_000
NOBODY = discord.AllowedMentions.none()


class Reply:
    """An async context manager around the work that an interaction asks for: what is not answered within half a second
    is put off, so that it can still be answered for 15 minutes. `public`: a put-off answer is for everybody.
    """

    def __init__(self, interaction: discord.Interaction[Any], *, public: bool) -> None:
        self._interaction = interaction
        self._public = public
        self._turn = asyncio.Lock()  # an answer and the putting off must not cross
        self._shown = asyncio.Event()
        self.board_elsewhere = ""  # where the run is shown that this starts, when the board is not the answer itself

    async def __aenter__(self) -> Self:
        self._timer = asyncio.create_task(self._put_off(), name="put off an answer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await asyncio.wait([self._timer])

    async def tell(self, text: str, file: tuple[str, str] | None = None) -> None:
        """To that person alone. A long text comes in parts."""
        await self._tell(_drawn(text) or ["Done."], file)

    async def _tell(self, texts: Sequence[str], file: tuple[str, str] | None = None) -> None:
        """`texts` as Discord draws them."""
        first, *more = texts
        files = [discord.File(io.BytesIO(file[1].encode()), file[0])] if file else []
        async with self._turn:
            if not self._interaction.response.is_done():
                await self._interaction.response.send_message(
                    first, files=files, ephemeral=True, allowed_mentions=NOBODY
                )
            else:
                if self._public and not self._shown.is_set():
                    await self._interaction.delete_original_response()  # what was put off for all to see
                await self._follow(first, files)
            for text in more:
                await self._follow(text, [])

    async def ask(self, form: Form, key: str) -> None:
        async with self._turn:
            await self._interaction.response.send_modal(modal(form, key))

    async def suggest(self, choices: Sequence[str]) -> None:
        named = [discord.app_commands.Choice(name=c[:100], value=c[:100]) for c in choices]
        async with self._turn:
            await self._interaction.response.autocomplete(named)

    async def show(self, board: ui.LayoutView) -> int:
        """The board as the answer that everybody sees; the id of its message. Raises SurfaceError."""
        async with self._turn:
            try:
                if self._interaction.response.is_done():
                    message = await self._interaction.edit_original_response(view=board, allowed_mentions=NOBODY)
                    self._shown.set()
                    return message.id
                sent = await self._interaction.response.send_message(view=board, silent=True, allowed_mentions=NOBODY)
            except UNANSWERED as error:
                raise SurfaceError(str(error), getattr(error, "status", 0)) from error
            self._shown.set()
            assert sent.message_id is not None, "an answer with a message has its id"
            return sent.message_id

    async def started(self) -> None:
        """A run has begun: its board is the answer, or stands elsewhere."""
        if self.board_elsewhere:
            await self._tell([f"It starts in {self.board_elsewhere}."])
        else:
            async with asyncio.timeout(BOARD_S):
                await self._shown.wait()

    async def _follow(self, text: str, files: Sequence[discord.File]) -> None:
        await self._interaction.followup.send(text, files=files, ephemeral=True, allowed_mentions=NOBODY)

    async def _put_off(self) -> None:
        await asyncio.sleep(DEFER_S)
        async with self._turn:
            if not self._interaction.response.is_done():
                with suppress(*UNANSWERED):  # the answer itself will tell
                    await self._interaction.response.defer(thinking=True, ephemeral=not self._public)


@lru_cache(maxsize=100)  # of a flood most hear the same sentence
def _drawn(text: str) -> Sequence[str]:
    pages = Pages(DiscordDialect(), TEXT, most=PAGES).update(text, final=True)[:PAGES]
    return tuple(page.text for page in pages)
