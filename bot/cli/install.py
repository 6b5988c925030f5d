"""`moot invite` and `moot manifest`: what a platform is given so that the bot can come to it."""

from __future__ import annotations

from bot.cli.console import CleanConsole
from bot.cli.exit import OK
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured


async def print_slack_manifest(*, listen: bool, url: str) -> int:
    """Print the app's manifest, to be pasted where Slack makes apps from one."""
    from adapters.slack.manifest import render_manifest  # its library is slow to import

    print(render_manifest(listen, url), end="")
    return OK


async def print_discord_invite() -> int:
    """Print the link that invites the bot, and why it asks for what. Raises Misconfigured without a usable token."""
    settings = load_settings()
    if settings.discord is None:
        raise Misconfigured("discord.token is not set: put MOOT_DISCORD__TOKEN=… into .env. docs/discord.md says more.")
    from adapters.discord import doctor as discord_doctor  # as above
    from adapters.discord import permissions

    application, is_confirmed = await discord_doctor.find_application_id(settings.discord)
    source = "as Discord told it" if is_confirmed else "read from the token, as Discord could not be asked"
    value = permissions.wanted_permissions().value
    print(permissions.invite_link(application))
    console = CleanConsole()
    console.print(f"\nApplication {application}, {source}. Permissions ({value}):", highlight=False)
    for permission in permissions.PERMISSIONS:
        console.print(f"- {permission.label}: {permission.why}", highlight=False)
    return OK
