"""The command /moot help, and what a message that asks nothing is answered with."""

from __future__ import annotations

from bot.actions.actions import Actions
from bot.domain.controls import Control, FormatRef
from bot.settings.platforms import STARTABLE_FORMATS
from commands.command import Answer, Command, Here, NoOptions, Offered

HOW_TO_START = "I start nothing from a message here: write `/council`, `/compare` or `/debate` and your question."
ASK = tuple(Control("ask", name.capitalize(), FormatRef(name)) for name in STARTABLE_FORMATS)


def describe_help(actions: Actions) -> Offered:
    """Return what can be done, with a button for each format."""
    models = ", ".join(f"{key} ({model.name})" for key, model in actions.services.models.items())
    return Offered(
        "Ask with `/council`, `/debate` or `/compare`: a thread opens, every model speaks in a message of its own.\n"
        "- Or mention me with a question, and a format before it if you like: `@Moot debate tabs or spaces`.\n"
        "- Skip a turn with its button or ⏭️, vote with 👍 or the buttons at the end, stop with 🛑.\n"
        "- Say something to all with `/moot say`, or by mentioning me in the thread.\n"
        "- `/moot pipeline list` shows work in steps, `/moot summarise` tells what has been said so far.\n"
        "- `/moot panel list` shows who can sit at a table, `/moot runs` what has been asked.\n\n"
        f"Models: {models or 'none are configured yet'}.",
        ASK,
    )


async def _help(actions: Actions, options: NoOptions, here: Here) -> Answer:
    return describe_help(actions)


COMMAND = Command(("moot", "help"), "What can be done here.", NoOptions, _help)
