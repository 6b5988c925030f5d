"""A run in a direct message as a session of an agent: Slack shows that it goes on, under a stop button of its own.

https://docs.slack.dev/ai/agent-sessions
"""

from __future__ import annotations

import asyncio

import structlog

from adapters.slack.addresses import Address
from adapters.slack.api import Api, Denied, Rejected, Workspace
from bot.ports.surface import SurfaceError
from commands.runs import shorten_line

log = structlog.get_logger()

TITLE_CHARS = 200
CALL_S = 5.0  # the thread of a run waits no longer for it


class AgentSession:
    """The session of one run."""

    def __init__(self, api: Api, workspace: Workspace, address: Address, title: str) -> None:
        self._api = api
        self._workspace = workspace
        self._address = address
        self._title = title
        self._goes_on: bool | None = None  # what Slack shows; None: not known
        self._order = asyncio.Lock()

    async def show(self, thread: str | None, *, goes_on: bool) -> None:
        """Show in a thread whether the run goes on; once it is over, nothing shows it as going on again.

        Where that fails, the messages say it all the same.
        """
        if not self._address.is_direct or thread is None:
            return
        async with self._order:
            if self._goes_on is not False and goes_on is not self._goes_on:
                await self._set_status(thread, goes_on)

    async def _set_status(self, thread: str, goes_on: bool) -> None:
        team, refused = self._address.team, self._api.missing.sessions
        if team in refused:
            return
        place = {"channel_id": self._address.channel, "thread_ts": thread}
        new = {"title": shorten_line(self._title, TITLE_CHARS)} if self._title else {}
        new |= {"initiator_user_id": self._address.asker} if self._address.asker else {}
        how = {"status": "processing", **new} if goes_on else {"status": "active"}
        try:
            async with asyncio.timeout(CALL_S):
                await self._api.call(self._workspace, "agents.sessions.setStatus", **place, **how)
        except (Rejected, Denied) as error:
            log.info("direct messages are no sessions of an agent here", workspace=team, reason=str(error))
            refused.add(team)
        except (SurfaceError, TimeoutError) as error:
            log.info("a session could not be shown", reason=str(error))
        else:
            self._goes_on = goes_on
