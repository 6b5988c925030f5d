"""What the row of a run repeats of its facts, so that lists need not read those. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.facts import (
    Archived,
    AskLater,
    CaughtUp,
    Deleted,
    Named,
    OutcomeAsked,
    OutcomeMarked,
    Restored,
    RunFinished,
    RunStarted,
    SetAside,
)
from bot.domain.transcript import SET_ASIDE


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a run, as its row says; a run that is not stored yet has none."""

    epoch: int
    seq: int
    started_at: float
    server: str | None = None
    format: str | None = None
    question: str | None = None
    outcome: str | None = None
    finished_at: float | None = None
    deleted_at: float | None = None
    caught_up_at: float | None = None
    by: str | None = None
    channel: str | None = None
    panel: str | None = None
    name: str | None = None
    archived_at: float | None = None
    ask_at: float | None = None
    owner: str | None = None

    @property
    def is_erased(self) -> bool:
        """Return whether the run's texts are gone, or going: then nothing is stored of it any more."""
        return self.deleted_at is not None and self.seq == 0

    def after(self, seq: int, at: float, kind: str, data: Mapping[str, Any]) -> Head:
        """Return the head with one more fact. As in `fold`, the first start and the first end count."""
        head = replace(self, seq=seq)
        match kind:
            case RunStarted.__name__ if head.server is None:
                where = {"server": data["server"], "channel": data["channel"], "panel": data["panel_name"]}
                return replace(head, **where, by=data["by"], format=data["format"], question=data["question"])
            case RunFinished.__name__ if head.finished_at is None:
                return replace(head, outcome=data["outcome"], finished_at=at)
            case SetAside.__name__ if head.finished_at is None:
                return replace(head, outcome=SET_ASIDE, finished_at=at)
            case Named.__name__:
                return replace(head, name=data["text"] or None)
            case Archived.__name__:
                return replace(head, archived_at=at)
            case Restored.__name__:
                return replace(head, archived_at=None)
            case AskLater.__name__:
                return replace(head, ask_at=data["at"])
            case OutcomeMarked.__name__ if data["mark"] != "done":
                return replace(head, ask_at=None)  # it is known
            case OutcomeAsked.__name__:
                return replace(head, ask_at=None, caught_up_at=None)  # the question is to be shown
            case Deleted.__name__:
                return replace(head, deleted_at=at)
            case CaughtUp.__name__:
                return replace(head, caught_up_at=at, owner=None)
        return head
