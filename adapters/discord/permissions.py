"""Permissions and gateway intents that the bot asks for, each with the reason why it is used.

The invite link, the gateway connection and the messages about missing permissions all come from these two lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import discord


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission: `flag` as in discord.Permissions, `label` as in a server's role settings.

    `without` says what does not work without it. `needed`: no run can be held without it; else Moot does less.
    """

    flag: str
    label: str
    why: str
    without: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent: `flag` as in discord.Intents. A `privileged` one is switched on in the portal, where it is `label`."""

    flag: str
    why: str
    label: str = ""
    privileged: bool = False


# Labels: Server Settings → Roles → Permissions. Meanings: https://discord.com/developers/docs/topics/permissions
PERMISSIONS = (
    Permission("view_channel", "View Channels", "see the channels it is asked in", "it is not there at all"),
    Permission("send_messages", "Send Messages and Create Posts", "post a run's board", "no board can be posted"),
    Permission("create_public_threads", "Create Public Threads", "open a thread a run", "no thread can be opened"),
    Permission(
        "send_messages_in_threads",
        "Send Messages in Threads and Posts",
        "speak in a run's thread, and in forum posts",
        "seats cannot speak in their thread",
    ),
    Permission(
        "read_message_history",
        "Read Message History",
        "reply to the message that was asked about, and find its own again after a restart",
        "it cannot reply, nor find its messages again after a restart",
    ),
    Permission(
        "manage_webhooks",
        "Manage Webhooks",
        "let each seat speak under its own name and face, by one webhook a channel",
        "all seats speak under the bot's name, with theirs as heading",
        needed=False,
    ),
    Permission("attach_files", "Attach Files", "hand out exports", "exports cannot be handed out", needed=False),
)

MESSAGE_CONTENT = Intent(
    "message_content",
    "read what is written in a run's thread as remarks (only with discord.listen = true)",
    label="Message Content Intent",
    privileged=True,
)
SERVER_MEMBERS = Intent(
    "members",
    "note who joins a run's thread without a word (only with discord.members = true)",
    label="Server Members Intent",
    privileged=True,
)
INTENTS = (
    Intent("guilds", "know the servers' channels, threads and roles"),
    Intent("guild_messages", "be mentioned in servers, and see questions edited or deleted"),
    Intent("dm_messages", "be asked in direct messages"),
    Intent("guild_reactions", "count reactions in servers as votes, skips and stops"),
    Intent("dm_reactions", "the same in direct messages"),
    MESSAGE_CONTENT,
    SERVER_MEMBERS,
)

SCOPES = ("bot", "applications.commands")


def wanted_permissions() -> discord.Permissions:
    """Return exactly the permissions that are used."""
    return discord.Permissions(**{p.flag: True for p in PERMISSIONS})


def wanted_intents(*, listen: bool, members: bool = False) -> discord.Intents:
    """Return the intents to connect with, each privileged one only where its setting asks for it."""
    wanted = {MESSAGE_CONTENT: listen, SERVER_MEMBERS: members}
    return discord.Intents(**{i.flag: True for i in INTENTS if wanted.get(i, True)})


def missing_permissions(granted: discord.Permissions) -> tuple[Permission, ...]:
    """Return the permissions of ours that are not granted, in the order of the list. Administrators have them all."""
    if granted.administrator:
        return ()
    return tuple(p for p in PERMISSIONS if not getattr(granted, p.flag))


def invite_link(application_id: int) -> str:
    """Return the link that invites the bot with exactly these permissions.

    https://discord.com/developers/docs/topics/oauth2#bot-authorization-flow
    """
    return discord.utils.oauth_url(application_id, permissions=wanted_permissions(), scopes=SCOPES)
