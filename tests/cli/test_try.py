"""`moot try` from end to end: the real litellm against a server that speaks the wire, the real store, real events."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.cli import try_run
from bot.cli.show import show_run, show_runs
from bot.cli.try_run import summarise_once, try_once
from bot.engine.trace import EventsFile
from bot.errors import Refused
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse
from tests.support.model_panel import SEATS, tell_every_seat, tell_seat, write_settings
from tests.support.postgres import make_database

EVENTS = Path("events.jsonl")
RANKING = answer("FINAL RANKING:\n1. A\n2. B\n3. C")

Event = dict[str, Any]


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[ModelServer]:
    """Run the models of the panel; after the test, no task, thread or socket is left."""
    threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
    async with ModelServer() as server:
        write_settings(server)
        yield server
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()
    assert set(threading.enumerate()) - threads == set()
    assert len(psutil.Process().net_connections()) == sockets


async def try_format(format: str = "council", **options: str) -> int:
    """Try a format on one question, with the events in a file."""
    return await try_once(format, {"question": "Tabs or spaces?", **options}, EVENTS)


def read_events() -> list[Event]:
    return [json.loads(line) for line in EVENTS.read_text("utf-8").splitlines()]


def turns_that_ended() -> list[str]:
    """Return stage and seat of each turn that has ended, in that order."""
    return [f"{e['stage']} {e['seat']}" for e in read_events() if e.get("fact") == "TurnEnded"]


async def wait_until_all_speak() -> None:
    """Wait until each seat has been heard; the events file is all that tells."""
    while not EVENTS.exists() or len({e["turn"] for e in read_events() if e["type"] == "delta"}) < len(SEATS):
        await asyncio.sleep(0.01)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def test_a_council_from_end_to_end(server: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    for seat in SEATS:
        tell_seat(server, seat, answer(f"**{seat}** ", "thinks", " so.", gap_s=0.01), RANKING, answer("In sum: yes."))
    assert await try_format() == 0
    out = capsys.readouterr().out
    for part in (
        "Ada",
        "thinks so.",
        "Reviews",
        ", then ",
        "The models hardly agreed.",
        "**Chair:** In sum: yes.",
    ):
        assert part in out
    facts = [e for e in read_events() if e["type"] == "fact"]
    assert [f["seq"] for f in facts] == list(range(1, len(facts) + 1))
    assert Counter(f["stage"] for f in facts if f["fact"] == "TurnEnded") == {"answer": 3, "review": 3, "synthesis": 1}


async def test_a_run_is_kept_on_postgresql(
    server: ModelServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_database() as url:
        monkeypatch.setenv("MOOT_STORAGE__URL", url)
        tell_every_seat(server, answer("some ", "text"))
        assert await try_format("compare") == 0
        await show_runs()
        [run] = re.findall(r"\b[2-9a-z]{8}\b(?=.*compare)", capsys.readouterr().out)
        await show_run(run)
        assert capsys.readouterr().out.count("some text") == 3
    assert list(Path().glob("*.db")) == []


async def test_a_pipeline_runs_its_steps_in_order(server: ModelServer) -> None:
    tell_every_seat(server, answer("some ", "text"))
    assert await try_format("pipeline", pipeline="refine") == 0
    assert turns_that_ended() == ["draft ada", "critique bob", "rewrite ada"]


async def test_the_end_of_a_blind_run_names_the_speakers(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_every_seat(server, answer("some ", "text"))
    assert await try_format("compare", reveal="demand", blind="yes", guess="yes") == 0
    out = capsys.readouterr().out
    assert out.count("some text") == 3  # nobody has asked for it: the end shows it
    assert "(was Speaker A)" in out
    assert all(f"was {seat.capitalize()}" in out for seat in SEATS)
    board = out[out.index("comparison of") :]
    assert all(seat.capitalize() in board for seat in SEATS)


async def test_a_debate_is_held_as_it_was_asked_for(server: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    tell_every_seat(server, answer("some ", "text"))
    assert await try_format("debate", form="turns", rounds="1", positions="tabs; spaces", models="cyd, ada") == 0
    out = capsys.readouterr().out
    assert all(part in out for part in ("Cyd (tabs) · opening", "Ada (spaces) · opening", "Verdict · Cyd"))
    assert out.index("Verdict · Cyd") < out.index("== Result ==")
    assert turns_that_ended() == ["opening cyd", "opening ada", "verdict judge", "scores judge", "scores judge"]


async def test_a_pipeline_from_a_file_and_a_summary_of_it(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_every_seat(server, answer("some ", "text"))
    Path("mine.toml").write_text('[steps.only]\nprompt = "Do it."\nseats = 2\n')
    assert await try_format("pipeline", pipeline="mine.toml") == 0
    capsys.readouterr()
    await show_runs()
    [run] = re.findall(r"\b[2-9a-z]{8}\b(?=.*pipeline)", capsys.readouterr().out)
    assert await summarise_once(run) == 0
    out = capsys.readouterr().out
    assert "Summarise this pipeline: Tabs or spaces?" in out
    assert "some text" in out


async def test_the_events_are_what_the_server_wrote(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[EventsFile] = []

    class Remembered(EventsFile):
        def __enter__(self) -> Remembered:
            files.append(self)
            return self

    monkeypatch.setattr(try_run, "EventsFile", Remembered)
    for n, seat in enumerate(SEATS, 1):
        tell_seat(server, seat, answer(*(f"{seat} {i} " for i in range(4 * n)), gap_s=0.005))
    assert await try_format("compare") == 0

    events, [began] = read_events(), [f.began for f in files]
    deltas: defaultdict[str, list[Event]] = defaultdict(list)
    shown: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["type"] in ("delta", "shown"):
            (deltas if event["type"] == "delta" else shown)[event["turn"]].append(event)
    writes: defaultdict[str, list[float]] = defaultdict(list)
    for request in server.log:
        writes[request.path.split("/")[1]] += request.written_at
    for n, seat in enumerate(SEATS, 1):
        turn, text = f"answer/1/{seat}", "".join(f"{seat} {i} " for i in range(4 * n))
        assert [d["chars"] for d in deltas[turn]] == [len(f"{seat} {i} ") for i in range(4 * n)]
        assert all(d["t"] + began >= w for w, d in zip(writes[seat], deltas[turn], strict=False)), (
            "heard before it was said"
        )
        chars = [s["chars"] for s in shown[turn]]
        assert chars == sorted(chars)
        assert chars[-1] == len(text)
        assert [s["final"] for s in shown[turn]] == [False] * (len(chars) - 1) + [True]
        assert all(s["chars"] <= sum(d["chars"] for d in deltas[turn] if d["t"] <= s["t"]) for s in shown[turn]), (
            "nothing is shown before it was said"
        )
    requests = Counter(e["turn"] for e in events if e["type"] == "request")
    assert all(requests[turn] == len(shown[turn]) for turn in shown)


async def test_seats_speak_at_the_same_time(server: ModelServer) -> None:
    tell_every_seat(server, answer(*["word "] * 20, gap_s=0.01))
    assert await try_format("compare") == 0
    spans = defaultdict(list)
    for event in read_events():
        if event["type"] == "delta":
            spans[event["turn"]].append(event["t"])
    assert max(min(ts) for ts in spans.values()) < min(max(ts) for ts in spans.values())


async def test_a_failing_seat_is_reported_and_the_run_goes_on(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_seat(server, "ada", error(401, "bad key sk-12345"))
    tell_seat(server, "bob", Reply(sse(chunk("half an "), chunk("answer")), then="reset"))
    tell_seat(server, "cyd", error(429, headers={"retry-after": "0"}), error(500), answer("fine"))
    assert await try_format("compare") == 0
    out = capsys.readouterr().out
    assert "half an answer" in out
    assert "fine" in out
    assert "1 of 3 answered" in out  # one refused, and one was cut off
    assert "Ada did not finish its answer (" in out
    assert "sk-12345" not in out
    failures = [e["failure"] for e in read_events() if e.get("fact") == "TurnEnded" and e["failure"]]
    assert {failure["kind"] for failure in failures} == {"key", "broken_off"}


async def test_when_every_seat_fails_it_ends_with_1_and_one_line(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_every_seat(server, error(404))
    assert await try_format() == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


async def test_ctrl_c_once_stops_and_keeps_what_is_there(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for seat in SEATS:
        tell_seat(server, seat, Reply(sse(chunk(f"{seat} began")), then="hang"))
    run = asyncio.create_task(try_format())
    await wait_until_all_speak()
    interrupt()
    assert await run == 0
    out = capsys.readouterr().out
    assert "ada began" in out
    assert "stopped" in out
    assert {e["finish"] for e in read_events() if e.get("fact") == "TurnEnded"} == {"stopped"}


async def test_ctrl_c_twice_leaves_at_once(server: ModelServer) -> None:
    tell_every_seat(server, Reply(sse(chunk("on and on ")), gap_s=0.01, then="repeat"))
    run = asyncio.create_task(try_format())
    await wait_until_all_speak()
    interrupt()
    interrupt()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_thread_can_be_printed_again(server: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    for seat in SEATS:
        tell_seat(server, seat, answer(f"{seat} says no"), RANKING, answer("In sum: no."))
    await try_format()
    capsys.readouterr()
    assert await show_runs() == 0
    table = capsys.readouterr().out
    assert "Tabs or spaces?" in table
    assert read_events()[0]["seq"] == 1
    [row] = [line for line in table.splitlines() if "council" in line]
    [run] = [word for word in row.split() if len(word) == 8]
    assert await show_run(run) == 0
    out = capsys.readouterr().out
    order = [out.index(s) for s in ("Tabs or spaces?", "ada says no", "Reviews", "Synthesis", "Result")]
    assert order == sorted(order)


async def test_a_run_that_is_not_there_cannot_be_printed(server: ModelServer) -> None:
    tell_every_seat(server, answer("text"))
    await try_format("compare")
    with pytest.raises(Refused, match="There is no run"):
        await show_run("nonesuch")


@pytest.mark.parametrize("question", ["", "   ", "x" * 100_000])
async def test_a_question_that_cannot_be_is_refused(server: ModelServer, question: str) -> None:
    with pytest.raises(Refused):
        await try_once("compare", {"question": question})
