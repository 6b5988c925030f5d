"""Checks of what can be wrong before the first run, as data: run together, with findings of one form.

Each room knows what can be wrong in it (`bot/models/doctor.py`, `storage/doctor.py`, `doctor.py` of each platform's
adapter), and reports it as findings; `bot/cli/doctor.py` puts the checks together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Literal

State = Literal["ok", "warning", "broken"]

_MAX_PARALLEL = 4
_CHECK_TIMEOUT_S = 60.0  # each check has shorter deadlines of its own
_MAX_SKEW_S = 30.0  # snowflakes carry the platform's time, and signed requests expire


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report: what was looked at, its state, what that means for people, and what to do.

    A finding never holds a secret.
    """

    what: str
    state: State
    meaning: str
    remedy: str = ""
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check of one thing: `run` returns findings for all that can go wrong.

    An error that it raises all the same is a fault of Moot, and is reported as one.
    """

    what: str
    run: Callable[[], Awaitable[Sequence[Finding]]]


async def run_checks(checks: Iterable[Check]) -> list[Finding]:
    """Run the checks, four at once and none for more than a minute; return all findings in the order of the checks."""
    limit = asyncio.Semaphore(_MAX_PARALLEL)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run_check(check, limit)) for check in checks]
    return [finding for task in tasks for finding in task.result()]


async def _run_check(check: Check, limit: asyncio.Semaphore) -> Sequence[Finding]:
    try:
        async with limit, asyncio.timeout(_CHECK_TIMEOUT_S):
            return await check.run()
    except TimeoutError:
        return [Finding(check.what, "broken", f"no answer in {_CHECK_TIMEOUT_S:.0f} s", "Try again.")]
    except Exception as error:  # only its type is reported, as its text may quote a secret
        fault = f"the check itself failed ({type(error).__name__})"
        return [Finding(check.what, "broken", fault, "This is a fault of Moot: please report it.")]


def as_warning(finding: Finding) -> Finding:
    """Lower a broken finding to a warning, for something that nothing needs."""
    return replace(finding, state="warning") if finding.state == "broken" else finding


def list_settings_mistakes(mistakes: str) -> list[Finding]:
    """Return a finding for each line of a Misconfigured; without settings nothing else can be checked."""
    lines = [line for line in mistakes.splitlines() if line.strip()]
    return [Finding("settings", "broken", line, "Correct it; moot.example.toml shows it.") for line in lines]


def check_clock(date: str | None, now: float) -> list[Finding]:
    """Compare this machine's clock with the `Date` header of a response that arrived at `now` (wall seconds).

    Return no finding where the header is missing or cannot be read.
    """
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return []
    ahead = now - there
    off = f"{_in_words(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) <= _MAX_SKEW_S:
        return [Finding("clock", "ok", "right to within 30 s")]
    wrong = f"this machine's clock is {off}: times, deadlines and signatures are wrong"
    return [Finding("clock", "broken", wrong, "Set the clock, and keep it right with NTP.")]


def _in_words(seconds: float) -> str:
    """Return a length of time in the largest unit of which it has two."""
    for unit, unit_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Return True where no finding is broken."""
    return all(finding.state != "broken" for finding in findings)


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    """Return {"ok": bool, "findings": [{"what", "state", "meaning", "remedy", "latency_s": seconds or null}, …]}."""
    rows = [
        {"what": f.what, "state": f.state, "meaning": f.meaning, "remedy": f.remedy, "latency_s": f.latency_s}
        for f in findings
    ]
    return {"ok": is_healthy(findings), "findings": rows}
