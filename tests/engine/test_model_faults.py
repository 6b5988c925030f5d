"""Every fault of a model at every stage of a run: the real litellm, and servers on this machine that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace

import psutil
import pytest
from aiohttp.test_utils import unused_port

from bot.domain.asks import Ask
from bot.domain.run import Finish, Seat, TurnId
from bot.domain.spending import Payer
from bot.domain.transcript import Transcript
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.models.deltas import Delta
from bot.models.errors import Kind
from bot.models.rate_limits import RateLimit
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse
from tests.support.debates import make_scores
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start

NOBODY = f"http://127.0.0.1:{unused_port()}"
ANSWER_CHARS = 4_000
AT_ONCE = RetrySettings(tries=3, base_s=0.001, cap_s=0.001)
NUMBERS = [" ".join(map(str, range(n, n + 50))) for n in range(0, 500_000, 50)]


USUAL = DeadlineSettings()
SOON = DeadlineSettings(first_token_timeout_s=0.2)
BRIEF = DeadlineSettings(idle_timeout_s=0.2)
SHORT = DeadlineSettings(total_timeout_s=0.5)


@dataclass(frozen=True)
class Fault:
    """A fault of a model, and how a turn ends by it.

    `reply` None: nobody listens. `kept`: how many characters the turn keeps; None: some.
    """

    reply: Reply | None
    finish: Finish
    kind: Kind | None = None
    kept: int | None = 0
    deadlines: DeadlineSettings = USUAL


HALF = sse(chunk("half "), chunk("an answer"))
KEPT = len("half an answer")
WRONG = tuple(piece.replace(b"\\u00e9", b"\xe9") for piece in answer("caf\u00e9").pieces)

FAULTS: Mapping[str, Fault] = {
    "refused": Fault(None, "failed", "unreachable"),
    "400": Fault(error(400), "failed", "other"),
    "401": Fault(error(401), "failed", "key"),
    "402": Fault(error(402), "failed", "billing"),
    "403": Fault(error(403), "failed", "key"),
    "404": Fault(error(404), "failed", "not_found"),
    "408": Fault(error(408), "failed", "unreachable"),
    "413": Fault(error(413), "failed", "window"),
    "429": Fault(error(429), "failed", "rate_limit"),
    "429 after 0 s": Fault(error(429, headers={"Retry-After": "0"}), "failed", "rate_limit"),
    "429 after an hour": Fault(error(429, headers={"Retry-After": "3600"}), "failed", "rate_limit"),
    **{str(status): Fault(error(status), "failed", "unreachable") for status in (500, 501, 502, 503, 504, 529)},
    "reset at once": Fault(Reply(then="reset"), "failed", "unreachable"),
    "reset in the middle": Fault(Reply(HALF, then="reset"), "failed", "broken_off", KEPT),
    "stall at once": Fault(Reply(then="hang"), "failed", "stalled", deadlines=SOON),
    "stall in the middle": Fault(Reply(HALF, then="hang"), "failed", "stalled", KEPT, BRIEF),
    "slow drip": Fault(Reply(sse(*map(chunk, NUMBERS[:9])), gap_s=0.2, then="hang"), "failed", "stalled", None, SHORT),
    "drip of nothing": Fault(Reply(sse(chunk("")), gap_s=0.01, then="repeat"), "failed", "stalled", deadlines=SOON),
    "garbage": Fault(Reply((b"\x00\xff<!>", b"\n\n{]")), "failed", "not_found"),
    "garbage in the middle": Fault(Reply((*HALF, b"data: {not json\n\n", b"!\n\n")), "failed", "broken_off", KEPT),
    "nothing": Fault(Reply(), "failed", "broken_off"),
    "an empty answer": Fault(answer(""), "failed", "no_text"),
    "endless": Fault(Reply(sse(*map(chunk, NUMBERS[:200])), then="hang"), "length", None, ANSWER_CHARS),
    "endless thinking": Fault(
        Reply(sse(*(chunk(reasoning_content=n) for n in NUMBERS[:200])), then="hang"), "failed", "no_text"
    ),
    "repetition": Fault(Reply(sse(chunk("And so on, and so on. ")), then="repeat"), "repeated", None, None),
    "wrong encoding": Fault(Reply(WRONG), "done", None, 4),
    "10 MB in one chunk": Fault(answer(" ".join(NUMBERS) * 4), "length", None, ANSWER_CHARS),
}
RUNS = {name: f"run{n}" for n, name in enumerate(FAULTS)}

RANKING = answer("FINAL RANKING:\n1. A\n2. B\n3. C")
VERDICT, SCORES = answer("Weighed.\nVERDICT: Ada, by a hair."), answer(make_scores("Ada", "Ada", "Bob", "Cyd"))


@dataclass(frozen=True)
class Stage:
    """A stage of a run, and how often its seat answers well (`before`) until it fails for ever."""

    form: str
    seat: str
    turn: TurnId
    outcome: str
    before: int = 0


STAGES = {
    "an answer": Stage("council", "bob", TurnId("answer", 1, "bob"), "synthesised"),
    "a ballot": Stage("council", "bob", TurnId("review", 1, "bob"), "synthesised", before=1),
    "the chair": Stage("council", "chair", TurnId("synthesis", 1, "chair"), "synthesised"),
    "a debate's turn": Stage("debate", "bob", TurnId("opening", 1, "bob"), "judged"),
    "the judge": Stage("debate", "judge", TurnId("verdict", 1, "judge"), "judged"),
}
WELL: Mapping[str, Mapping[str, Sequence[Reply]]] = {
    "council": {seat: (answer(f"{seat} answers."), RANKING) for seat in ("ada", "bob", "cyd")},
    "debate": dict.fromkeys(("judge", "chair"), (VERDICT, SCORES)),
}


SEATS = ("ada", "bob", "cyd", "chair", "judge")


def has_free_place(speaker: Speaker) -> bool:
    gate = speaker._gates._gates["m"]
    gate.join(another := gate.draw("another run", "M", RateLimit(None, None)))
    return another.charge is not None


class FaultySpeaker:
    """The speaker of one run: all turns go well, but for the seat of `stage` once it has spoken `before` times."""

    def __init__(self, run: str, stage: Stage, fault: Fault, server: ModelServer, well: Speaker) -> None:
        base = f"{server.url if fault.reply else NOBODY}/{run}/faulty"
        model = Model("m", "hosted_vllm/m", "M", "m", api_base=base, concurrency=1)
        self.faulty = Speaker({"m": model}, fault.deadlines, AT_ONCE, answer_chars=ANSWER_CHARS)
        self._run = run
        self._stage = stage
        self._well = well
        self._asked = 0

    def open_circuits(self) -> Mapping[str, float]:
        return {}

    def speak(self, seat: Seat, ask: Ask, payer: Payer) -> AsyncGenerator[Delta, None]:
        self._asked += seat.key == self._stage.seat
        if seat.key == self._stage.seat and self._asked > self._stage.before:
            return self.faulty.speak(replace(seat, model="m"), ask)
        return self._well.speak(replace(seat, model=f"{self._run}/{seat.key}"), ask)


async def play_faults(stage: Stage) -> dict[str, Transcript]:
    """Conduct a run for each fault; check that no request is left at a provider, and no task."""
    now = asyncio.get_running_loop().time
    async with ModelServer() as server, Scheduler(Budgets(lambda *_: TokenBucket(1000, 1000), now())) as scheduler:
        models = {f"{run}/{key}": f"{server.url}/{run}/{key}" for run in RUNS.values() for key in SEATS}
        made = [Model(key, "hosted_vllm/m", key, key, api_base=base) for key, base in models.items()]
        well = Speaker({model.key: model for model in made}, DeadlineSettings(), AT_ONCE)
        store = MemoryStore(now)

        async def one(run: str, fault: Fault) -> Transcript:
            speakers = FaultySpeaker(run, stage, fault, server, well)
            for key in SEATS:
                replies = WELL[stage.form].get(key, (answer(f"{key} speaks."),))
                server.tell(*replies, path=f"/{run}/{key}/chat/completions")
            if fault.reply is not None:
                server.tell(fault.reply, path=f"/{run}/faulty/chat/completions")
            await store.append(run, [make_start(stage.form, rounds=1)])
            async with RunSupervisor(
                store=store, speaker=speakers, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test"
            ) as supervisor:
                await supervisor.begin(run, FORMATS[stage.form], [Place(Platform(round_trip_s=0.0))])
                t = await supervisor.wait_until_finished(run)
            assert has_free_place(speakers.faulty), "its place with the provider is free again"
            return t

        try:
            await well.warm_up()
            found = [await one(run, FAULTS[name]) for name, run in RUNS.items()]
        finally:
            await well.aclose()
        assert all(seen.ended_at for seen in server.log)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return dict(zip(RUNS, found, strict=True))


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_a_fault_touches_its_turn_and_every_run_comes_to_its_end(stage: Stage) -> None:
    sockets = len(psutil.Process().net_connections())
    for name, t in asyncio.run(play_faults(stage)).items():
        fault, ended = FAULTS[name], t.turns[stage.turn].ended
        assert ended is not None
        assert (ended.finish, ended.failure and ended.failure.kind) == (fault.finish, fault.kind), name
        assert fault.kept in (None, len(ended.text)), name
        assert all(turn.ended for turn in t.turns.values()), name
        others = {turn.ended.finish for i, turn in t.turns.items() if i.seat != stage.seat and turn.ended}
        assert others == {"done"}, name
        assert t.finished is not None
        assert t.finished.outcome == stage.outcome, name
    assert len(psutil.Process().net_connections()) == sockets
