"""Slack: the wait of text until it is seen there, and of a command for its acknowledgement and its board.

The waits are measured in virtual time, on the wire: the app's own surface over real HTTP against the test server, with
one workspace at 50 updates a minute, next to what `benchmarks.live` gives for the same scenes of Slack on its simulated
platform. Commands are measured in real time, through Socket Mode and the real bolt. Several runs begin at once.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import aiohttp

from adapters.slack.addresses import Address
from adapters.slack.api import Api, Workspace
from adapters.slack.budgets import slack_budget as slack_budget
from adapters.slack.surface import SlackSurface
from benchmarks import report
from benchmarks.limits import FEW_PEOPLE
from benchmarks.live.figures import Watch
from benchmarks.live.ours import Ours, open_ours
from benchmarks.live.replay import Policy, replay_scene
from benchmarks.live.scenes import SCENES, SLACK, Run, Scene, draw_runs
from benchmarks.report import Bar, Report
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.live.budget import FORGET_S, Budget, Budgets, SlidingWindow
from bot.live.schedule import Scheduler
from bot.settings.settings import LimitSettings
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Message
from tests.support.slack_app import make_settings, open_workspace, serve_app, wait_until
from tests.support.speakers import Step
from tests.support.surfaces import Platform

SLACK_SCENES = tuple(scene for scene in SCENES if scene.shape == SLACK.shape and scene.posts == SLACK.posts)
COMMANDS = 12
# speeches that outlast the measurement
TALK: Mapping[str, Sequence[Step]] = {seat: ["word ", 0.1] * 300 for seat in ("ada", "bob")}
EVERY_CALL = 10**6


def measure() -> Report:
    table: list[report.Scene] = []
    bars: list[Bar] = []
    for scene in SLACK_SCENES:
        played = draw_runs(scene)
        simulated, wired = replay_scene(scene, played, open_ours), replay_scene(scene, played, open_over_slack)
        halved = _count_most_refused(replace(scene, halve_at_s=scene.seconds / 2), played)
        table += [
            {"scene": scene.name, "policy": "benchmarks.live", **simulated._asdict()},
            {"scene": scene.name, "policy": "Slack", **wired._asdict()},
        ]
        bars += [
            Bar(f"{scene.name}: 429s", wired.refused, 0, "responses"),
            Bar(f"{scene.name}: 429s in 10 minutes after the limit is halved", halved, 1, "responses"),
            Bar(f"{scene.name}: wait over benchmarks.live's", wired.mean_wait_s / simulated.mean_wait_s, 1.2, "ratio"),
        ]
    one_by_one, at_once = asyncio.run(time_commands(COMMANDS))
    table.append({"scene": f"commands until {COMMANDS} runs go on", "policy": "Slack", **one_by_one})
    table.append({"scene": f"{COMMANDS} more commands at once", "policy": "Slack", **at_once})
    bars.append(Bar("command to first visible, median", one_by_one["visible_median_s"], 0.3, "s"))
    bars.append(Bar("acknowledgement, p99", at_once["acknowledged_p99_s"], 1.0, "s"))
    return Report(table, bars)


def _count_most_refused(scene: Scene, played: Sequence[Run]) -> int:
    """Return the most 429s in any ten minutes, which is as long as a guessed limit is kept."""
    at: list[float] = []

    @asynccontextmanager
    async def record_refused(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
        async with open_over_slack(scene, platform, watch) as policy:
            yield policy
        at.extend(when for when, _, _, status in platform.calls if status == 429)

    replay_scene(scene, list(played), record_refused)
    return max((sum(start <= when < start + FORGET_S for when in at) for start in at), default=0)


class _ServerLimit:
    """The limit on the server, which is halved from outside like those of the simulated platform."""

    def __init__(self, server: SlackServer) -> None:
        self._server = server
        self._calls = SLACK.limit

    @property
    def limit(self) -> int:
        return self._calls

    @limit.setter
    def limit(self, calls: int) -> None:
        self._calls = calls
        self._server.limits.set("chat.update", calls, SLACK.per_s)

    def admit(self, now: float) -> float:
        raise AssertionError("the server admits")

    def report(self, now: float) -> tuple[int, int, float]:
        raise AssertionError("Slack says nothing of its limits")


@asynccontextmanager
async def open_over_slack(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    """Open Slack's surface over HTTP as a policy: a channel for each thread, all in one workspace.

    `platform` only takes the list of its calls here.
    """
    started = asyncio.get_running_loop().time()
    async with (
        SlackServer() as server,
        aiohttp.ClientSession() as session,
        Scheduler(Budgets(_make_budget, started)) as live,
    ):
        team = server.world.add_team("acme")
        at = Workspace(team.id, "", team.bot_token, team.bot_user, team.bot_id, "https://acme.slack.com/")
        server.limits.set("chat.update", SLACK.limit, SLACK.per_s)
        platform.limits = {"edits": _ServerLimit(server)}
        for method in ("chat.update", "chat.postMessage"):
            server.faults.stall(method, scene.round_trip_s, times=scene.lanes * EVERY_CALL // 1_000)
        api = Api(session, server.api_base)
        yield Ours(live, lambda thread: _make_surface(server, api, at, thread), watch, foresees=scene.stages > 1)
        for request in server.requests:
            if request.method == "chat.update":
                platform.calls.append((request.at, "edit", LaneId("", 0, ""), request.status))


def _make_surface(server: SlackServer, api: Api, at: Workspace, number: int) -> SlackSurface:
    world = server.world
    channel = world.add_channel(at.id, f"hall{number}")
    world.put(parent := Message(channel.id, world.ts(), at.bot_user, world.now(), "board", bot_id=at.bot_id))
    spot = Address(at.id, "", channel.id, parent.ts, "U1", f"n{number}")
    return SlackSurface(api, at, spot, run="run", words=WordFilter([]), reads_history=False)


def _make_budget(name: str, started: float) -> Budget:
    """Return the budget as it is once the process has run for a while."""
    made = slack_budget(name, started)
    assert isinstance(made, SlidingWindow)
    return SlidingWindow(made.limit, made.window_s, at_once=1 if "chat.update" in name else math.inf)


async def time_commands(count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds from a command to its acknowledgement and to its board.

    First come commands one after the other until `count` runs go on, then as many at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with open_workspace() as (server, team):
            settings, limits = make_settings(server, team), LimitSettings(**FEW_PEOPLE)
            async with serve_app(server, team, Path(folder) / "moot.db", settings, lines=TALK, limits=limits):
                ann = next(user.id for user in server.world.users.values() if user.name == "ann")
                rooms = [server.world.add_channel(team.id, f"room{k}", [ann]).id for k in range(count)]
                one_by_one = _Times()
                for room in rooms:
                    one_by_one.add(*await _time_command(server, ann, room, 0))
                at_once = _Times()
                for times in await asyncio.gather(*(_time_command(server, ann, room, 1) for room in rooms)):
                    at_once.add(*times)
                return one_by_one.summarise(), at_once.summarise()


class _Times:
    """The times of several commands, in seconds."""

    def __init__(self) -> None:
        self._acknowledged: list[float] = []
        self._visible: list[float] = []

    def add(self, acknowledged_s: float, visible_s: float) -> None:
        self._acknowledged.append(acknowledged_s)
        self._visible.append(visible_s)

    def summarise(self) -> dict[str, float]:
        """Return the figures of these times; the 99th percentile of so few is their longest."""
        return {
            "acknowledged_p99_s": max(self._acknowledged),
            "visible_median_s": median(self._visible),
            "visible_max_s": max(self._visible),
        }


async def _time_command(server: SlackServer, user: str, room: str, nth: int) -> tuple[float, float]:
    """Send a command; return the seconds to its acknowledgement and to the nth message of the room."""
    done = await (await server.people.command(user, room, "/compare", "tabs?"))
    assert done.acknowledged_after_s is not None
    return done.acknowledged_after_s, await _wait_for_message(server, room, nth) - done.attempts[0]


async def _wait_for_message(server: SlackServer, room: str, nth: int) -> float:
    """Wait for the nth message of a channel; return the loop time at which it was posted."""
    await wait_until(lambda: len(server.world.messages(room)) > nth)
    return server.world.messages(room)[nth].at


if __name__ == "__main__":
    sys.exit(report.run_benchmark("slack", measure, as_json=report.make_parser(__doc__).parse_args().json))
