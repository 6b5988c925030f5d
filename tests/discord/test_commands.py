"""The commands on Discord: how they are declared, what is offered while people type, and that all are answered."""

from __future__ import annotations

import pytest

from adapters.discord.definitions import Json, define_commands, fingerprint, read_command
from adapters.discord.forms import modal_fields
from commands import COMMANDS
from commands.command import MORE, RunOptions
from commands.controls import MENUS
from tests.servers.discord import CannotAct
from tests.support.discord_bot import THINKING, Moot, StartMoot
from tests.support.discord_guild import find_button

DEFINED = {d["name"]: d for d in define_commands(COMMANDS, MENUS)}


def list_leaves() -> dict[str, Json]:
    """Return every command and subcommand by its words."""
    found: dict[str, Json] = {}

    def walk(words: str, node: Json) -> None:
        inner = [o for o in node.get("options", ()) if o["type"] in (1, 2)]
        for option in inner:
            walk(f"{words} {option['name']}", option)
        if not inner:
            found[words] = node

    for name, node in DEFINED.items():
        if node["type"] == 1:
            walk(name, node)
    return found


def find_options(words: str) -> dict[str, Json]:
    return {o["name"]: o for o in list_leaves()[words]["options"]}


def test_every_declared_command_is_defined_and_no_other() -> None:
    assert set(list_leaves()) == {" ".join(c.path) for c in COMMANDS}
    assert {name for name, d in DEFINED.items() if d["type"] == 3} == set(MENUS)


def test_what_a_form_has_no_room_for_is_an_option_and_nothing_is_lost() -> None:
    shown = find_options("debate")
    assert next(iter(shown)) == "question"
    assert not {"form", "models", "blind", "guess"} & set(shown)  # these are behind More…
    assert [name for name, option in shown.items() if option["required"]] == ["question"]
    for command in COMMANDS:
        if issubclass(command.options, RunOptions):
            reached = {*find_options(" ".join(command.path)), *modal_fields(command.options, command.options.FORM)}
            assert set(command.options.model_fields) <= reached, command.path


def test_ranges_choices_and_completion_come_from_the_declarations() -> None:
    rounds = find_options("debate")["rounds"]
    assert (rounds["type"], rounds["min_value"], rounds["max_value"]) == (4, 1, 6)
    assert find_options("debate")["panel"]["autocomplete"]
    assert find_options("debate")["file"]["type"] == 11
    where = find_options("moot panel default")["where"]
    assert [c["value"] for c in where["choices"]] == ["channel", "server"]
    assert "autocomplete" not in find_options("debate")["question"]


def test_definitions_keep_discords_bounds() -> None:
    assert len(DEFINED) <= 100
    for words, node in list_leaves().items():
        assert 1 <= len(node["description"]) <= 100, words
        assert len(node["options"]) <= 25
        required = [o["required"] for o in node["options"]]
        assert required == sorted(required, reverse=True), words
        for option in node["options"]:
            assert 1 <= len(option["description"]) <= 100, option
            assert len(option.get("choices", ())) <= 25


def test_a_fingerprint_tells_definitions_apart() -> None:
    defined = define_commands(COMMANDS, MENUS)
    assert fingerprint(defined) == fingerprint(define_commands(COMMANDS, MENUS))
    assert fingerprint(defined) != fingerprint(define_commands(COMMANDS[1:], MENUS))


def test_what_was_typed_is_read_back() -> None:
    option = {"name": "name", "type": 3, "value": "x", "focused": True}
    leaf = {"name": "edit", "type": 1, "options": [option]}
    data = {"name": "moot", "options": [{"name": "panel", "type": 2, "options": [leaf]}]}
    assert read_command(data) == (("moot", "panel", "edit"), {"name": "x"}, "name")
    assert read_command({"name": "moot", "options": [{"name": "help", "type": 1}]}) == (("moot", "help"), {}, "")


async def complete_option(m: Moot, name: str, option: str, **given: object) -> list[str]:
    asked = await m.server.autocomplete(m.ada, m.channel, name, option, **given)
    return [c["value"] for c in (await asked.answer()).choices]


async def test_options_are_completed_as_people_type(moot: Moot) -> None:
    assert await complete_option(moot, "debate", "panel") == ["default", "pair", MORE]
    assert await complete_option(moot, "debate", "panel", panel="pa") == ["pair", MORE]
    assert await complete_option(moot, "moot panel create", "models", models="claude, g") == [
        "claude, gpt",
        "claude, gemini",
    ]
    assert await complete_option(moot, "moot panel create", "models", models="nobody") == []
    assert "skeptic" in " ".join(await complete_option(moot, "moot panel create", "personas", personas="s"))
    run = find_button(await moot.ask(), "stop").split(":")[1]
    assert await complete_option(moot, "moot show", "run") == [f"{run} · Tea or coffee?"]


async def test_discord_lets_nobody_type_what_is_out_of_range(moot: Moot) -> None:
    with pytest.raises(CannotAct):
        await moot.server.slash(moot.ada, moot.channel, "debate", question="Tea?", rounds=7)


async def test_panels_are_made_changed_and_used(moot: Moot) -> None:
    assert "default" in await moot.call_command(moot.ada, "moot panel list")
    refused = await moot.call_command(moot.ada, "moot panel create", name="tea", models="claude, gpt")
    assert refused == "Editing panels needs somebody who manages this server."
    refused = await moot.call_command(moot.mod, "moot panel create", name="tea", models="claude, gpt")
    assert refused == "Editing panels needs somebody who manages this server."
    keepers = await moot.server.create_role(moot.guild, "keepers", "manage_guild")
    boss = await moot.server.create_member(moot.guild, "boss", keepers)
    made = await moot.call_command(boss, "moot panel create", name="tea", models="claude, gpt", personas="skeptic")
    assert made == "Panel “tea”: claude, gpt."
    again = await moot.call_command(boss, "moot panel create", name="tea", models="claude")
    assert again.startswith("There is a panel “tea” already")
    assert (
        await moot.call_command(boss, "moot panel edit", name="tea", models="gpt, gemini")
        == "Panel “tea”: gpt, gemini."
    )
    refused = await moot.read_answer(
        await moot.server.slash(moot.mod, moot.channel, "moot panel default", name="tea", where="server")
    )
    assert refused == "Choosing the usual panel needs somebody who manages this server."
    assert "usual panel of this channel" in await moot.call_command(moot.mod, "moot panel default", name="tea")
    assert "**tea** (usual here): gpt, gemini" in await moot.call_command(moot.bob, "moot panel list")
    board = await moot.ask()
    assert "comparison of GPT, Gemini" in board.text
    other = await moot.server.create_channel(moot.guild, "other")
    assert "comparison of Claude, GPT, Gemini" in (await moot.ask(where=other)).text


async def test_runs_are_listed_shown_told_something_and_stopped(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    board = await moot.ask()
    thread = await moot.find_thread(board)
    await moot.find_turn(thread, "GPT is thinking…")
    run = find_button(board, "stop").split(":")[1]
    assert f"`{run}` compare, open: Tea or coffee?" in await moot.call_command(moot.bob, "moot runs")
    assert run in await moot.call_command(moot.bob, "moot show", thread)
    assert (await moot.call_command(moot.bob, "moot say", thread, text="think of milk")).startswith(
        "Kept with the run."
    )
    assert (await moot.call_command(moot.bob, "moot stop", thread)) == "Stop is for ada and moderators."
    assert (await moot.call_command(moot.bob, "moot stop")).startswith("Which run?")
    assert (await moot.call_command(moot.ada, "moot stop", thread)).startswith("Stopped")
    await moot.find_end_card(thread)
    assert (await moot.call_command(moot.ada, "moot watch", run=run)) == "This run is over."
    assert "Ask with" in await moot.call_command(moot.cyd, "moot help")
    assert "no run" in await moot.call_command(moot.cyd, "moot show", run="nothing")


async def test_runs_of_another_server_are_not_there(moot: Moot) -> None:
    run = find_button(await moot.ask(), "stop").split(":")[1]
    guild = await moot.server.create_guild("Another")
    channel = await moot.server.create_channel(guild)
    eve = await moot.server.create_member(guild, "eve")
    assert "no run" in await moot.call_command(eve, "moot show", channel, run=run)
    assert "no runs yet" in await moot.call_command(eve, "moot runs", channel)


async def test_who_may_start_where_is_the_servers_to_say(start_moot: StartMoot) -> None:
    rules = {"default": {"channels": ["debates"], "start_roles": ["speakers"]}}
    moot = await start_moot(servers=rules)
    assert "Runs are started in debates here" in await moot.call_command(moot.ada, "compare", question="Tea?")
    debates = await moot.server.create_channel(moot.guild, "debates")
    assert "needs the role speakers" in await moot.call_command(moot.ada, "compare", debates, question="Tea?")
    speakers = await moot.server.create_role(moot.guild, "speakers")
    await moot.server.give_roles(moot.guild, moot.ada, speakers)
    await moot.find_end_card(await moot.find_thread(await moot.ask(where=debates)))


async def test_commands_that_refuse_tell_that_person_alone(moot: Moot) -> None:
    said = await moot.call_command(moot.ada, "compare", question="Tea?", panel="defaul")
    assert said == "There is no panel “defaul”. Did you mean default?"
    assert "There is no question" in await moot.call_command(moot.ada, "compare", question="   ")
    assert moot.read_messages(moot.channel) == []
