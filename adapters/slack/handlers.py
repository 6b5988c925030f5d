"""Handlers of everything that Slack delivers: each delivery is acknowledged at once, taken once, and handed on.

https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest

from adapters.common.deliveries import DeliveryLog
from adapters.slack import forms
from adapters.slack.api import Workspace
from adapters.slack.interactions import InteractionHandler
from adapters.slack.layout import LINK
from adapters.slack.listening import Listener
from adapters.slack.scopes import wanted_events
from adapters.slack.workspaces import Workspaces
from bot.domain.controls import PRESS_PREFIX

log = structlog.get_logger()

Json = Mapping[str, Any]
Work = Callable[[Workspace, Json], Awaitable[None]]
BUTTONS = re.compile(f"^{PRESS_PREFIX}:")
LINKS = re.compile(f"^{LINK}:")


class AppEvents(Protocol):
    """Events that concern the app as a whole."""

    async def end_runs(self, body: Json, *, uninstalled: bool) -> None: ...

    async def show_home(self, workspace: Workspace, event: Json) -> None: ...


class Handlers:
    """The handlers that bolt calls. Each delivery is acknowledged first and taken once, also when it then fails."""

    def __init__(
        self,
        interactions: InteractionHandler,
        listener: Listener,
        workspaces: Workspaces,
        deliveries: DeliveryLog,
        start: Callable[[Coroutine[Any, Any, None]], object],
        app: AppEvents,
    ) -> None:
        """Hand deliveries on. `start` begins a task of its own for each."""
        self._interactions = interactions
        self._listener = listener
        self._workspaces = workspaces
        self._deliveries = deliveries
        self._start = start
        self._app = app

    def register(self, app: AsyncApp, *, listen: bool) -> None:
        """Register at bolt for commands, buttons, shortcuts and forms, and for each event that is declared."""
        app.command(re.compile("^/"))(self._on_command)
        app.action(BUTTONS)(self._on_press)
        app.action(LINKS)(_ack_link)
        app.shortcut(BUTTONS)(self._on_shortcut)
        app.view(forms.CALLBACK)(self._on_submit)
        for kind in sorted({event.name.partition(".")[0] for event in wanted_events(listen=listen)}):
            app.event(kind)(self._on_event)

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._take(body["trigger_id"], body, self._interactions.take_command)

    async def _on_press(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._take(body["trigger_id"], body, self._interactions.take_press)

    async def _on_shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._take(body["trigger_id"], body, self._interactions.take_shortcut)

    async def _on_submit(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        if mistakes := self._interactions.find_mistakes(body):
            await ack(response_action="errors", errors=mistakes)
            return
        await ack()
        self._take(f"{body['view']['id']}/{body['view']['hash']}", body, self._interactions.take_form)

    async def _on_event(self, request: AsyncBoltRequest, body: dict[str, Any]) -> None:
        self._take(body["event_id"], body, self._dispatch, comes_again=_comes_again(request))

    def _take(self, key: str, body: Json, work: Work, *, comes_again: bool = False) -> None:
        if self._deliveries.take(key):
            self._start(_log_failure(self._handle(key, body, work, comes_again)))

    async def _handle(self, key: str, body: Json, work: Work, comes_again: bool) -> None:
        if comes_again and await self._deliveries.is_saved(key):  # by a process that has not acknowledged it
            return
        # the store writes in order: once this is saved, pages that were posted before can be found, too
        await self._deliveries.save(key)
        kind = body.get("event", {}).get("type")
        if kind in ("app_uninstalled", "tokens_revoked"):
            await self._app.end_runs(body, uninstalled=kind == "app_uninstalled")
        elif at := await self._workspaces.find(*_find_installation(body)):
            await work(at, body)
        await self._deliveries.expire()

    async def _dispatch(self, workspace: Workspace, body: Json) -> None:
        event, listener = body["event"], self._listener
        match event["type"]:
            case "agent_session_stopped":
                await self._interactions.take_stop(workspace, event)
            case "app_mention":
                await listener.take_mention(workspace, event)
            case "message":
                await listener.take_message(workspace, event)
            case "reaction_added" | "reaction_removed":
                await listener.take_reaction(workspace, event, added=event["type"] == "reaction_added")
            case "app_context_changed":
                pass  # messages bring it along, once the app hears of it
            case "app_home_opened":
                await self._app.show_home(workspace, event)


async def _ack_link(ack: AsyncAck) -> None:
    """Acknowledge the press of a button that Slack itself answers, by opening its address."""
    await ack()


def _comes_again(request: AsyncBoltRequest) -> bool:
    """Return whether Slack says that it sends an event again, which it does with events alone.

    What an envelope of Socket Mode says of it, bolt puts where requests over HTTP have it.
    https://docs.slack.dev/apis/events-api#retries
    """
    return request.headers.get("x-slack-retry-num", ["0"])[0] != "0"


def _find_installation(body: Json) -> tuple[str, str]:
    """Return enterprise and workspace of the installation that a delivery is for, also in shared channels."""
    own: Json = next(iter(body.get("authorizations") or ()), {})
    team = own.get("team_id") or body.get("team_id") or (body.get("team") or {}).get("id")
    team = team or (body.get("user") or {}).get("team_id") or ""
    enterprise = own.get("enterprise_id") or body.get("enterprise_id") or (body.get("enterprise") or {}).get("id") or ""
    return str(enterprise), str(team)


async def _log_failure(work: Coroutine[Any, Any, None]) -> None:
    """Log a failure of one delivery, so that it does not end the others."""
    try:
        await work
    except Exception:
        log.exception("a delivery could not be handled")
