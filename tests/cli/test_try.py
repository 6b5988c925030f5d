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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.cli import core as wiring
from bot.engine.trace import EventsFile
from bot.errors import Refused
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse

SEATS = ("ada", "bob", "cyd")
Event = dict[str, Any]


def configure(server: ModelServer) -> None:
    """A panel of three seats, each with an endpoint of its own on the server."""
    models = "".join(
        f'[models.{s}]\nlitellm = "hosted_vllm/{s}"\nname = "{s.capitalize()}"\napi_base = "{server.url}/{s}"\n'
        for s in SEATS
    )
    Path("moot.toml").write_text(
        f'{models}[panels.default]\nseats = ["ada", "bob", "cyd"]\n[retries]\nbase_s = 0.001\ncap_s = 0.001\n'
    )


def tell(server: ModelServer, seat: str, *replies: Reply) -> None:
    server.tell(*replies, path=f"/{seat}/chat/completions")


def all_say(server: ModelServer, *replies: Reply) -> None:
    """That panel, each seat of which says this."""
    configure(server)
    for seat in SEATS:
        tell(server, seat, *replies)


def events() -> list[Event]:
    return [json.loads(line) for line in Path("events.jsonl").read_text("utf-8").splitlines()]


def ends() -> list[str]:
    """Stage and seat of each turn that has ended."""
    return [f"{e['stage']} {e['seat']}" for e in events() if e.get("fact") == "TurnEnded"]


async def council(server: ModelServer, form: str = "council") -> int:
    return await wiring.try_once(form, {"question": "Tabs or spaces?"}, Path("events.jsonl"))


Act = Callable[[ModelServer], Any]


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], Any]:
    """Runs `act` with a server, in an empty directory, and checks that it leaves no task, thread or socket."""
    monkeypatch.chdir(tmp_path)

    def play(act: Act) -> Any:
        async def main() -> Any:
            async with ModelServer() as server:
                result = await act(server)
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

        threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
        result = asyncio.run(main())
        gc.collect()
        assert set(threading.enumerate()) - threads == set()
        assert len(psutil.Process().net_connections()) == sockets
        return result

    return play


RANKING = answer("FINAL RANKING:\n1. A\n2. B\n3. C")


def test_a_council_from_end_to_end(played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]) -> None:
    async def act(server: ModelServer) -> int:
        configure(server)
        for seat in SEATS:
            tell(server, seat, answer(f"**{seat}** ", "thinks", " so.", gap_s=0.01), RANKING, answer("In sum: yes."))
        return await council(server)

    assert played(act) == 0
    out = capsys.readouterr().out
    for told in (
        "Ada",
        "thinks so.",
        "Reviews",
        "Standings",
        "3 ballots, 0 abstained",
        "In sum: yes.",
        "Top-ranked original",
    ):
        assert told in out
    facts = [e for e in events() if e["type"] == "fact"]
    assert [f["seq"] for f in facts] == list(range(1, len(facts) + 1))
    assert Counter(f["stage"] for f in facts if f["fact"] == "TurnEnded") == {"answer": 3, "review": 3, "synthesis": 1}


def test_a_pipeline_runs_its_steps_in_order(played: Callable[[Act], Any]) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, answer("some ", "text"))
        return await wiring.try_once("pipeline", {"question": "Tabs?", "pipeline": "refine"}, Path("events.jsonl"))

    assert played(act) == 0
    assert ends() == ["draft ada", "critique bob", "rewrite ada"]


def test_who_was_who_is_told_at_the_end_of_a_blind_run(
    played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, answer("some ", "text"))
        options = {"question": "Tabs?", "reveal": "demand", "blind": "yes", "guess": "yes"}
        return await wiring.try_once("compare", options, Path("events.jsonl"))

    assert played(act) == 0
    out = capsys.readouterr().out
    assert out.count("some text") == 3  # nobody has asked for it: the end shows it
    assert "(was Speaker A)" in out
    board = out[out.index("compare of") :]
    assert all(f"was {seat.capitalize()}" in board for seat in SEATS)


def test_a_debate_is_held_as_it_was_asked_for(played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, answer("some ", "text"))
        given = {"question": "Tabs?", "form": "turns", "rounds": "1", "positions": "tabs; spaces", "models": "cyd, ada"}
        return await wiring.try_once("debate", given, Path("events.jsonl"))

    assert played(act) == 0
    out = capsys.readouterr().out
    assert all(told in out for told in ("Cyd (tabs) · opening", "Ada (spaces) · opening", "Verdict · Cyd"))
    assert out.index("Verdict · Cyd") < out.index("== Result ==")
    assert ends() == ["opening cyd", "opening ada", "verdict judge", "scores judge", "scores judge"]


def test_a_pipeline_from_a_file_and_a_summary_of_it(
    played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, answer("some ", "text"))
        Path("mine.toml").write_text('[steps.only]\nprompt = "Do it."\nseats = 2\n')
        assert await wiring.try_once("pipeline", {"question": "Tabs?", "pipeline": "mine.toml"}) == 0
        capsys.readouterr()
        await wiring.show_runs()
        [run] = re.findall(r"\b[2-9a-z]{8}\b(?=.*pipeline)", capsys.readouterr().out)
        return await wiring.summarise_run(run)

    assert played(act) == 0
    out = capsys.readouterr().out
    assert "Summarise this pipeline: Tabs?" in out
    assert "some text" in out


def test_the_events_are_what_the_server_wrote(played: Callable[[Act], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[EventsFile] = []

    class Remembered(EventsFile):
        def __enter__(self) -> Remembered:
            files.append(self)
            return self

    monkeypatch.setattr(wiring, "EventsFile", Remembered)

    async def act(server: ModelServer) -> ModelServer:
        configure(server)
        for n, seat in enumerate(SEATS, 1):
            tell(server, seat, answer(*(f"{seat} {i} " for i in range(4 * n)), gap_s=0.005))
        assert await council(server, "compare") == 0
        return server

    server = played(act)
    told, [began] = events(), [f.began for f in files]
    deltas: defaultdict[str, list[Event]] = defaultdict(list)
    shown: defaultdict[str, list[Event]] = defaultdict(list)
    for event in told:
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
    requests = Counter(e["turn"] for e in told if e["type"] == "request")
    assert all(requests[turn] == len(shown[turn]) for turn in shown)


def test_seats_speak_at_the_same_time(played: Callable[[Act], Any]) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, answer(*["word "] * 20, gap_s=0.01))
        return await council(server, "compare")

    assert played(act) == 0
    spans = defaultdict(list)
    for event in events():
        if event["type"] == "delta":
            spans[event["turn"]].append(event["t"])
    assert max(min(ts) for ts in spans.values()) < min(max(ts) for ts in spans.values())


def test_a_failing_seat_is_told_of_and_the_run_goes_on(
    played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(server: ModelServer) -> int:
        configure(server)
        tell(server, "ada", error(401, "bad key sk-12345"))
        tell(server, "bob", Reply(sse(chunk("half an "), chunk("answer")), then="reset"))
        tell(server, "cyd", error(429, headers={"retry-after": "0"}), error(500), answer("fine"))
        return await council(server, "compare")

    assert played(act) == 0
    out = capsys.readouterr().out
    assert "half an answer" in out
    assert "fine" in out
    assert "1 of 3 answered" in out  # one refused, and one was cut off
    assert "Missing or cut short: Ada's answer (" in out
    assert "sk-12345" not in out
    assert {e["kind"] for e in failures()} == {"key", "broken_off"}


def failures() -> list[Event]:
    return [e["failure"] for e in events() if e.get("fact") == "TurnEnded" and e["failure"]]


def test_when_everybody_fails_it_ends_with_1_and_one_line(
    played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(server: ModelServer) -> int:
        all_say(server, error(404))
        return await council(server)

    assert played(act) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


async def when_spoken(then: Callable[[], None]) -> None:
    """Calls `then` once each seat has been heard."""
    while not Path("events.jsonl").exists() or len({e["turn"] for e in events() if e["type"] == "delta"}) < len(SEATS):
        await asyncio.sleep(0.01)  # what is waited for is a file
    then()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_once_stops_and_keeps_what_is_there(
    played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(server: ModelServer) -> int:
        configure(server)
        for seat in SEATS:
            tell(server, seat, Reply(sse(chunk(f"{seat} began")), then="hang"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(when_spoken(interrupt))
            return await tasks.create_task(council(server))

    assert played(act) == 0
    out = capsys.readouterr().out
    assert "ada began" in out
    assert "stopped" in out
    assert {e["finish"] for e in events() if e.get("fact") == "TurnEnded"} == {"stopped"}


def test_ctrl_c_twice_leaves_at_once(played: Callable[[Act], Any]) -> None:
    async def act(server: ModelServer) -> None:
        all_say(server, Reply(sse(chunk("on and on ")), gap_s=0.01, then="repeat"))
        run = asyncio.create_task(council(server))

        def twice() -> None:
            interrupt()
            interrupt()

        await when_spoken(twice)
        with pytest.raises(asyncio.CancelledError):
            await run

    played(act)


def test_a_thread_can_be_printed_again(played: Callable[[Act], Any], capsys: pytest.CaptureFixture[str]) -> None:
    async def act(server: ModelServer) -> None:
        configure(server)
        for seat in SEATS:
            tell(server, seat, answer(f"{seat} says no"), RANKING, answer("In sum: no."))
        await council(server)
        capsys.readouterr()
        assert await wiring.show_runs() == 0
        listed = capsys.readouterr().out
        assert "Tabs or spaces?" in listed
        run = next(e["seq"] for e in events())
        assert run == 1
        name = next(
            word for line in listed.splitlines() if "council" in line for word in line.split() if len(word) == 8
        )
        assert await wiring.show_run(name) == 0
        with pytest.raises(Refused, match="There is no run"):
            await wiring.show_run("nonesuch")

    played(act)
    out = capsys.readouterr().out
    order = [out.index(s) for s in ("Tabs or spaces?", "ada says no", "Reviews", "Standings", "Synthesis", "Result")]
    assert order == sorted(order)


@pytest.mark.parametrize("question", ["", "   ", "x" * 100_000])
def test_a_question_that_cannot_be_is_refused(played: Callable[[Act], Any], question: str) -> None:
    async def act(server: ModelServer) -> None:
        configure(server)
        with pytest.raises(Refused):
            await wiring.try_once("compare", {"question": question})

    played(act)
