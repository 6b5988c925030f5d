"""Who somebody on Slack is to Moot and what a channel is: the walls that a workspace's admins expect."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from adapters.common.retry import retry_when_limited
from adapters.slack.addresses import is_direct, read_address
from adapters.slack.api import Api, Denied, Workspace
from adapters.slack.layout import person_id
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused
from bot.ports import Clock, SurfaceError

T = TypeVar("T")

HOLDS_S = 300.0  # how long what was read holds: Slack lets us read 50 channels and 100 people a minute
A_PAGE, PAGES = 200, 5  # of the channels that somebody is in
MOST = 5_000  # of either, remembered
SHARED = "This channel is shared with another organisation, so I take no part in it."
UNKNOWN = "I could not find out who you are here, so I did nothing: try again in a moment."


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Who may use the app though they are not members of the workspace in full."""

    shared_channels: bool = False
    guests: bool = False
    outsiders: bool = False


class TtlCache(Generic[T]):
    """What was found out lately, by key."""

    def __init__(self, holds_s: float, time: Clock) -> None:
        self._holds_s = holds_s
        self._time = time
        self._found: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, key: str) -> T | None:
        at, value = self._found.get(key, (float("-inf"), None))
        return value if self._time() < at + self._holds_s else None

    def put(self, key: str, value: T) -> T:
        self._found[key] = (self._time(), value)
        self._found.move_to_end(key)
        if len(self._found) > MOST:
            self._found.popitem(last=False)
        return value


class People:
    """Asks Slack who people are and what channels are. What cannot be found out is refused. `time`: the loop's."""

    def __init__(self, api: Api, walls: AccessRules, time: Clock) -> None:
        self._api = api
        self._walls = walls
        self._users: TtlCache[Mapping[str, Any]] = TtlCache(HOLDS_S, time)
        self._rooms: TtlCache[Mapping[str, Any]] = TtlCache(HOLDS_S, time)
        self._joined: TtlCache[frozenset[str]] = TtlCache(HOLDS_S, time)
        self._asking = KeyedSemaphore()  # many who press in one channel at once cost one call

    async def person(self, at: Workspace, user: str, channel: str) -> Person:
        """Somebody where they act. In a direct message each is their own server, so that nobody sees another's.

        Raises Refused for those who may not use the app.
        """
        known = await self._user(at, user)
        if known.get("is_bot"):
            raise Refused("Apps cannot use me.")
        outside = known.get("is_stranger") or not _belongs(at, known)
        if outside and not self._walls.outsiders:
            raise Refused("I am for this organisation's own people; whoever runs me can allow others.")
        guest = bool(known.get("is_restricted") or known.get("is_ultra_restricted"))
        if guest and not self._walls.guests:
            raise Refused("I am for full members of this workspace; whoever runs me can allow guests.")
        admin = not outside and bool(known.get("is_admin") or known.get("is_owner"))
        roles = {"guest"} if guest else {"admin", "member"} if admin else {"member"}
        profile = known.get("profile", {})
        name = profile.get("display_name") or profile.get("real_name") or known.get("name") or user
        server = f"{at.server}:@{user}" if is_direct(channel) else at.server
        return Person(f"slack:{user}", str(name), server, admin, frozenset(roles))

    async def check(self, at: Workspace, channel: str) -> tuple[str, ...]:
        """The channel by id and by name. Raises Refused where no run can, or may, be held."""
        if is_direct(channel):
            return (channel,)
        room = await self._room(at, channel)
        if (room.get("is_ext_shared") or room.get("is_pending_ext_shared")) and not self._walls.shared_channels:
            raise Refused(SHARED)
        if room.get("is_archived"):
            raise Refused("This channel is archived: ask me in another one.")
        if not (room.get("is_member") or room.get("is_mpim")):
            raise Refused("I am not in this channel: `/invite` me here by my name, then ask again.")
        return tuple(word for word in (channel, str(room.get("name") or "")) if word)

    async def sees(self, at: Workspace, address: str, by: Person, here: str) -> bool:
        """Whether somebody who acts in channel `here` can look at an address of their workspace; where that cannot be
        found out, they cannot."""
        spot = read_address(address)
        if spot is None or spot.direct or spot.channel == here:
            return spot is not None
        try:
            room = await self._room(at, spot.channel)
            open_ = not room.get("is_private") and not room.get("is_mpim") and "guest" not in by.roles
            return open_ or spot.channel in await self._channels_of(at, by)
        except (Refused, SurfaceError):
            return False

    async def _channels_of(self, at: Workspace, by: Person) -> frozenset[str]:
        """Those that both they and the app are in (https://docs.slack.dev/reference/methods/users.conversations)."""
        key = f"{at.id}/{by.key}"
        if known := self._joined.get(key):
            return known
        asked = {"user": person_id(by.key), "types": "public_channel,private_channel,mpim", "limit": str(A_PAGE)}
        found: set[str] = set()
        cursor = ""
        for _ in range(PAGES):
            more = {"cursor": cursor} if cursor else {}
            said = await self._api.call(at, "users.conversations", **asked, **more)
            found |= {str(channel["id"]) for channel in said["channels"]}
            if not (cursor := str(said.get("response_metadata", {}).get("next_cursor", ""))):
                break
        return self._joined.put(key, frozenset(found))

    async def _user(self, at: Workspace, user: str) -> Mapping[str, Any]:
        key = f"{at.id}/{user}"
        async with self._asking.of(key):
            if known := self._users.get(key):
                return known
            try:
                said = await retry_when_limited(lambda: self._api.call(at, "users.info", user=user))
            except SurfaceError as error:
                raise Refused(UNKNOWN) from error
            return self._users.put(key, said["user"])

    async def _room(self, at: Workspace, channel: str) -> Mapping[str, Any]:
        key = f"{at.id}/{channel}"
        async with self._asking.of(key):
            if known := self._rooms.get(key):
                return known
            room = await self._room_now(at, channel)
            # a channel that I am not in yet is looked at anew, so that an invitation helps at once
            return self._rooms.put(key, room) if room.get("is_member") else room

    async def _room_now(self, at: Workspace, channel: str) -> Mapping[str, Any]:
        try:
            said = await retry_when_limited(lambda: self._api.call(at, "conversations.info", channel=channel))
        except Denied as error:
            if error.code == "channel_not_found":
                raise Refused("I cannot see this channel: `/invite` me here by my name, then ask again.") from error
            raise Refused("I could not find out what this channel is, so I did nothing: " + str(error) + ".") from error
        except SurfaceError as error:
            raise Refused("I could not find out what this channel is, so I did nothing: try again.") from error
        room: Mapping[str, Any] = said["channel"]
        return room


def _belongs(at: Workspace, user: Mapping[str, Any]) -> bool:
    """Whether they are of this workspace, or of its organisation."""
    if user.get("team_id") == at.id:
        return True
    return bool(at.enterprise) and user.get("enterprise_user", {}).get("enterprise_id") == at.enterprise
