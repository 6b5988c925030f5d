"""The server as a process of its own: `python -m tests.servers.slack --port 0`.

Its first line of output gives its addresses as JSON. It ends on SIGINT or SIGTERM, with status 1 when calls broke
Slack's contract.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tests.servers.slack.server import SlackServer


async def serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with SlackServer(port) as server:
        app = server.world.app
        urls = {"url": server.url, "api_base": server.api_base, "control": f"{server.url}/_test/"}
        secrets = {"app_token": app.app_token, "signing_secret": app.signing_secret}
        sys.stdout.write(json.dumps(urls | secrets | {"contract": server.contract is not None}) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    asyncio.run(serve(parser.parse_args().port))
