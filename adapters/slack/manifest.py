"""The app's manifest, from the commands, shortcuts, scopes and events that the code declares. Pure.

https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from adapters.slack.door import PATH
from adapters.slack.listening import LOOKED_AT
from adapters.slack.scopes import wanted_events, wanted_scopes
from bot.domain.controls import PRESS_PREFIX
from commands import COMMANDS
from commands.controls import MENUS, PRESSES

HELP_CHARS = 150
OTHER_HELP = "Everything else: panels, runs, help."
AGENT = "Several language models answer, debate or review each other at one table, in a thread that you can steer."
# of each agent: how it is called in the list, and the message that a press sends (https://docs.slack.dev/ai)
PROMPTS = (
    ("What can you do?", "help"),
    ("What has been asked here?", "runs"),
    ("An example", "Should a small team rewrite a system that works?"),
)
PROMPT_TO_LISTENERS = ("The message I am looking at", LOOKED_AT)  # to read that takes the scopes to listen
HINTS = {"debate": "topic --panel fast --rounds 2", "moot": "help | runs | panel list | stop | say …"}


def render_manifest(listen: bool, public_url: str = "") -> str:
    """Return the manifest as YAML. `listen`: with the scopes to read plain messages; no `public_url`: Socket Mode."""
    return "\n".join(_manifest_lines(listen, public_url)) + "\n"


def slash_commands() -> dict[str, str]:
    """Return the slash commands: name → help."""
    found: dict[str, str] = {}
    for command in COMMANDS:
        found.setdefault(command.path[0], command.help if len(command.path) == 1 else OTHER_HELP)
    return found


def message_shortcuts() -> dict[str, tuple[str, str]]:
    """Return the message shortcuts: callback id → name, of at most 24 characters, and help."""
    return {f"{PRESS_PREFIX}:{action}": (name, PRESSES[action].help) for name, action in MENUS.items()}


def _manifest_lines(listen: bool, public_url: str) -> Iterator[str]:
    url = f"{public_url.rstrip('/')}{PATH}" if public_url else ""
    yield "display_information:"
    yield "  name: Moot"
    yield "  description: Several language models at one table"
    yield "features:"
    yield "  app_home:"
    yield "    home_tab_enabled: true"
    yield "    messages_tab_enabled: true"
    yield "    messages_tab_read_only_enabled: false"
    yield "  agent_view:"
    yield f"    agent_description: {_quote(AGENT)}"
    yield "    suggested_prompts:"
    for title, message in (*PROMPTS, *((PROMPT_TO_LISTENERS,) if listen else ())):
        yield f"      - title: {_quote(title)}"
        yield f"        message: {_quote(message)}"
    yield "  bot_user:"
    yield "    display_name: Moot"
    yield "    always_online: true"
    yield "  shortcuts:"
    for callback, (name, help) in message_shortcuts().items():
        yield f"    - name: {_quote(name)}"
        yield "      type: message"
        yield f"      callback_id: {_quote(callback)}"
        yield f"      description: {_quote(help[:HELP_CHARS])}"
    yield "  slash_commands:"
    for name, help in slash_commands().items():
        yield f"    - command: /{name}"
        yield f"      description: {_quote(help[:HELP_CHARS])}"
        yield f"      usage_hint: {_quote(HINTS.get(name, 'question --panel fast'))}"
        yield "      should_escape: false"
        yield from _url_line(url, "      url")
    yield "oauth_config:"
    if public_url:
        yield "  redirect_urls:"
        yield f"    - {_quote(public_url.rstrip('/') + '/slack/oauth_redirect')}"
    yield "  scopes:"
    yield "    bot:"
    yield from _list_with_reasons((scope.name, scope.why) for scope in wanted_scopes(listen=listen))
    yield "settings:"
    yield "  event_subscriptions:"
    yield from _url_line(url, "    request_url")
    yield "    bot_events:"
    yield from _list_with_reasons((event.name, event.why) for event in wanted_events(listen=listen))
    yield "  interactivity:"
    yield "    is_enabled: true"
    yield from _url_line(url, "    request_url")
    yield f"  org_deploy_enabled: {'true' if public_url else 'false'}"
    yield f"  socket_mode_enabled: {'false' if public_url else 'true'}"
    yield "  token_rotation_enabled: false"


def _list_with_reasons(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, why in items:
        yield f"      - {name}  # {why}"


def _url_line(url: str, key: str) -> Iterator[str]:
    if url:
        yield f"{key}: {_quote(url)}"


def _quote(text: str) -> str:
    """Return a YAML string; every JSON string is one."""
    return json.dumps(text, ensure_ascii=False)
