"""A provider of models that bills what it does, whatever it tells: the truth that limits are held against."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from aiohttp import web

PIECE = 20  # tokens
Tokens = tuple[str, int, int]  # of which model, read, written


@dataclass(slots=True)
class Provider:
    """A server of chat completions. Some of its calls are refused, break off, or hang, and some report no usage.

    `billed`: what each call, named by the last line of its prompt, has read and written, and of which model.
    """

    random: Random
    billed: defaultdict[str, list[Tokens]] = field(default_factory=lambda: defaultdict(list))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on 127.0.0.1; yield the address."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        text = body["messages"][-1]["content"]
        name = text.rpartition("\n")[2]
        fate = self.random.random()
        if self.random.random() < 0.15:
            return web.json_response({"error": {"message": "no"}}, status=self.random.choice([401, 402, 429, 500, 503]))
        read = (
            int(len(text.split()) * self.random.uniform(0.8, 1.4)) + 8
        )  # other tokenizers read up to 1.4 times as many
        most = body.get("max_tokens", 2_000)
        writes = min(most, self.random.choice([most, int(self.random.expovariate(1 / 60)) + 1]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # whoever has asked is gone
            await self._write(request, response, name, (body["model"], read, writes), fate)
            await self._send(response, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
            if fate < 0.9:
                usage = {"prompt_tokens": read, "completion_tokens": writes, "total_tokens": read + writes}
                await self._send(response, choices=[], usage=usage)
            await response.write(b"data: [DONE]\n\n")
        return response

    async def _write(
        self, request: web.Request, response: web.StreamResponse, name: str, tokens: Tokens, fate: float
    ) -> None:
        """Write an answer of 400 tokens a second, each of which is billed before it is sent."""
        model, read, writes = tokens
        bills = self.billed[name]
        at = len(bills)
        bills.append((model, read, 0))
        for written in (*range(PIECE, writes, PIECE), writes):
            delta = {"content": " word" * (written - bills[at][2])}
            bills[at] = (model, read, written)
            await self._send(response, choices=[{"index": 0, "delta": delta, "finish_reason": None}])
            await asyncio.sleep(PIECE / 400)
            if fate < 0.08 and request.transport is not None:
                request.transport.abort()
            elif fate < 0.10:
                await asyncio.sleep(60.0)

    async def _send(self, response: web.StreamResponse, **fields: object) -> None:
        event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **fields}
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
