"""Runs with models that servers on this machine list under any id, when nothing is configured."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from bot.cli.show import show_run, show_runs
from bot.cli.try_run import try_once
from bot.models import local
from tests.servers.model_server import ModelServer, answer, model_list

ODD = {
    "slash": "qwen/qwen3-4b",
    "many slashes": "/models/org/Llama-3.1-8B-Instruct",
    "ends in a slash": "org/",
    "colon": "qwen3:4b",
    "number behind a colon": "qwen3:2",
    "at": "hf.co/unsloth/gemma@q4_0",
    "space": "My Model (4 bit)",
    "unicode": "模型/通义千问",
    "emoji": "🦙",
    "markup": "[bold]llama[/bold]",
    "quotes": """it's "fine" \\ so""",
    "percent": "a%2Fb%s{x}",
    "200 characters": "/home/me/" + "very-long-folder/" * 11 + "m.gguf",
}


@pytest.mark.parametrize("ids", [*([odd] for odd in ODD.values()), list(ODD.values())[:3]], ids=[*ODD, "three"])
async def test_a_council_of_found_models_runs_to_its_end(
    ids: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelServer() as server:
        port = int(server.url.rpartition(":")[2])
        monkeypatch.setattr(local, "discover_servers", partial(local.discover_servers, [port]))
        server.tell(model_list(*ids), path="/v1/models")
        server.tell(answer("Tabs.\n\nFINAL RANKING:\n1. A\n2. B\n3. C"))
        assert await try_once("council", {"question": "Tabs or spaces?"}, Path("events.jsonl")) == 0
        asked = {request.body["model"] for request in server.log if request.path.endswith("/completions")}
    assert asked == set(ids), "each server is asked by its own id"
    events = [json.loads(line) for line in Path("events.jsonl").read_text("utf-8").splitlines()]
    ended = [e for e in events if e.get("fact") == "TurnEnded" and e["stage"] == "answer"]
    assert len({e["seat"] for e in ended}) == 3
    capsys.readouterr()
    await show_runs()
    [run] = re.findall(r"\b[2-9a-z]{8}\b(?=.*council)", capsys.readouterr().out)
    assert await show_run(run) == 0
    assert "Tabs." in capsys.readouterr().out
