"""The server as a process of its own, `python -m tests.servers.discord`: it runs until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tests.servers.discord.limits import Limits, Rule
from tests.servers.discord.server import SPEC, DiscordServer


async def serve(port: int, limits: Limits, token: str, validated: bool) -> None:
    async with DiscordServer(limits, token=token, port=port, contract=SPEC if validated else None) as server:
        urls = {"api_base": server.api_base, "gateway_url": server.gateway_url, "origin": server.origin}
        print(json.dumps({**urls, "token": token, "contract": server.contract is not None}), flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()


def _rule(text: str) -> tuple[str, Rule]:
    name, _, rest = text.partition("=")
    calls, _, window = rest.partition("/")
    return name, Rule(int(calls), float(window))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="test-token")
    parser.add_argument("--limit", type=_rule, action="append", default=[], metavar="BUCKET=CALLS/SECONDS")
    parser.add_argument("--no-contract", action="store_true", help="do not validate requests: saves their CPU time")
    given = parser.parse_args(arguments)
    asyncio.run(serve(given.port, Limits(dict(given.limit)), given.token, not given.no_contract))


if __name__ == "__main__":
    main(sys.argv[1:])
