"""A long run: a debate of many rounds, in Markdown with code as models write it, and how its turns grew."""

from __future__ import annotations

from random import Random

from benchmarks.history.fill import SEATS, draw_words
from bot.domain.facts import CaughtUp, Fact, RunFinished, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import DebateRules, Panel, Rules, Seat, TurnId
from storage import SqlStore

ROUNDS = 16
TURNS = ROUNDS * len(SEATS) + 2  # with the verdict and the scores
FRAMES = 32  # of a turn, as many as a run that is over keeps
CODE = """```python
def migrate(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        if row.version < 2:  # written before
            row = replace(row, version=2, tags=tuple(row.tags or ()))
        yield row
```
"""


async def store_long_run(store: SqlStore, run: str = "long") -> str:
    """Store a debate that is over, of `TURNS` turns of about 2,500 characters each; return its id."""
    dice = Random(50)
    panel = Panel(tuple(Seat(key, key, key.capitalize()) for key in SEATS), judge=Seat("judge", "judge", "Judge"))
    rules = Rules(ROUNDS, debating=DebateRules(watch=False))
    await store.append(run, [RunStarted("debate", "Tabs or spaces?", panel, rules, 7, {}, by="p", server="s")])
    for round_ in range(1, ROUNDS + 1):
        stage = "opening" if round_ == 1 else "closing" if round_ == ROUNDS else "rebuttal"
        await _store_turns(store, run, [TurnId(stage, round_, seat) for seat in SEATS], dice)
    for stage in ("verdict", "scores"):
        await _store_turns(store, run, [TurnId(stage, 1, "judge")], dice)
    await store.append(run, [RunFinished("judged"), CaughtUp()])
    return run


async def _store_turns(store: SqlStore, run: str, turns: list[TurnId], dice: Random) -> None:
    texts = {turn: _write_answer(dice) for turn in turns}
    await store.append(run, [TurnStarted(turn) for turn in turns])
    for n in range(1, FRAMES + 1):
        for turn, text in texts.items():
            await store.snapshot(run, turn, text[: len(text) * n // FRAMES])
    ends: list[Fact] = [TurnEnded(turn, "done", text) for turn, text in texts.items()]
    await store.append(run, ends)


def _write_answer(dice: Random) -> str:
    def words(count: int) -> str:
        return " ".join(draw_words(dice, count))

    parts = [f"## {words(4)}\n\n{words(20)} **{words(2)}** {words(30)} `{words(1)}` {words(25)}." for _ in range(3)]
    points = "\n".join(f"- *{words(2)}*: {words(14)}" for _ in range(5))
    return "\n\n".join((*parts, points, CODE, f"{words(20)} [{words(2)}](https://example.org/{words(1)})."))
