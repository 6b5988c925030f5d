"""Errors inside our own client: said as ours, asked once, and no other model of the provider is kept away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.run import Seat
from bot.models import client, retries
from bot.models.errors import ProviderError
from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, answer
from tests.support.answers import ASK, AT_ONCE, SEAT, hear, make_model, open_speaker

BUGS: list[tuple[Exception, str]] = [
    (ModuleNotFoundError("No module named 'mcp'"), "No module named 'mcp'"),
    (ImportError("cannot import name 'x'"), "cannot import name 'x'"),
    (AssertionError(), "AssertionError"),
    (TypeError("f() takes 1 argument"), "f() takes 1 argument"),
    (AttributeError("no attribute 'x'"), "no attribute 'x'"),
    (NameError("name 'x' is not defined"), "name 'x' is not defined"),
    (KeyError("x"), "x"),
    (IndexError("out of range"), "out of range"),
    (ValueError("bad"), "bad"),
    (ZeroDivisionError("division by zero"), "division by zero"),
    (NotImplementedError(), "NotImplementedError"),
    (RuntimeError("no loop"), "no loop"),
]


@pytest.mark.parametrize(("bug", "told"), BUGS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("where", ["openai", "hosted_vllm"])
async def test_a_bug_before_the_answer_is_ours(
    where: str, bug: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug is raised in litellm's transport, so that litellm wraps it in an error of its own."""
    calls = 0

    async def fail(*_: object, **__: object) -> Any:
        nonlocal calls
        calls += 1
        raise bug

    async with ModelServer() as server:
        server.tell(answer("well"))
        broken, well = make_model(server.url, where), replace(make_model(server.url, where), key="w")
        async with open_speaker(broken, well, retries=AT_ONCE) as made:
            with monkeypatch.context() as patch:
                patch.setattr("litellm.acompletion", fail)
                for n in range(6):
                    heard = await hear(made.speak(SEAT, ASK))
                    assert heard.error is not None
                    assert heard.error.kind == "ours"
                    assert heard.error.text.startswith("Moot's own client failed, not the provider: ")
                    assert told in heard.error.text
                    assert calls == n + 1, "it is not asked again"
            assert made.open_circuits() == {}
            assert (await hear(made.speak(Seat("b", "w", "B"), ASK))).text == "well"


class BrokenReading:
    """A stream whose reader has a bug."""

    def __init__(self, bug: Exception) -> None:
        self._bug = bug
        self._hidden_params: dict[str, Any] = {}

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        raise self._bug

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("bug", [AssertionError("x"), ModuleNotFoundError("x"), NameError("x"), RecursionError("x")])
async def test_a_bug_in_reading_is_ours(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened(_: object) -> Any:
        return BrokenReading(bug)

    async with open_speaker(make_model("http://127.0.0.1:9"), retries=RetrySettings(tries=3)) as made:
        monkeypatch.setattr(client, "open_stream", opened)
        heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert heard.error.kind == "ours"


def test_ours_is_never_tried_again() -> None:
    assert retries.wait_s(ProviderError("ours", "x"), 1, RetrySettings(), 0.5) is None
