"""`moot try` tells what a run may cost, and asks first where that is much."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.cli.try_run import try_once
from bot.errors import Refused
from tests.servers.model_server import ModelServer, answer
from tests.support.kept_runs import find_in_files
from tests.support.model_panel import SEATS, tell_every_seat, write_settings

ASKED = {"question": "Tabs or spaces?"}


class Keyboard(io.StringIO):
    """A keyboard at which a line is typed; then it is none any more, as no terminal stands behind it."""

    def isatty(self) -> bool:
        return self.tell() < len(self.getvalue())


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[ModelServer]:
    """Run the models of a panel that costs something."""
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("Tabs."))
        yield server


def set_prices(ask_above_usd: float) -> None:
    prices = {f"models.{seat}": "input_usd_per_mtok = 3.0\noutput_usd_per_mtok = 15.0\n" for seat in SEATS}
    text = Path("moot.toml").read_text("utf-8")
    for table, lines in prices.items():
        text = text.replace(f"[{table}]\n", f"[{table}]\n{lines}")
    Path("moot.toml").write_text(f"{text}[money]\nask_above_usd = {ask_above_usd}\n", "utf-8")


async def test_the_range_stands_above_what_is_said(server: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    set_prices(1.0)
    assert await try_once("compare", ASKED) == 0
    assert capsys.readouterr().out.startswith("Expected to cost about $0.0")


async def test_where_nobody_can_be_asked_a_dear_run_is_refused(server: ModelServer) -> None:
    set_prices(0.001)
    with pytest.raises(Refused, match=r"expected to cost about \$.* raise money\.ask_above_usd"):
        await try_once("compare", ASKED)
    assert server.log == []


@pytest.mark.parametrize("typed", ["n\n", "\n"])
async def test_who_does_not_agree_spends_nothing(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    set_prices(0.001)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    with pytest.raises(Refused, match="Nothing was started, and nothing spent"):
        await try_once("compare", ASKED)
    assert server.log == []
    assert find_in_files(Path("moot.db"), ASKED["question"]) == []


class KeysThatLeave(Keyboard):
    """A keyboard at which Ctrl-C is pressed, or Ctrl-D as nothing is typed."""

    def isatty(self) -> bool:
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # as StringIO itself does
        if self.getvalue() == "Ctrl-C":
            signal.raise_signal(signal.SIGINT)
        return ""


@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
async def test_who_leaves_the_question_by_a_key_starts_nothing_and_leaves_nothing(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    set_prices(0.001)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdin", KeysThatLeave(key))
    with pytest.raises(Refused, match="Nothing was started, and nothing spent"):
        await try_once("compare", ASKED)
    assert server.log == []
    assert find_in_files(Path("moot.db"), ASKED["question"]) == []


async def test_who_agrees_gets_the_run(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_prices(0.001)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    assert await try_once("compare", ASKED) == 0
    assert len(server.log) == len(SEATS)
