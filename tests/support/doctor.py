"""The report of `moot doctor --json` in the working directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from bot.cli.doctor import run_doctor


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its findings by what was checked, the exit status, and all that was printed."""

    findings: dict[str, dict[str, Any]]
    status: int
    text: str


async def ask_doctor(capsys: pytest.CaptureFixture[str], *, spend: bool = True) -> Report:
    """Run the doctor and return its report."""
    capsys.readouterr()
    status = await run_doctor(spend=spend, json_object=True)
    text = capsys.readouterr().out
    printed = json.loads(text)
    assert printed["ok"] == (status == 0)
    return Report({finding["what"]: finding for finding in printed["findings"]}, status, text)
