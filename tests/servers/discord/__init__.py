"""A Discord server on this machine for the unmodified discord.py: REST v10, the gateway, rate limits, permissions.

    async with DiscordServer() as server:
        discord.http.Route.BASE = server.api_base # or the bot's settings
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
        guild = await server.create_guild()
        channel = await server.create_channel(guild)
        ada = await server.create_member(guild, "ada")
        ... # the bot logs in with server.token
        asked = await server.slash(ada, channel, "debate", question="Tea or coffee?")
        answer = await asked.answer()  # kind, acknowledged_after_s, ephemeral, content, modal, choices, followups
        (board,) = await server.messages(channel)  # text, components, flags, edits, notified, reactions, …

Scene: create_user, create_guild, create_member, join_guild, create_role, edit_role, give_roles, create_channel,
create_forum, deny, allow; messages, message, channel, threads, webhooks, commands, connects, read_requests,
read_violations.
People: dm, say, deliver_again, edit, delete, react, unreact, thread, slash, autocomplete, menu, click, select, submit,
redeliver, answer.
Trouble: delete_channel, lock, archive, delete_message, delete_webhook, leave_guild, age, expire, drop,
ask_to_reconnect, close_gateway, refuse_connects, fail, answer_raw, storm, heal.

Each argument that names a thing takes the thing itself or its id. `server.requests` is the log. `await
server.until(predicate)` waits for a request that makes the predicate true. `server.violations` lists what breaks
Discord's OpenAPI document, and leaving the server raises ContractBroken when there are any. `python -m
tests.servers.discord` is the same server as a process that prints its urls; `RemoteDiscord(origin)` has the same
methods over HTTP.

The modules: world (what exists), payloads (its JSON), permissions, checks (lengths), limits (buckets), contract,
gateway, interactions, messages and threads (what changes the world), rest_* (routes), routing (from request to
handler), scene, people, trouble (a test's script), control (that script over HTTP), server.
"""

from tests.servers.discord.base import Interaction
from tests.servers.discord.commands import CannotAct
from tests.servers.discord.contract import Violation
from tests.servers.discord.control import RemoteDiscord
from tests.servers.discord.gateway import Intent
from tests.servers.discord.interactions import Answer
from tests.servers.discord.limits import Limits, Rule
from tests.servers.discord.routing import Request
from tests.servers.discord.server import ContractBroken, DiscordServer
from tests.servers.discord.world import Channel, Guild, Message, Overwrite, Role, Upload, User, Webhook

__all__ = [
    "Answer",
    "CannotAct",
    "Channel",
    "ContractBroken",
    "DiscordServer",
    "Guild",
    "Intent",
    "Interaction",
    "Limits",
    "Message",
    "Overwrite",
    "RemoteDiscord",
    "Request",
    "Role",
    "Rule",
    "Upload",
    "User",
    "Violation",
    "Webhook",
]
