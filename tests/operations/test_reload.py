"""Settings read again by a real process: what is taken over, what is not, and that a wrong file changes nothing."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.servers.model_server import answer
from tests.support.command_line import run_moot
from tests.support.processes import open_town

CHANGED = """
[models.third]
litellm = "hosted_vllm/claude"
name = "Third"
api_base = "{url}/third"
[panels.default]
seats = ["gpt", "third"]
[servers.default]
words = ["milk*"]
[restart]
grace_s = 1.0
"""


async def test_what_may_change_is_taken_over_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    async with open_town(tmp_path) as town:
        town.change_settings(panels={})  # they are in the file
        file = tmp_path / "moot.toml"
        file.write_text('[panels.default]\nseats = ["claude", "gpt"]\n')
        await town.start()
        assert await town.run_command("reload") == (0, "Nothing has changed.\n")

        town.script_model("third", answer("Third ", "speaks."))
        file.write_text(CHANGED.format(url=town.models.url))
        told = (
            "Taken over: models, panels, servers. Runs that go on keep their seats. "
            "Not taken over, as it needs a restart: restart.\n"
        )
        assert await town.run_command("reload") == (0, told)
        assert "milk" in (await town.read_refusal()).casefold()  # it asks for milk
        await town.ask()
        await town.wait_for_texts("GPT speaks.", "Third speaks.")

        file.write_text('[panels.default]\nseats = ["claude", "gpt"]\n[limits]\nruns = "many"\n')
        status, said = await town.run_command("reload")
        assert status == 2
        assert said.startswith("moot.toml: limits.runs: ")
        assert town.process is not None
        town.process.send_signal(signal.SIGHUP)  # as whoever does not look first
        await asyncio.sleep(0.1)
        assert "milk" in (await town.read_refusal()).casefold()
        file.unlink()
        assert await town.end(signal.SIGTERM) == 0


def test_without_a_bot_there_is_nothing_to_reload(tmp_path: Path) -> None:
    ended = run_moot("reload", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("No bot runs on moot.db, so there is nothing to reload")
    assert list(tmp_path.iterdir()) == []
