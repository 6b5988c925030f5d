"""Answers to people: a sentence for them alone, a form, or the board that everybody sees.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import aiohttp
import structlog

from adapters.common.retry import retry_when_limited
from adapters.slack.addresses import is_direct
from adapters.slack.api import Api, Rejected, Workspace
from adapters.slack.dialect import SlackMarkdown, escape_entities
from adapters.slack.forms import build_view
from adapters.slack.layout import (
    CHART,
    PLAIN_CHARS,
    Json,
    button_rows,
    chart_block,
    markdown_block,
    shorten_escaped,
    table_block,
)
from adapters.slack.long_texts import section_messages
from bot.concurrency import make_aside
from bot.domain.controls import Control
from bot.errors import Refused
from bot.live.pages import Pages
from bot.ports.surface import SurfaceError
from commands.command import Form, Offered, Told

log = structlog.get_logger()

BOARD_S = 600.0  # the longest wait for a board
MAX_PAGES = 4  # messages for one long text; the file has all of it
PAGE_CHARS = 11_000


class BoardNotShown(Exception):
    """The reason why the board of a run that was started cannot be shown."""


@dataclass(frozen=True, slots=True)
class Request:
    """A person's request: who asks, where, and what an answer needs; "" for parts that it has not.

    `channel` "": it comes from the home tab.
    """

    workspace: Workspace
    user: str
    channel: str
    thread: str = ""
    response_url: str = ""
    trigger_id: str = ""
    is_private: bool = False  # a button was pressed below a notice that its person alone reads


class Reply:
    """The answer to one request. As a `surface.BoardWatcher` it hears whether the board is shown."""

    def __init__(self, api: Api, request: Request) -> None:
        self._api = api
        self.request = request
        # its result: "", or why the board is not shown
        self._board: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def confirm(self) -> None:
        """Note that the board is shown."""
        if not self._board.done():
            self._board.set_result("")

    def refuse(self, why: str) -> None:
        """Note why the board cannot be shown."""
        if not self._board.done():
            self._board.set_result(why)

    async def wait_until_shown(self) -> None:
        """Wait until the board of a new run, which is the answer, is shown. Raises BoardNotShown."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BOARD_S):
                if why := await self._board:
                    raise BoardNotShown(why)

    async def tell(self, text: str, file: tuple[str, str | bytes] | None = None, begins_at: int = 0) -> None:
        """Tell that person alone. A long text is split; a `file` (its name and content) goes to a direct message.

        `begins_at`: so many code points of the text are left out.
        """
        pages = await make_aside(partial(render_for_slack, begins_at=begins_at), text)
        if file is not None and (file[1] != text or len(pages) > MAX_PAGES):
            await self._send_file(text if file[1] != text else "", *file)
            return
        for page in pages[:MAX_PAGES] or ["Done."]:
            await self._whisper(page)

    async def show_sections(self, answer: Told) -> bool:
        """Show that person alone a long text, folded away; return whether Slack has taken it."""
        messages = await asyncio.to_thread(section_messages, answer.sections)
        if len(messages) > MAX_PAGES:
            return False
        return all([await self._show_drawn(blocks, answer.text, instead=False) for blocks in messages])

    async def show_tables(self, answer: Told | Offered) -> bool:
        """Show that person alone charts and tables of an answer, and its buttons; return whether Slack has taken them.

        A workspace that takes no charts yet gets the tables alone.
        """
        lead = answer.lead if isinstance(answer, Told) else ""
        charts = [chart_block(chart) for chart in answer.charts] if isinstance(answer, Told) else []
        buttons = button_rows(answer.controls, answer.run) if isinstance(answer, Offered) else ()
        before = [markdown_block(lead)] if lead else []
        after = [*map(table_block, answer.tables), *buttons]
        if charts and await self._show_drawn([*before, *charts, *after], answer.text, instead=answer.in_place):
            return True
        return await self._show_drawn([*before, *after], answer.text, instead=answer.in_place)

    async def replace(self, text: str, controls: Sequence[Control] = (), run: str = "") -> None:
        """Put a text, as much of it as one message holds, in the place of the notice whose button was pressed."""
        shown = (await make_aside(render_for_slack, text))[0]
        await self._whisper(shown, button_rows(controls, run), instead=True)

    async def offer(self, text: str, controls: Sequence[Control], run: str) -> None:
        """Tell that person alone, with buttons below."""
        first, *more = (await make_aside(render_for_slack, text))[:MAX_PAGES]
        await self._whisper(first, button_rows(controls, run))
        for page in more:
            await self._whisper(page)

    async def drop_notice(self) -> None:
        """Take the notice away whose button was pressed."""
        await self._respond({}, {"delete_original": True})

    async def show_form(self, form: Form, sealed: str, suggested: Mapping[str, Sequence[str]]) -> None:
        """Open a form; `sealed` comes back with its values. Raises Refused where no form can be opened."""
        if not self.request.trigger_id:
            raise Refused("That needs a form: use the slash command, or a button.")
        view = build_view(form, sealed, suggested)
        try:
            await self._api.call(self.request.workspace, "views.open", trigger_id=self.request.trigger_id, view=view)
        except SurfaceError as error:
            raise Refused("The form could not be opened: try again.") from error

    async def _whisper(self, text: str, buttons: Sequence[Json] = (), *, instead: bool = False) -> None:
        blocks = [markdown_block(text), *buttons]
        content: Json = {"text": shorten_escaped(escape_entities(text), PLAIN_CHARS), "blocks": blocks}
        how = {"response_type": "ephemeral", "replace_original": instead}
        if not (await self._respond(content, how) or await self._post_ephemeral(content)):
            await self._post_direct(content)

    async def _show_drawn(self, blocks: Sequence[Json], text: str, *, instead: bool) -> bool:
        """Show blocks that not every workspace takes; return whether this one has. `text`: what they say."""
        if self._lacks(blocks):
            return False
        content: Json = {"text": shorten_escaped(escape_entities(text), PLAIN_CHARS), "blocks": blocks}
        how = {"response_type": "ephemeral", "replace_original": instead}
        if await self._respond(content, how):
            return True
        return not (instead or self._lacks(blocks)) and await self._post_ephemeral(content)

    def _lacks(self, blocks: Sequence[Json]) -> bool:
        """Return whether the workspace was seen to refuse such blocks."""
        return self.request.workspace.id in self._api.missing.blocks | self._find_missing(blocks)

    def _find_missing(self, blocks: Sequence[Json]) -> set[str]:
        """Return the workspaces that refuse the newest of these blocks."""
        missing = self._api.missing
        return missing.charts if any(block["type"] == CHART for block in blocks) else missing.blocks

    def _learn_refusal(self, content: Json) -> None:
        log.info("charts, tables or containers are not drawn: Slack refused them", workspace=self.request.workspace.id)
        self._find_missing(content["blocks"]).add(self.request.workspace.id)

    async def _respond(self, content: Json, how: Json) -> bool:
        """Answer by the URL of the interaction, which works five times in half an hour; return whether it worked."""
        if not self.request.response_url:
            return False
        thread = {"thread_ts": self.request.thread} if self.request.thread else {}
        body = {**how, **thread, **content}
        with suppress(aiohttp.ClientError):
            async with self._api.session.post(self.request.response_url, json=body) as answer:
                if answer.status == 400 and "invalid_blocks" in await answer.text():
                    self._learn_refusal(content)
                return answer.status == 200
        return False

    async def _post_ephemeral(self, content: Json) -> bool:
        """Post a message that the person alone sees; return whether it worked."""
        request = self.request
        if not request.channel or is_direct(request.channel):
            return False
        thread = {"thread_ts": request.thread} if request.thread else {}
        try:
            await retry_when_limited(
                lambda: self._api.call(
                    request.workspace,
                    "chat.postEphemeral",
                    channel=request.channel,
                    user=request.user,
                    **thread,
                    **content,
                )
            )
        except SurfaceError as error:
            if isinstance(error, Rejected) and error.code == "invalid_blocks":
                self._learn_refusal(content)
            return False
        return True

    async def _post_direct(self, content: Json) -> str:
        """Post a direct message; return the id of its channel, "" when Slack refused it."""
        request = self.request
        place = {"channel": request.channel if is_direct(request.channel) else request.user}
        thread = {"thread_ts": request.thread} if request.thread and is_direct(request.channel) else {}
        try:
            sent = await retry_when_limited(
                lambda: self._api.call(request.workspace, "chat.postMessage", **place, **thread, **content)
            )
        except SurfaceError as error:
            log.warning("a person could not be answered", reason=str(error))
            return ""
        return str(sent["channel"])

    async def _send_file(self, text: str, name: str, content: str | bytes) -> None:
        """Send a file in a direct message, since a channel's other members must not see it. Raises Refused."""
        channel = await self._post_direct({"text": shorten_escaped(escape_entities(text or name), PLAIN_CHARS)})
        try:
            if not channel:
                raise SurfaceError("no direct message could be sent")
            await self._api.upload(self.request.workspace, channel, name, content)
        except SurfaceError as error:
            raise Refused(f"The file could not be handed out: {error}.") from error
        if not is_direct(self.request.channel):
            await self._whisper("You have it in a direct message from me.")


def render_for_slack(text: str, *, begins_at: int = 0) -> Sequence[str]:
    """Return a text, from that code point on, as messages in Slack's dialect."""
    pages = Pages(SlackMarkdown(), PAGE_CHARS, most=MAX_PAGES)
    pages.begin_after(text, begins_at)
    return [page.text for page in pages.update(text, final=True)]
