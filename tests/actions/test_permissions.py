"""Permissions of starters, moderators and everybody else."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from bot.actions.permissions import (
    Person,
    count_missing_voices,
    may_steer,
    require_may_edit_panels,
    require_may_start,
    require_may_steer,
    require_moderator,
)
from bot.actions.request import RunRequest
from bot.domain.facts import Interjected, SkipWished
from bot.domain.run import TurnId
from bot.errors import Refused
from bot.settings.platforms import ServerSettings
from tests.support.actions_scene import ActionsScene
from tests.support.transcripts import Play, make_start

ADA = TurnId("answer", 1, "ada")
PAT = Person("pat", "Pat")
MOD = Person("mod", "Mo", moderator=True)
ELDER = Person("eli", "Eli", roles=frozenset({"elders", "77"}))
OPEN = ServerSettings()


def test_everyone_starts_runs_unless_the_server_says_otherwise() -> None:
    require_may_start(PAT, (), OPEN)
    require_may_start(PAT, ("5", "talk"), ServerSettings(channels=["talk"]))
    with pytest.raises(Refused, match="Runs are started in talk or 9 here"):
        require_may_start(MOD, ("5", "quiet"), ServerSettings(channels=["talk", "9"]))


@pytest.mark.parametrize("role", ["elders", "77"])
def test_a_role_that_starts_runs_counts_by_id_and_by_name(role: str) -> None:
    server = ServerSettings(start_roles=[role])
    require_may_start(ELDER, (), server)
    require_may_start(MOD, (), server)
    with pytest.raises(Refused, match=f"needs the role {role}"):
        require_may_start(PAT, (), server)


def test_panels_are_for_a_role_or_moderators() -> None:
    require_may_edit_panels(MOD, OPEN, "Editing panels")
    require_may_edit_panels(ELDER, ServerSettings(panel_roles=["elders"]), "Editing panels")
    with pytest.raises(Refused, match="Editing panels needs somebody who manages this server"):
        require_may_edit_panels(ELDER, OPEN, "Editing panels")


def test_the_starter_and_moderators_steer() -> None:
    t = Play(make_start("compare")).t
    asker = Person("a person", "A")
    assert [may_steer(p, t) for p in (asker, MOD, PAT)] == [True, True, False]
    with pytest.raises(Refused, match="Stop is for"):
        require_may_steer(PAT, t, "Stop")
    with pytest.raises(Refused, match="Remove is for moderators"):
        require_moderator(asker, "Remove")


@pytest.mark.parametrize(
    ("others", "wishing", "missing"),
    [
        (0, [], 1),  # the starter and Pat are two: nobody decides yet
        (1, [], 1),  # of three, two
        (1, ["o0"], 0),
        (4, ["o0"], 2),  # of six, four
        (4, ["o0", "o1", "o2"], 0),
        (4, ["pat"], 3),  # wishing twice counts once
    ],
)
def test_a_majority_of_those_present_who_are_three_at_least(others: int, wishing: list[str], missing: int) -> None:
    play = Play(make_start("compare")).record(*(Interjected(f"o{n}", "hello") for n in range(others)))
    play.record(*(SkipWished(ADA, by) for by in [*wishing, "pat"]))
    assert count_missing_voices(play.t, ADA) == missing


KEY = "sk-" + "4fT9xQ2mLp7Rk"


async def test_a_key_reaches_no_model(scene: ActionsScene) -> None:
    """A question and a remark are refused; of what others wrote and is quoted with a question the key is taken out."""

    def ask(question: str, context: str = "") -> Awaitable[str]:
        request = RunRequest("compare", question, PAT, context=context)
        return scene.actions.start_run(request, lambda run, title: scene.place)

    with pytest.raises(Refused, match=r"looks like a key of OpenAI .* revoke it"):
        await ask(f"Why is {KEY} refused?")
    assert scene.speaker.asked == []
    run = await ask("Why?", f"Ben wrote: {KEY}")
    with pytest.raises(Refused, match="The remark holds what looks like a key"):
        await scene.actions.add_remark(run, KEY, PAT)
    await scene.actions.stop_run(run, PAT)
    t = await scene.read_stored(run)
    assert t.started.context == "Ben wrote: [key removed]"
    assert KEY not in repr(t.entries)
