"""The tables of docs/platforms.md: what each platform offers, from the declarations of commands and controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.actions.offers import CANCEL, START
from bot.engine.thread import AFTERWARDS, ASK_LATER, BALLOT, KEPT, MARKS, WHILE_IT_RUNS
from commands import COMMANDS
from commands.controls import MENUS, PRESSES, REACTIONS
from commands.deletion import DELETE_NOW, KEEP
from commands.dispatch import STARTS
from commands.me import FORGET
from commands.runs import NEWER

ON_MESSAGES = (  # under a turn or a card: formats, `bot.engine.thread` and `bot.live.lane_view` put them there
    *("skip", "retry", "read_on", "vote", "close", "full_texts", "resume", "reveal", "guess", "differences"),
    *("object", "upvote", "go_on", "end_here", "next", "close_round"),
)
ON_OFFERS = (  # under the help, lists, the price of a run that is not begun yet, and questions before a deletion
    *("ask", START.action, CANCEL.action),
    *(DELETE_NOW.action, KEEP.action, FORGET.action, NEWER.action),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A point in which the platforms differ, and why."""

    what: str
    discord: str
    slack: str
    why: str


DIFFERENCES = (
    Difference(
        "Commands in a thread",
        "slash commands; a mention that begins with a format",
        "mention: `@Moot debate …`, `@Moot runs`",
        "Slack has no slash commands in threads",
    ),
    Difference(
        "Options",
        "each its own field, completed as one types; More… opens a form",
        "`--panel fast --rounds 2` in the text; without text a form",
        "Slack's commands are one line of text",
    ),
    Difference(
        "Long forms",
        "four fields, and one list for all that has a few values",
        "every field",
        "a form on Discord holds five",
    ),
    Difference(
        "Names and faces",
        "one webhook a channel (Manage Webhooks)",
        "the scope chat:write.customize",
        "each platform's only way for one app to speak under several names",
    ),
    Difference(
        "Direct messages",
        "edits, a bold name above each message",
        "native streams, no Skip button while they run (⏭️ instead)",
        "a stream on Slack takes no buttons before its end",
    ),
    Difference(
        "Refusals and votes' answers",
        "ephemeral answers to the press",
        "ephemeral messages",
        "the same to people",
    ),
    Difference(
        "Export",
        "a file for the one who pressed",
        "a file in their direct message",
        "Slack has no ephemeral files",
    ),
    Difference(
        "Share to channel", "the board stands in the channel already", "behind More… on the end card", "as it says"
    ),
    Difference("Home tab", "none", "running and recent runs, panels", "Discord has none"),
    Difference("A message's menu", "Apps → …", "More actions → …, 24 characters a name", "as each platform draws it"),
)


def make_tables() -> str:
    """Return the tables as Markdown."""
    return "\n".join([*_commands(), "", *_presses(), "", *_differences()]) + "\n"


def _commands() -> Iterator[str]:
    yield "| command | what it does | Discord | Slack |"
    yield "|---|---|---|---|"
    for command in COMMANDS:
        words = " ".join(command.path)
        on_discord = "slash command, mention" if command.path in STARTS else "slash command"
        yield f"| `/{words}` | {command.help} | {on_discord} | slash command, mention |"


def _presses() -> Iterator[str]:
    yield "| press | what it does | Discord | Slack |"
    yield "|---|---|---|---|"
    for name, press in PRESSES.items():
        how = ", ".join(find_ways(name))
        yield f"| {name.replace('_', ' ')} | {press.help} | {how} | {how} |"


def find_ways(name: str) -> Iterator[str]:
    """Yield the ways to a press, which are the same on every platform."""
    offered = (*WHILE_IT_RUNS, BALLOT, *AFTERWARDS, *KEPT, *MARKS.values(), ASK_LATER)
    if name in {c.action for c in offered} | set(ON_MESSAGES) | set(ON_OFFERS):
        yield "button"
    yield from (f"reaction {emoji}" for emoji, action in REACTIONS.items() if action == name)
    if name == "unvote":
        yield "taking the reaction away"
    yield from (f"menu “{menu}”" for menu, action in MENUS.items() if action == name)


def _differences() -> Iterator[str]:
    yield "| where they differ | Discord | Slack | why |"
    yield "|---|---|---|---|"
    yield from (f"| {d.what} | {d.discord} | {d.slack} | {d.why} |" for d in DIFFERENCES)


if __name__ == "__main__":
    print(make_tables(), end="")
