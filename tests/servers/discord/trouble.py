"""Faults, and acts of moderators, as methods of a script."""

from __future__ import annotations

from tests.servers.discord import messages, threads
from tests.servers.discord.base import Base
from tests.servers.discord.faults import Fault, RawAnswer
from tests.servers.discord.gateway import Intent
from tests.servers.discord.interactions import TOKEN_LIFE_S
from tests.servers.discord.limits import Scope
from tests.servers.discord.world import Ref, id_of


class Trouble(Base):
    async def delete_channel(self, channel: Ref) -> None:
        """Delete a channel or a thread with all that is in it."""
        threads.remove(self.hub, self.hub.world.channel(id_of(channel)))

    async def lock(self, thread: Ref, locked: bool = True) -> None:
        found = self.hub.world.channel(id_of(thread))
        found.locked = locked
        threads.emit_update(self.hub, found)

    async def archive(self, thread: Ref, archived: bool = True) -> None:
        found = self.hub.world.channel(id_of(thread))
        found.archived = archived
        threads.emit_update(self.hub, found)

    async def delete_message(self, message: Ref) -> None:
        """Delete a message as a moderator."""
        messages.delete(self.hub, self.hub.world.find_message(id_of(message)))

    async def delete_webhook(self, webhook: Ref) -> None:
        gone = self.hub.world.webhooks.pop(id_of(webhook))
        threads.emit_webhooks_update(self.hub, self.hub.world.channel(gone.channel_id))

    async def leave_guild(self, guild: Ref) -> None:
        """Remove the bot from a guild."""
        found = self.hub.world.guild(id_of(guild))
        self.hub.gateway.emit("GUILD_DELETE", {"id": str(found.id)}, intent=Intent.GUILDS, place=found)
        del found.members[self.hub.world.bot.id]

    async def age(self, message: Ref, by_s: float) -> None:
        """Make a message older than it is, for the limit on edits of old ones."""
        self.hub.world.find_message(id_of(message)).created_at -= by_s

    async def expire(self, interaction: Ref) -> None:
        """Let the fifteen minutes of an interaction's token be over."""
        self.hub.interactions.get(id_of(interaction)).born_at -= TOKEN_LIFE_S

    async def drop(self, resume: bool = True) -> None:
        """Tear the gateway's connections; without `resume` a RESUME is refused afterwards."""
        self.hub.gateway.drop(resume=resume)

    async def ask_to_reconnect(self) -> None:
        """Send opcode 7, which asks clients to reconnect."""
        self.hub.gateway.ask_to_reconnect()

    async def close_gateway(self, code: int) -> None:
        """Close the gateway's connections with this code."""
        self.hub.gateway.close(code)

    async def refuse_connects(self, n: int) -> None:
        """Refuse the next `n` gateway connections with a 503 instead of a handshake."""
        self.hub.gateway.refuse(n)

    async def fail(
        self,
        method: str,
        path: str,
        status: int | None,
        times: int | None = 1,
        *,
        code: int = 0,
        retry_after_s: float = 1.0,
        scope: Scope = "user",
        stall_s: float = 0.0,
        late_s: float = 0.0,
        acts: bool = False,
    ) -> None:
        """Let requests fail; the parameters are those of `faults.Fault`."""
        self.faults.add(Fault(method, path, status, times, code, retry_after_s, scope, stall_s, late_s, acts))

    async def answer_raw(
        self, method: str, path: str, status: int, body: str, headers: dict[str, str], times: int | None = 1
    ) -> None:
        """Answer requests as somebody between the bot and Discord does, without effect."""
        self.faults.add(Fault(method, path, status, times, raw=RawAnswer(body, headers)))

    async def storm(self, for_s: float, retry_after_s: float = 1.0, scope: Scope = "shared") -> None:
        """Answer every request with 429 for `for_s` seconds."""
        end_at = self.hub.world.now() + for_s
        self.faults.add(Fault("*", "*", 429, None, retry_after_s=retry_after_s, scope=scope, end_at=end_at))

    async def heal(self) -> None:
        """Remove all faults."""
        self.faults.clear()
