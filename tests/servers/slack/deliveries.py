"""Deliveries from Slack to the app, over either transport, until they are acknowledged or given up.

An event that nobody acknowledges within 3 s is sent again at once, after 1 min and after 5 min. Commands and
interactions are sent once. https://docs.slack.dev/apis/events-api, https://docs.slack.dev/interactivity
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tests.servers.slack.contract import Contract
from tests.servers.slack.limits import Times
from tests.servers.slack.payloads import event_json
from tests.servers.slack.world import Channel, Json, World

Kind = Literal["events_api", "slash_commands", "interactive"]
OnAnswer = Callable[[Json | None], str]  # shows an answer; returns an error code, "" for none

_FAMILY = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "member_joined_channel": "channels:read",
    "channel_archive": "channels:read",
    **{f"message.{family}": f"{family}:history" for family in _FAMILY.values()},
}
_FAREWELLS = ("app_uninstalled", "tokens_revoked")


class Undelivered(Exception):
    """A failed attempt to deliver; its text is Slack's retry reason."""


class Unacknowledged(Exception):
    """A delivery that Slack has given up, or whose answer it cannot use; its text says why."""


@dataclass(slots=True)
class Delivery:
    """One thing sent to the app. Awaiting it returns it acknowledged, or raises Unacknowledged.

    `attempts` holds the loop time of each sending; `earlier` were made before the first. `answer` is what came with the
    acknowledgement. `error` says why there is none: `not_subscribed`, `dispatch_failed` (nobody connected),
    `operation_timeout`, `timeout`, `http_error`, ….
    """

    kind: Kind
    payload: Json
    envelope_id: str
    on_answer: OnAnswer = lambda answer: ""
    attempts: list[float] = field(default_factory=list)
    earlier: int = 0
    acknowledged_after_s: float | None = None
    answer: Json | None = None
    error: str = ""
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def event(self) -> Json:
        """The event inside, for deliveries of the Events API."""
        found: Json = self.payload["event"]
        return found

    def acknowledge(self, at: float, answer: Json | None) -> None:
        self.acknowledged_after_s, self.answer = at - self.attempts[-1], answer
        self.error = self.on_answer(answer)
        self._over.set()

    def give_up(self, error: str) -> None:
        self.error = error
        self._over.set()

    async def wait_until_over(self) -> None:
        """Wait until the delivery is acknowledged or given up."""
        await self._over.wait()

    def __await__(self) -> Generator[Any, None, Delivery]:
        yield from self._over.wait().__await__()
        if self.error:
            raise Unacknowledged(self.error)
        return self


class Transport(Protocol):
    async def offer(self, delivery: Delivery, retry: int, reason: str) -> Json | None:
        """Send once, and return the payload of the acknowledgement. Raises Undelivered."""
        ...


class Courier:
    """The sender of deliveries, each in a task of its own. `transport` is the one that the app is set to."""

    def __init__(self, world: World, times: Times, transport: Transport, contract: Contract | None) -> None:
        self.transport = transport
        self.deliveries: list[Delivery] = []
        self._world, self._times, self._contract = world, times, contract
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Delivery] | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def deliver_event(self, team: str, event: Json, channel: Channel | None = None) -> Delivery:
        """Deliver an event, if the app is subscribed to it and may see it there."""
        delivery = self._new_delivery("events_api", event_json(self._world, team, event, channel))
        if not self._may_hear(team, event, channel):
            delivery.give_up("not_subscribed")
            return delivery
        return self._send(delivery)

    def deliver_interaction(self, kind: Kind, payload: Json, on_answer: OnAnswer) -> Delivery:
        delivery = self._new_delivery(kind, payload)
        delivery.on_answer = on_answer
        return self._send(delivery)

    def send_again(self, delivery: Delivery) -> Delivery:
        """Send the very same delivery once more, as Slack does when an acknowledgement was lost."""
        again = Delivery(delivery.kind, delivery.payload, delivery.envelope_id, delivery.on_answer)
        again.earlier = delivery.earlier + len(delivery.attempts)
        return self._send(again)

    def hold(self) -> None:
        """Keep back all deliveries from now on."""
        self._held = []

    def release(self, backwards: bool = False) -> None:
        """Send the deliveries that were kept back, in order or the newest first."""
        held, self._held = self._held or [], None
        for delivery in reversed(held) if backwards else held:
            self._start(delivery)

    def _new_delivery(self, kind: Kind, payload: Json) -> Delivery:
        return Delivery(kind, payload, self._world.id("envelope-"))

    def _send(self, delivery: Delivery) -> Delivery:
        self.deliveries.append(delivery)
        if self._contract is not None:
            self._contract.check_payload(delivery.payload)
        if self._held is None:
            self._start(delivery)
        else:
            self._held.append(delivery)
        return delivery

    def _start(self, delivery: Delivery) -> None:
        assert self._group is not None  # the server starts its courier before anything can happen
        task = self._group.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        reason = await self._attempt(delivery, delivery.earlier, "timeout" if delivery.earlier else "")
        if delivery.kind != "events_api":
            if reason:
                delivery.give_up("operation_timeout" if reason == "timeout" else reason)
            return
        for retry, pause in enumerate(self._times.redeliver_after_s, delivery.earlier + 1):
            if not reason:
                return
            await asyncio.sleep(pause)
            reason = await self._attempt(delivery, retry, reason)
        if reason:
            delivery.give_up(reason)

    async def _attempt(self, delivery: Delivery, retry: int, reason: str) -> str:
        """Make one attempt, and return "" when it was acknowledged, else the reason why not."""
        delivery.attempts.append(self._world.now())
        try:
            async with asyncio.timeout(self._times.acknowledge_s):
                answer = await self.transport.offer(delivery, retry, reason)
        except TimeoutError:
            return "timeout"
        except Undelivered as failed:
            return str(failed)
        delivery.acknowledge(self._world.now(), answer)
        return ""

    def _may_hear(self, team: str, event: Json, channel: Channel | None) -> bool:
        kind = str(event["type"])
        if kind in _FAREWELLS:
            return kind in self._world.app.events
        token = self._world.bot_token(team)
        if kind == "message":
            kind = f"message.{_FAMILY[event['channel_type']]}"
        if token is None or kind not in self._world.app.events:
            return False
        here = channel is None or token.bot_user in channel.members
        needed = _EVENT_SCOPES.get(kind, "")
        return here and (not needed or needed in token.scopes)
