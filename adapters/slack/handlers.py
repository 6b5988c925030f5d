"""What Slack delivers: acknowledged at once, taken once, and handed on.

https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.common.deliveries import DeliveryLog
from adapters.slack import forms
from adapters.slack.api import Workspace
from adapters.slack.interactions import InteractionHandler
from adapters.slack.listening import Listener
from adapters.slack.scopes import events
from adapters.slack.workspaces import Workspaces
from commands.controls import OURS

log = structlog.get_logger()

Json = Mapping[str, Any]
BUTTONS = re.compile(f"^{OURS}:")


class Hosted(Protocol):
    """What concerns the app as a whole."""

    async def left(self, body: Json, *, uninstalled: bool) -> None: ...

    async def show_home(self, at: Workspace, event: Json) -> None: ...


class Handlers:
    """Every delivery is acknowledged first; each is taken once, whatever comes of it."""

    def __init__(
        self,
        desk: InteractionHandler,
        listener: Listener,
        workspaces: Workspaces,
        seen: DeliveryLog,
        start: Callable[[Coroutine[Any, Any, None]], object],
        app: Hosted,
    ) -> None:
        """`start` runs work in a task of its own."""
        self._desk = desk
        self._listener = listener
        self._workspaces = workspaces
        self._seen = seen
        self._start = start
        self._hosted = app

    def register(self, app: AsyncApp, *, listen: bool) -> None:
        """For commands, buttons, shortcuts and forms, and for each event that is declared."""
        app.command(re.compile("^/"))(self._command)
        app.action(BUTTONS)(self._press)
        app.shortcut(BUTTONS)(self._shortcut)
        app.view(forms.CALLBACK)(self._submitted)
        for kind in sorted({event.name.partition(".")[0] for event in events(listen=listen)}):
            app.event(kind)(self._event)

    async def _command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._once(body["trigger_id"], body, self._desk.command)

    async def _press(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._once(body["trigger_id"], body, self._desk.press)

    async def _shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._once(body["trigger_id"], body, self._desk.shortcut)

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        if mistakes := self._desk.mistakes(body):
            await ack(response_action="errors", errors=mistakes)
            return
        await ack()
        self._once(f"{body['view']['id']}/{body['view']['hash']}", body, self._desk.submitted)

    async def _event(self, body: dict[str, Any]) -> None:
        self._once(body["event_id"], body, self._happened)

    def _once(self, key: str, body: Json, work: Callable[[Workspace, Json], Awaitable[None]]) -> None:
        if self._seen.first_time(key):
            self._start(_guarded(self._do(key, body, work)))

    async def _do(self, key: str, body: Json, work: Callable[[Workspace, Json], Awaitable[None]]) -> None:
        await self._seen.save(key)  # and with it whatever was written before: what is asked about can be found
        kind = body.get("event", {}).get("type")
        if kind in ("app_uninstalled", "tokens_revoked"):
            await self._hosted.left(body, uninstalled=kind == "app_uninstalled")
        elif at := await self._workspaces.find(*_home(body)):
            await work(at, body)
        await self._seen.expire()

    async def _happened(self, at: Workspace, body: Json) -> None:
        event, listener = body["event"], self._listener
        match event["type"]:
            case "app_mention":
                await listener.mention(at, event)
            case "message":
                await listener.message(at, event)
            case "reaction_added" | "reaction_removed":
                await listener.reaction(at, event, added=event["type"] == "reaction_added")
            case "app_home_opened":
                await self._hosted.show_home(at, event)


def _home(body: Json) -> tuple[str, str]:
    """Enterprise and workspace that a delivery is for; in shared channels the one that the app is installed in."""
    own: Json = next(iter(body.get("authorizations") or ()), {})
    team = own.get("team_id") or body.get("team_id") or (body.get("team") or {}).get("id")
    team = team or (body.get("user") or {}).get("team_id") or ""
    enterprise = own.get("enterprise_id") or body.get("enterprise_id") or (body.get("enterprise") or {}).get("id") or ""
    return str(enterprise), str(team)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """One delivery that goes wrong must not end the others."""
    try:
        await work
    except Exception:
        log.exception("a delivery could not be handled")
