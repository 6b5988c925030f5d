"""What platforms refused by their limits: what and where, who sent it, and what each process had sent before."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from benchmarks import report
from benchmarks.chaos.wire import World
from benchmarks.cluster.fleet import Fleet
from tests.servers.discord.routing import Request
from tests.servers.slack.web_api import Request as SlackRequest

CEILING_S, BUCKET_S, POSTS_S, MINUTE_S = 1.0, 5.0, 5.0, 60.0  # how far the limits look back
REFUSED = 429
PORT_S = 5.0  # after so long without a request another process may have the port


class Sent(NamedTuple):
    """A request that a platform has taken: when, in loop time, by which process, and what it was."""

    at: float
    sender: str
    method: str


class Sender(NamedTuple):
    """A process that has sent from a port, and when last."""

    name: str
    seen_at: float


@dataclass
class Census:
    """All requests of a world, by the limit that they count against."""

    fleet: Fleet
    _since: float = math.inf  # loop time from which on refusals are noted
    _refused: list[str] = field(default_factory=list)
    _taken: dict[str, deque[Sent]] = field(default_factory=dict)
    _senders: dict[int, Sender] = field(default_factory=dict)  # by port

    def watch(self, world: World, since: float) -> None:
        """Hear of each request from now on, and note what is refused from a loop time on."""
        self._since = since
        world.discord.server.router.on_request = self._on_discord
        world.slack.server.api.on_request = self._on_slack

    def take_rows(self, scene: str) -> list[report.Scene]:
        """Return a row for each refusal since the last time."""
        refused, self._refused = self._refused, []
        return [{"scene": scene, "refused": what} for what in refused]

    def _on_discord(self, seen: Request) -> None:
        is_taken = seen.status != REFUSED  # a refusal is of one of the two limits
        if is_taken or seen.scope == "global":
            self._note(f"Discord {seen.ceiling}", CEILING_S, seen)
        if is_taken or seen.scope != "global":
            self._note(f"Discord {seen.bucket}", BUCKET_S, seen)

    def _on_slack(self, seen: SlackRequest) -> None:
        is_post = seen.method == "chat.postMessage"
        limit = f"Slack {seen.method} {seen.team}" + (f" {seen.args.get('channel')}" if is_post else "")
        self._note(limit, POSTS_S if is_post else MINUTE_S, seen)

    def _note(self, limit: str, before_s: float, seen: Request | SlackRequest) -> None:
        sender = self._find_sender(seen)
        taken = self._taken.setdefault(limit, deque())
        while taken and taken[0].at <= seen.at - before_s:
            taken.popleft()
        if seen.status != REFUSED:
            taken.append(Sent(seen.at, sender, seen.method))
        elif seen.at > self._since:
            said = ", ".join(f"{sent.method} of {sent.sender} {seen.at - sent.at:.2f} s" for sent in taken) or "none"
            self._refused.append(f"{limit}: {seen.method} of {sender}; taken before: {said}")

    def _find_sender(self, seen: Request | SlackRequest) -> str:
        """Return the name of the process that has a connection from that port; "?" where it is gone."""
        known = self._senders.get(seen.port)
        if known is None or seen.at > known.seen_at + PORT_S:
            alive = self.fleet.list_alive()
            name = next((member.name for member in alive if seen.port in _list_ports(member.bot.pid)), "?")
        else:
            name = known.name
        self._senders[seen.port] = Sender(name, seen.at)
        return name


def _list_ports(pid: int) -> set[int]:
    with suppress(psutil.Error):
        return {connection.laddr.port for connection in psutil.Process(pid).net_connections("tcp") if connection.laddr}
    return set()
