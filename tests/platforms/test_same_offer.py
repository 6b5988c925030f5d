"""Discord and Slack offer the same: the page that says so is made from the declarations; both render all of them."""

from __future__ import annotations

import re

import pytest

from adapters.discord.definitions import define_commands
from adapters.slack import manifest
from bot.formats.debate import round_vote
from commands import COMMANDS
from commands.controls import MENUS, PRESSES, REACTIONS
from commands.features import find_ways, make_tables
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "platforms.md"
MADE = re.compile(r'Control\("(\w+)"')


def test_the_page_is_what_the_code_declares() -> None:
    assert make_tables() in PAGE.read_text("utf-8"), "write `python -m commands.features` into docs/platforms.md"


def test_both_platforms_are_told_of_every_command_and_menu() -> None:
    defined = {made["name"] for made in define_commands(COMMANDS, MENUS)}
    assert defined == {command.path[0] for command in COMMANDS} | set(MENUS)
    assert set(manifest.slash_commands()) == {command.path[0] for command in COMMANDS}
    assert set(manifest.message_shortcuts()) == {f"moot:{action}" for action in MENUS.values()}


@pytest.mark.parametrize("press", PRESSES)
def test_every_press_can_be_reached(press: str) -> None:
    assert list(find_ways(press)), f"nothing leads to {press}"


def test_reactions_and_menus_press_what_is_declared() -> None:
    assert set(REACTIONS.values()) | set(MENUS.values()) <= set(PRESSES)


def test_the_page_tells_of_every_button_that_a_run_can_have() -> None:
    """Read them where they are made; Share is Slack's own, and stands among the differences."""
    sources = [path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py")]
    made = {action for source in sources for action in MADE.findall(source)} | set(round_vote.BUTTONS)
    assert made >= {"stop", "differences", "object"}
    assert [action for action in sorted(made) if "button" not in find_ways(action)] == []
