"""Two gateways on one database, which Slack reaches by turns: what one has taken or counted, the other knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.slack.door import PATH
from adapters.slack.listening import EDITED
from bot.domain.facts import Claimed
from bot.engine.gateway import LEAST_REFRESH_S
from storage import SqlStore
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Ref, Team
from tests.support.operators_port import find_free_port
from tests.support.postgres import make_database
from tests.support.roles_here import TownHere, open_town_here
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.two_platforms import SlackHall


@dataclass
class Gateway:
    """A gateway: its name among processes, where Slack reaches it over HTTP, and what ends it."""

    name: str
    url: str
    cut_off: Callable[[], Awaitable[None]]


@dataclass
class Gateways:
    """A workspace that two gateways hear, and no worker."""

    town: TownHere
    hall: SlackHall
    both: list[Gateway]

    def reach(self, gateway: Gateway) -> None:
        """Let Slack deliver to one of them from now on."""
        self.hall.server.deliver_to(gateway.url)

    async def find_taker(self) -> Gateway:
        """Return the gateway that has begun the only run."""
        owners: list[str] = []

        async def is_claimed(store: SqlStore, run: str) -> bool:
            owners[:] = [entry.fact.owner for entry in await store.read(run) if isinstance(entry.fact, Claimed)]
            return bool(owners)

        await self.town.wait_for_stored(is_claimed)
        return next(gateway for gateway in self.both if gateway.name == owners[0])

    def count_boards(self) -> int:
        """Return how many runs have been shown in the channel."""
        world = self.hall.server.world
        return sum(message.user != self.hall.ann.id for message in world.messages(self.hall.channel.id))


async def start_gateway(
    town: TownHere, stacks: AsyncExitStack, server: SlackServer, team: Team, http: bool, more: dict[str, Any]
) -> Gateway:
    port, known = find_free_port(), town.list_leases("gateway")
    own = {"mode": "http", "port": port, "signing_secret": server.world.app.signing_secret} if http else {}
    stack = await stacks.enter_async_context(AsyncExitStack())
    await town.start_here(stack, "gateway", discord=None, slack=make_settings(server, team, **own), **more)
    (name,) = set(town.list_leases("gateway")) - set(known)
    while http:  # until it listens
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(0.02)
    return Gateway(name, f"http://127.0.0.1:{port}{PATH}", stack.aclose)


@asynccontextmanager
async def open_gateways(path: Path, *, http: bool = True, **more: Any) -> AsyncIterator[Gateways]:
    """Open them, over HTTP or sockets. `more`: tables of their settings."""
    with make_database() as url:
        async with (
            open_workspace() as (server, team),
            open_town_here(path, url) as (town, _),
            AsyncExitStack() as stacks,
        ):
            both = [await start_gateway(town, stacks, server, team, http, more) for _ in range(2)]
            if not http:
                await server.sockets.wait_for_connections(2)
            ann = next(u for u in server.world.users.values() if u.name == "ann")
            hall = next(c for c in server.world.channels.values() if c.name == "hall")
            yield Gateways(town, SlackHall(server, ann, hall), both)


async def test_runs_that_two_gateways_begin_within_a_minute_are_counted_together(tmp_path: Path) -> None:
    async with open_gateways(tmp_path, limits={"starts_per_person": 2}) as gateways:
        hall = gateways.hall
        for gateway in gateways.both:
            gateways.reach(gateway)
            await hall.begin_run("compare", "Tea or coffee?")
        await asyncio.sleep(LEAST_REFRESH_S)
        told = hall.server.world.ephemerals
        for number, gateway in enumerate(gateways.both, 1):
            gateways.reach(gateway)
            await (await hall.server.people.command(hall.ann.id, hall.channel.id, "/compare", "Milk?"))
            await wait_until(lambda number=number: len(told) == number or gateways.count_boards() > 2)  # type: ignore[misc]
        assert gateways.count_boards() == 2
        assert all(shown.text.startswith("You have begun 2 runs within a minute, and may no more") for shown in told)


@pytest.mark.parametrize("http", [False, True])
async def test_an_event_that_comes_again_as_its_gateway_has_died_is_taken_once(tmp_path: Path, http: bool) -> None:
    with capture_logs() as logged:
        async with open_gateways(tmp_path, http=http) as gateways:
            hall, server = gateways.hall, gateways.hall.server
            if http:
                gateways.reach(gateways.both[0])
            asked = await (await server.people.say(hall.ann.id, hall.channel.id, "Tea?", mention=True))
            await wait_until(lambda: gateways.count_boards() == 1)
            taker = await gateways.find_taker()
            await taker.cut_off()
            if http:
                gateways.reach(gateways.both[1])
            await server.courier.send_again(asked)

            def is_taken() -> bool:
                return gateways.count_boards() > 1 or any(line["event"] == "delivered again" for line in logged)

            await wait_until(is_taken)
            assert gateways.count_boards() == 1


async def test_a_form_about_a_message_may_be_sent_to_another_gateway(tmp_path: Path) -> None:
    async with open_gateways(tmp_path) as gateways:
        hall, server = gateways.hall, gateways.hall.server
        gateways.reach(gateways.both[0])
        said = await server.people.say(hall.ann.id, hall.channel.id, "Tea is “older” than coffee.\n" * 20)
        at = Ref(hall.channel.id, said.event["ts"])
        await (await server.people.shortcut(hall.ann.id, at, "moot:send_to"))
        await wait_until(lambda: bool(server.world.views))
        gateways.reach(gateways.both[1])
        await (
            await server.people.submit(hall.ann.id, next(iter(server.world.views)), {"model": "gpt", "note": "Is it?"})
        )
        world = server.world
        await wait_until(lambda: bool(world.messages(at.channel, at.ts)[1:] or world.ephemerals))
        assert [shown.text for shown in world.ephemerals] == []


async def test_a_question_that_one_gateway_took_is_not_asked_again_where_another_hears_of_its_edit(
    tmp_path: Path,
) -> None:
    async with open_gateways(tmp_path) as gateways:
        hall, server = gateways.hall, gateways.hall.server
        gateways.reach(gateways.both[0])
        asked = await (await server.people.say(hall.ann.id, hall.channel.id, "Tea?", mention=True))
        await wait_until(lambda: gateways.count_boards() == 1)
        gateways.reach(gateways.both[1])
        edited = f"<@{server.world.teams[hall.channel.team].bot_user}> Tea or coffee?"
        await (await server.people.edit(hall.ann.id, Ref(asked.event["channel"], asked.event["ts"]), edited))
        told = server.world.ephemerals
        await wait_until(lambda: gateways.count_boards() > 1 or bool(told))
        assert [shown.text for shown in told] == [EDITED]
