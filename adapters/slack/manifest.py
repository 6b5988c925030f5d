"""The app's manifest, from what the code declares: commands, shortcuts, scopes and events, each with its reason. Pure.

https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from adapters.slack.client import PATH
from adapters.slack.scopes import events, scopes
from commands import COMMANDS
from commands.controls import MENUS, OURS, PRESSES

HELP_CHARS = 150
ELSE = "Everything else: panels, runs, help."
SHORTER = {"Ask the council about this": "Ask the council on this"}
HINTS = {"debate": "topic --panel fast --rounds 2", "moot": "help | runs | panel list | stop | say …"}


def manifest(listen: bool, public_url: str = "") -> str:
    """YAML. `listen`: with the scopes to read plain messages; `public_url`: for HTTP, else Socket Mode."""
    return "\n".join(_lines(listen, public_url)) + "\n"


def commands() -> dict[str, str]:
    """The slash commands: name → help."""
    found: dict[str, str] = {}
    for command in COMMANDS:
        found.setdefault(command.path[0], command.help if len(command.path) == 1 else ELSE)
    return found


def shortcuts() -> dict[str, tuple[str, str]]:
    """The shortcuts of messages: callback id → name, of 24 characters at most, and help."""
    return {f"{OURS}:{action}": (SHORTER.get(name, name), PRESSES[action].help) for name, action in MENUS.items()}


def _lines(listen: bool, public_url: str) -> Iterator[str]:
    url = f"{public_url.rstrip('/')}{PATH}" if public_url else ""
    yield "display_information:"
    yield "  name: Moot"
    yield "  description: Several language models at one table"
    yield "features:"
    yield "  app_home:"
    yield "    home_tab_enabled: true"
    yield "    messages_tab_enabled: true"
    yield "    messages_tab_read_only_enabled: false"
    yield "  bot_user:"
    yield "    display_name: Moot"
    yield "    always_online: true"
    yield "  shortcuts:"
    for callback, (name, help) in shortcuts().items():
        yield f"    - name: {_text(name)}"
        yield "      type: message"
        yield f"      callback_id: {_text(callback)}"
        yield f"      description: {_text(help[:HELP_CHARS])}"
    yield "  slash_commands:"
    for name, help in commands().items():
        yield f"    - command: /{name}"
        yield f"      description: {_text(help[:HELP_CHARS])}"
        yield f"      usage_hint: {_text(HINTS.get(name, 'question --panel fast'))}"
        yield "      should_escape: false"
        yield from _if(url, "      url")
    yield "oauth_config:"
    if public_url:
        yield "  redirect_urls:"
        yield f"    - {_text(public_url.rstrip('/') + '/slack/oauth_redirect')}"
    yield "  scopes:"
    yield "    bot:"
    yield from _reasoned((scope.name, scope.why) for scope in scopes(listen=listen))
    yield "settings:"
    yield "  event_subscriptions:"
    yield from _if(url, "    request_url")
    yield "    bot_events:"
    yield from _reasoned((event.name, event.why) for event in events(listen=listen))
    yield "  interactivity:"
    yield "    is_enabled: true"
    yield from _if(url, "    request_url")
    yield f"  org_deploy_enabled: {'true' if public_url else 'false'}"
    yield f"  socket_mode_enabled: {'false' if public_url else 'true'}"
    yield "  token_rotation_enabled: false"


def _reasoned(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, why in items:
        yield f"      - {name}  # {why}"


def _if(url: str, key: str) -> Iterator[str]:
    if url:
        yield f"{key}: {_text(url)}"


def _text(text: str) -> str:
    """A JSON string is a YAML one."""
    return json.dumps(text, ensure_ascii=False)
