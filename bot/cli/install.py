"""`moot invite` and `moot manifest`: what a platform is given so that the bot can come to it."""

from __future__ import annotations

from bot.cli.console import print_plain
from bot.cli.exit import OK
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured, Refused
from bot.network import clean_address


async def print_slack_manifest(*, listen: bool, url: str) -> int:
    """Print the app's manifest, to be pasted where Slack makes apps from one. Raises Refused."""
    if url:
        try:
            url = clean_address(url, ("https",))
        except ValueError as error:
            raise Refused(f"--url: {error}.") from error
    from adapters.slack.manifest import render_manifest  # its library is slow to import

    print_plain(render_manifest(listen, url).rstrip())
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
    print_plain(permissions.invite_link(application))
    print_plain(f"\nApplication {application}, {source}. Permissions ({value}):")
    for permission in permissions.PERMISSIONS:
        print_plain(f"- {permission.label}: {permission.why}")
    return OK
