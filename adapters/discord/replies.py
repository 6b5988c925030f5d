"""Answers to people: within three seconds in any case, for them alone, in one sentence; or the board itself.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Literal, Self

import discord
from discord import ui

from adapters.discord.api import CALL_ERRORS
from adapters.discord.dialect import DiscordDialect
from adapters.discord.forms import build_modal
from bot.concurrency import make_aside
from bot.live.pages import Pages
from bot.ports.surface import SurfaceError
from bot.text import as_bytes
from commands.command import Form

DEFER_S = 0.5  # Discord waits three seconds
BOARD_S = 600.0  # the longest wait for a board; a deferred answer can be given for 15 minutes
MAX_PAGES = 4  # messages for one long text; the file has all of it
PAGE_CHARS = 2_000
NOBODY = discord.AllowedMentions.none()
STARTED = "Started: the run is below."
NOT_CONFIRMED = (
    "It has started, but Discord did not take its board as the answer: look for it below, or in `/moot runs`."
)

# How an answer that takes long is put off: as one for everybody, as one for that person alone, or as a change of the
# offer whose button was pressed, as its place is the answer's.
Deferral = Literal["public", "private", "update"]


class Reply:
    """The answer to one interaction, as an async context manager around the work that is asked for.

    It defers an answer that takes longer than half a second, so that there are 15 minutes for it.
    """

    def __init__(self, interaction: discord.Interaction[Any], deferral: Deferral) -> None:
        self._interaction = interaction
        self._deferral = deferral
        self._is_thinking = False  # a message of Discord's own says that an answer will come
        self._lock = asyncio.Lock()  # an answer and its deferral must not cross
        self._board: asyncio.Future[bool] = asyncio.get_running_loop().create_future()  # whether Discord took it
        self.board_elsewhere = ""  # a mention of the place of the board, where the board is not the answer itself

    async def __aenter__(self) -> Self:
        self._timer = asyncio.create_task(self._defer(), name="defer an answer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await asyncio.wait([self._timer])

    async def tell(self, text: str, file: tuple[str, str | bytes] | None = None, begins_at: int = 0) -> None:
        """Tell that person alone. A long text is split; `file`: its name, and a text or a picture.

        `begins_at`: so many code points of the text are left out.
        """
        await self._send(await make_aside(partial(render_for_discord, begins_at=begins_at), text) or ["Done."], file)

    async def replace(self, text: str, buttons: ui.View | None = None) -> None:
        """Put a text, as much of it as one message holds, in the place of the message whose button was pressed."""
        shown = (await make_aside(render_for_discord, text))[0]
        async with self._lock:
            if self._deferral == "update" or not self._interaction.response.is_done():
                await self._update(shown, buttons)
                return
        await self._send([shown], buttons=buttons or discord.utils.MISSING)

    async def offer(self, text: str, buttons: ui.View) -> None:
        """Tell that person alone, with buttons below; an offer that was pressed gives its place to the new one."""
        if self._deferral == "update":
            await self.replace(text, buttons)
        else:
            await self._send(await make_aside(render_for_discord, text), buttons=buttons)

    async def _send(
        self,
        texts: Sequence[str],
        file: tuple[str, str | bytes] | None = None,
        buttons: ui.View = discord.utils.MISSING,
    ) -> None:
        """Send texts, rendered for Discord, to that person alone; `buttons` stand below the first."""
        first, *more = texts
        files = [discord.File(io.BytesIO(as_bytes(file[1])), file[0])] if file else []
        async with self._lock:
            if not self._interaction.response.is_done():
                await self._interaction.response.send_message(
                    first, files=files, view=buttons, ephemeral=True, allowed_mentions=NOBODY
                )
            else:
                if self._deferral == "public":
                    await self._stop_thinking()
                await self._send_followup(first, files, buttons)
            for text in more:
                await self._send_followup(text, [])

    async def show_form(self, form: Form, key: str, max_files: int) -> None:
        """Answer with a form; `key` comes back with its values. Raises Refused."""
        modal = build_modal(form, key, max_files)
        async with self._lock:
            await self._interaction.response.send_modal(modal)

    async def suggest(self, choices: Sequence[str]) -> None:
        """Answer with what the option being typed can be completed to."""
        options = [discord.app_commands.Choice(name=c[:100], value=c[:100]) for c in choices]
        async with self._lock:
            await self._interaction.response.autocomplete(options)

    async def show_board(self, board: ui.LayoutView) -> int:
        """Show the board to everybody, silently, and return the id of its message. Raises SurfaceError."""
        is_shown = False
        try:
            async with self._lock:
                message = await self._send_board(board)
            is_shown = True
        except CALL_ERRORS as error:
            raise SurfaceError(str(error), getattr(error, "status", 0)) from error
        finally:  # also where Discord was too slow
            if not self._board.done():
                self._board.set_result(is_shown)
        return message

    async def _send_board(self, board: ui.LayoutView) -> int:
        """Send the board as the answer, or after it where there is one already, as only a new message can be silent."""
        if self._deferral == "update":
            await self._update(STARTED)
        elif not self._interaction.response.is_done():
            sent = await self._interaction.response.send_message(view=board, silent=True, allowed_mentions=NOBODY)
            assert sent.message_id is not None, "an answer with a message has its id"
            return sent.message_id
        await self._stop_thinking()
        message = await self._interaction.followup.send(view=board, silent=True, allowed_mentions=NOBODY, wait=True)
        return message.id

    async def wait_until_shown(self) -> None:
        """Wait until the board of a new run is shown; tell where it is, unless it is the answer itself."""
        told = f"It starts in {self.board_elsewhere}."
        if not self.board_elsewhere:
            async with asyncio.timeout(BOARD_S):
                is_shown = await self._board
            if not is_shown:  # its display posts it as a message by itself
                await self._send([NOT_CONFIRMED])
        elif self._deferral == "update":
            async with self._lock:
                await self._update(told)
        else:
            await self._send([told])

    async def _update(self, text: str, buttons: ui.View | None = None) -> None:
        """Change the message whose button was pressed, also after a deferral."""
        response = self._interaction.response
        edit = self._interaction.edit_original_response if response.is_done() else response.edit_message
        await edit(content=text, view=buttons, allowed_mentions=NOBODY)

    async def _stop_thinking(self) -> None:
        """Delete the deferral that stands: the next message is one of its own, for whom it is meant.

        Discord would fill the deferral in, which is as public or private as it was
        (https://docs.discord.com/developers/interactions/receiving-and-responding#create-followup-message).
        """
        if self._is_thinking:
            with suppress(discord.NotFound):  # a moderator was faster
                await self._interaction.delete_original_response()
            self._is_thinking = False

    async def _send_followup(
        self, text: str, files: Sequence[discord.File], buttons: ui.View = discord.utils.MISSING
    ) -> None:
        await self._interaction.followup.send(text, files=files, view=buttons, ephemeral=True, allowed_mentions=NOBODY)

    async def _defer(self) -> None:
        await asyncio.sleep(DEFER_S)
        async with self._lock:
            if not self._interaction.response.is_done():
                thinks = self._deferral != "update"
                with suppress(*CALL_ERRORS):  # the answer itself will fail as well, and be logged
                    await self._interaction.response.defer(thinking=thinks, ephemeral=self._deferral == "private")
                    self._is_thinking = thinks


@lru_cache(maxsize=100)  # in a flood most get the same sentence
def render_for_discord(text: str, *, begins_at: int = 0) -> Sequence[str]:
    """Return a text, from that code point on, as messages in Discord's dialect."""
    pages = Pages(DiscordDialect(), PAGE_CHARS, most=MAX_PAGES)
    pages.begin_after(text, begins_at)
    return tuple(page.text for page in pages.update(text, final=True)[:MAX_PAGES])
