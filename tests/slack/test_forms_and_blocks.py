"""What is pure on Slack: typed options, forms, blocks, budgets, the manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack import forms
from adapters.slack.budgets import method_bucket, slack_budget
from adapters.slack.dialect import SlackMarkdown
from adapters.slack.layout import build_payload, shorten_escaped, without_marks
from adapters.slack.manifest import message_shortcuts, render_manifest
from adapters.slack.scopes import EVENTS, NEEDS, SCOPES, SCOPES_WITHOUT_METHOD, Method, wanted_events, wanted_scopes
from bot.domain.controls import Control, SeatRef
from bot.domain.run import LaneId
from bot.live.dialect import Table
from bot.ports.surface import Message
from commands import COMMANDS
from commands.command import Form
from commands.controls import PRESSES
from tests.servers.slack.blocks import find_faults, mentions
from tests.servers.slack.web_api_views import check_view
from tests.support.paths import ROOT


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "-".join(c.path))
def test_every_command_has_a_modal_that_slack_takes(command: Any) -> None:
    options = command.options
    if not options.model_fields:
        return
    suggested = {name: ["one", "two" * 60] for name in options.model_fields}
    view = forms.build_view(Form(command.help, options, list(options.model_fields), {}), "sealed", suggested)
    check_view(view, "modal")


def test_titles_of_forms_are_shown_whole() -> None:
    titles = [press.help.rstrip(".") for press in PRESSES.values() if press.options.model_fields]
    titles += [f"/{' '.join(command.path)}" for command in COMMANDS]
    assert [title for title in titles if len(title) > forms.TITLE_CHARS] == []


def test_a_notification_carries_no_markdown() -> None:
    said = "## Yes\n> **Tabs** _win_ over `spaces`: [why](https://a.example/b) 2 * 3 \\*\n*7.8 s*"
    assert without_marks(said) == "Yes\nTabs win over spaces: why 2 * 3 *\n7.8 s"


@given(st.text(max_size=300), st.text(max_size=2_000), st.sampled_from(["turn", "end", "board", "card"]), st.booleans())
def test_every_message_fits_and_pings_nobody_but_the_one_it_is_for(
    title: str, text: str, kind: Any, with_title: bool
) -> None:
    said = "".join(piece.text for piece in [SlackMarkdown().fence(text, "")])
    controls = tuple(Control("vote", f"{title}{n}", SeatRef(f"seat{n}")) for n in range(30))
    message = Message(LaneId("answer", 1, "ada"), 0, kind, title, said, True, controls, "slack:U1")
    made = build_payload(message, "run", with_title=with_title)
    assert find_faults(made["blocks"]) == []
    assert 0 < len(made["text"]) <= 4_000
    assert set(mentions(made["text"], made["blocks"], [])) <= {"U1"}
    assert (kind == "end") == ("<@U1>" in made["text"])


@given(st.text(alphabet="&<>a", max_size=60), st.integers(1, 60))
def test_a_cut_leaves_no_half_of_an_entity(text: str, most: int) -> None:
    whole = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    short = shorten_escaped(whole, most)
    assert len(short) <= most
    assert re.sub("&(amp|lt|gt);", "", short.removesuffix("…")).count("&") == 0


def test_tables_are_native_as_far_as_slack_draws_them() -> None:
    native = SlackMarkdown().table(Table([["a", "b"], ["1", "2"]], ["", ""])).text
    assert native.startswith("| a | b |")
    wide = SlackMarkdown().table(Table([["a"] * 21, ["1"] * 21], [""] * 21)).text
    assert wide == "- " + "\n  ".join(["**a** 1"] * 21)
    long = SlackMarkdown().table(Table([["a"]] * 101, [""])).text
    assert long.startswith("```")


def test_budgets_are_told_apart_by_workspace_method_and_channel() -> None:
    assert method_bucket("T1", "chat.update") == "slack T1 chat.update"
    assert method_bucket("T1", "chat.postMessage", "C1") == "slack T1 chat.postMessage C1"
    assert slack_budget("slack T1 chat.update", 100.0).tokens(100.0) == 0
    assert slack_budget("slack T1 chat.postMessage C1", 100.0).outlook(100.0).tokens == 5
    assert slack_budget("slack T1 chat.appendStream", 0.0).outlook(1_000.0).tokens == 100
    assert slack_budget("slack T1 conversations.replies", 0.0).outlook(1_000.0).tokens == 50


def test_each_scope_is_needed_and_each_need_is_a_scope() -> None:
    of_methods = {scope for needs in NEEDS.values() for scope in needs}
    needed = of_methods | {event.scope for event in EVENTS} | set(SCOPES_WITHOUT_METHOD)
    assert needed - {""} == {scope.name for scope in SCOPES}
    assert set(get_args(Method)) == set(NEEDS)
    for event in EVENTS:
        assert not event.scope or event.scope in {s.name for s in wanted_scopes(listen=event.listen)}


def test_the_scopes_of_methods_are_slacks(reference: Path) -> None:
    for method, needs in NEEDS.items():
        path = reference / "specs" / "slack" / "methods" / f"{method}.json"
        slacks = set(json.loads(path.read_text("utf-8")).get("scope", {}).get("bot", ())) if path.exists() else set()
        extras = {"chat.postMessage": {"chat:write.customize"}}.get(method, set())
        assert set(needs) - extras <= slacks or not path.exists(), method
        assert bool(slacks) == bool(needs) or not path.exists(), method


@pytest.mark.parametrize("listen", [False, True])
def test_every_method_that_is_called_is_declared(listen: bool) -> None:
    called: set[str] = set()
    for path in (ROOT / "adapters" / "slack").glob("*.py"):
        if path.name != "scopes.py":
            called |= set(
                re.findall(
                    r'"((?:agents|chat|conversations|files|users|views|auth|apps)\.[a-zA-Z.]+)"', path.read_text()
                )
            )
    assert called - {"apps.connections.open"} == set(NEEDS) - {"apps.connections.open"}
    assert {e.name for e in wanted_events(listen=listen)} <= {e.name for e in EVENTS}


@pytest.mark.parametrize("listen", [False, True])
def test_the_manifest_says_what_is_declared_and_why(listen: bool) -> None:
    text = render_manifest(listen)
    for scope in SCOPES:
        assert (f"      - {scope.name}  # {scope.why}\n" in text) == (listen or not scope.listen)
    for event in EVENTS:
        assert (f"      - {event.name}  # {event.why}\n" in text) == (listen or not event.listen)
    assert ":history" not in text.replace("im:history", "").replace("mpim:history", "") or listen
    assert re.findall(r"command: /(\w+)", text) == list(dict.fromkeys(c.path[0] for c in COMMANDS))
    assert all(len(name) <= 24 and len(help) <= 150 for name, help in message_shortcuts().values())
    _, agent = text.split("  agent_view:\n    agent_description: ")
    assert 0 < len(json.loads(agent.splitlines()[0])) <= 300  # https://docs.slack.dev/reference/app-manifest
    assert agent.count("      - title: ") == agent.count("        message: ") == (4 if listen else 3)
    assert "socket_mode_enabled: true" in text
    assert "socket_mode_enabled: false" in render_manifest(listen, "https://moot.example")
