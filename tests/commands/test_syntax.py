"""Commands as they are typed: which one it is, and its options."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refused
from commands import COMMANDS, syntax
from commands.command import Command, read_seats

BY_PATH = {command.path: command for command in COMMANDS}
DEBATE, COUNCIL = BY_PATH["debate",], BY_PATH["council",]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tabs or spaces --panel fast --rounds 2", {"question": "tabs or spaces", "panel": "fast", "rounds": "2"}),
        ("--rounds 2 tabs or spaces", {"question": "tabs or spaces", "rounds": "2"}),
        ("tabs —panel fast", {"question": "tabs", "panel": "fast"}),
        ('tabs --personas "a sceptic, an optimist"', {"question": "tabs", "personas": "a sceptic, an optimist"}),
        ("tabs --personas “a sceptic”", {"question": "tabs", "personas": "a sceptic"}),
        ("tabs --models gpt, claude --chair gpt", {"question": "tabs", "models": "gpt, claude", "chair": "gpt"}),
        ("tabs --panel=fast", {"question": "tabs", "panel": "fast"}),
        ("tabs －－rounds 2", {"question": "tabs", "rounds": "2"}),
        ("tabs −−rounds 2", {"question": "tabs", "rounds": "2"}),
        ("tabs ——rounds 2", {"question": "tabs", "rounds": "2"}),
        ("tabs ―rounds 2", {"question": "tabs", "rounds": "2"}),
        ("tabs \u200b--rounds\u200b2", {"question": "tabs \u200b", "rounds": "2"}),
        ("tabs --personas „a dry sceptic“", {"question": "tabs", "personas": "a dry sceptic"}),
        ("tabs --personas «a dry sceptic»", {"question": "tabs", "personas": "a dry sceptic"}),
        ("tabs --personas ‘a dry sceptic’", {"question": "tabs", "personas": "a dry sceptic"}),
        ("tabs --personas 'a dry sceptic'", {"question": "tabs", "personas": "a dry sceptic"}),
        ("tabs --personas 「a dry sceptic」", {"question": "tabs", "personas": "a dry sceptic"}),
        ('tabs --models "gpt", “claude” --chair gpt', {"question": "tabs", "models": "gpt, claude", "chair": "gpt"}),
        ("tabs --models gpt， claude", {"question": "tabs", "models": "gpt， claude"}),
        ("tabs --panel O’Brien", {"question": "tabs", "panel": "O’Brien"}),
        ("is i-- slower than --i?", {"question": "is i-- slower than --i?"}),
        ("git --version or not", {"question": "git --version or not"}),
        ("drop `rm --rounds 2`", {"question": "drop `rm --rounds 2`"}),
        ("two\nlines", {"question": "two\nlines"}),
        ("", {}),
    ],
)
def test_options_are_read_from_what_is_typed(text: str, values: dict[str, str]) -> None:
    assert syntax.parse_options(DEBATE, text, BY_PATH) == values


@pytest.mark.parametrize(
    ("command", "text", "hint"),
    [
        (DEBATE, "tabs or spaces --roundz 3", "Did you mean --rounds?"),
        (DEBATE, "tabs —roundz 3 or spaces", "Did you mean --rounds?"),
        (DEBATE, "tabs or spaces --zebra=3", "The options are --question"),
        (DEBATE, "tabs or spaces --rounds", "Write behind --rounds what it should be"),
        (COUNCIL, "tabs or spaces --rounds 3", "`/council` has no --rounds; `/debate` has."),
    ],
)
def test_an_option_that_a_command_has_not_is_refused_with_the_near_one(command: Command, text: str, hint: str) -> None:
    with pytest.raises(Refused, match=re.escape(hint)):
        syntax.parse_options(command, text, BY_PATH)


@given(st.text())
def test_whatever_is_typed_is_read(text: str) -> None:
    with suppress(Refused):
        assert set(syntax.parse_options(DEBATE, text, BY_PATH)) <= set(DEBATE.options.model_fields)
    syntax.find_command(BY_PATH, text)


@pytest.mark.parametrize(
    ("text", "path", "rest"),
    [
        ("panel create fast --models a", ("moot", "panel", "create"), "fast --models a"),
        ("runs", ("moot", "runs"), ""),
        ("SAY hello  there", ("moot", "say"), "hello  there"),
        ("/say: hello  there", ("moot", "say"), "hello  there"),
        ("\u200bsay hello  there", ("moot", "say"), "hello  there"),
    ],
)
def test_subcommands_are_found(text: str, path: tuple[str, ...], rest: str) -> None:
    found = syntax.find_command(BY_PATH, text, lead=("moot",))
    assert found is not None
    assert (found[0].path, found[1]) == (path, rest)
    assert syntax.find_command(BY_PATH, "sing", lead=("moot",)) is None


@pytest.mark.parametrize(
    ("command", "option", "typed", "taken"),
    [
        ("council", "mode", "RANKING", "ranking"),
        ("debate", "form", "Oxford", "oxford"),
        ("debate", "next", " At once", "at once"),
        ("compare", "search", "Off", "off"),
    ],
)
def test_a_choice_is_taken_in_any_case(command: str, option: str, typed: str, taken: str) -> None:
    options = next(c.options for c in COMMANDS if c.path == (command,))
    assert getattr(options.model_validate({"question": "Tabs?", option: typed}), option) == taken


@pytest.mark.parametrize("digits", ["3", "３", "٣", "३"])
def test_a_number_is_read_in_the_digits_of_any_script(digits: str) -> None:
    assert DEBATE.options.model_validate({"question": "Tabs?", "rounds": digits}).model_dump()["rounds"] == 3


@pytest.mark.parametrize("comma", [",", "，", "、"])
def test_seats_are_listed_with_the_commas_of_any_keyboard(comma: str) -> None:
    panel = read_seats(f"gpt{comma} claude", f"a sceptic{comma} an optimist")
    assert panel is not None
    assert [(seat.model, seat.persona) for seat in panel.seats] == [("gpt", "a sceptic"), ("claude", "an optimist")]
