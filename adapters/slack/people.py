"""People and channels of Slack as Moot knows them, and the access rules that a workspace's admins expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from adapters.common.people import person_id
from adapters.common.recent import RecentDict
from adapters.common.retry import retry_when_limited
from adapters.slack.addresses import is_direct, read_address
from adapters.slack.api import Api, Denied, Workspace
from bot.actions.permissions import NO_RIGHTS, Person, Rights, require_admitted
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused
from bot.ports.process import Clock
from bot.ports.surface import SurfaceError
from bot.settings.platforms import DirectMessages, ServerSettings

FRESH_S = 300.0  # answers are reused so long: Slack lets us read 50 channels and 100 people a minute
PAGE_SIZE, MAX_PAGES = 200, 5  # of the channels that somebody is in
CACHE_SIZE = 5_000  # answers of one kind
SHARED = "This channel is shared with another organisation, so I take no part in it."
UNKNOWN = "I could not find out who you are here, so I did nothing: try again in a moment."


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Permissions to use the app: for workspaces, direct messages, and others than full members of a workspace."""

    shared_channels: bool = False
    guests: bool = False
    outsiders: bool = False
    allow: Literal["everyone"] | Sequence[str] = "everyone"
    direct_messages: DirectMessages = "members"


class People:
    """Look-ups of people and channels at Slack, cached. Without an answer people are refused. `time`: the loop's.

    `rules` returns a server's settings.
    """

    def __init__(self, api: Api, access: AccessRules, rules: Callable[[str], ServerSettings], time: Clock) -> None:
        self._api = api
        self._rules = rules
        self._access = access
        self._users: RecentDict[str, Mapping[str, Any]] = RecentDict(size=CACHE_SIZE, age_s=FRESH_S, clock=time)
        self._channels: RecentDict[str, Mapping[str, Any]] = RecentDict(size=CACHE_SIZE, age_s=FRESH_S, clock=time)
        self._joined: RecentDict[str, frozenset[str]] = RecentDict(size=CACHE_SIZE, age_s=FRESH_S, clock=time)
        self._order = KeyedSemaphore()  # so that many who press in one channel at once cost one call

    async def find_person(self, workspace: Workspace, user: str, channel: str) -> Person:
        """Return a user as a person who acts in a channel. Raises Refused for those who may not use the app.

        In a direct message each person is a server of their own, so that nobody sees the runs of others.
        """
        self._require_allowed(workspace)
        direct = is_direct(channel)
        if direct and self._access.direct_messages == "off":
            raise Refused("I answer no direct messages: ask me in a channel.")
        known = await self._find_user(workspace, user)
        if known.get("is_bot"):
            raise Refused("Apps cannot use me.")
        outside = known.get("is_stranger") or not _is_member(workspace, known)
        if outside and (not self._access.outsiders or (direct and self._access.direct_messages == "members")):
            raise Refused("I am for this organisation's own people; whoever runs me can allow others.")
        guest = bool(known.get("is_restricted") or known.get("is_ultra_restricted"))
        if guest and not self._access.guests:
            raise Refused("I am for full members of this workspace; whoever runs me can allow guests.")
        admin = not outside and bool(known.get("is_admin") or known.get("is_owner"))
        roles = {"guest"} if guest else {"admin", "member"} if admin else {"member"}
        name = _display_name(known) or user
        server = f"{workspace.server}:@{user}" if direct else workspace.server
        person = Person(f"slack:{user}", str(name), server, admin, frozenset(roles), admin, channel)
        require_admitted(person, self._rules(server))
        return replace(person, rights_at=partial(self._find_rights, workspace=workspace, by=person, here=channel))

    async def name_user(self, workspace: Workspace, user: str) -> str:
        """Return how a user is called; "" where Slack does not say."""
        try:
            return _display_name(await self._find_user(workspace, user))
        except Refused:
            return ""

    async def name_channel(self, workspace: Workspace, channel: str, here: str) -> str:
        """Return a channel's name for people in `here`; "" for a private one elsewhere, or where Slack does not say."""
        try:
            info = await self._find_channel(workspace, channel)
        except Refused:
            return ""
        is_open = channel == here or not (info.get("is_private") or info.get("is_mpim"))
        return str(info.get("name") or "") if is_open else ""

    def _require_allowed(self, workspace: Workspace) -> None:
        """Raise Refused in a workspace that the operator has not allowed, by itself or with its organisation."""
        allow = self._access.allow
        if allow != "everyone" and not {workspace.id, workspace.enterprise} & set(allow):
            raise Refused(
                f"I am not set up for this workspace. Whoever runs me can allow it: send them its id, {workspace.id}."
            )

    async def _find_rights(self, address: str, *, workspace: Workspace, by: Person, here: str) -> Rights:
        """Return the rights of a person who acts in channel `here` at an address of their workspace.

        Slack tells nobody's right to write in a channel that they see; its admins are the moderators of all of them.
        """
        if not await self.may_see(workspace, address, by, here):
            return NO_RIGHTS
        return Rights(see=True, write=True, moderate=by.moderator)

    async def check_channel(self, workspace: Workspace, channel: str) -> tuple[str, ...]:
        """Return id and name of a channel. Raises Refused where no run can, or may, be held."""
        if is_direct(channel):
            return (channel,)
        info = await self._find_channel(workspace, channel)
        if (info.get("is_ext_shared") or info.get("is_pending_ext_shared")) and not self._access.shared_channels:
            raise Refused(SHARED)
        if info.get("is_archived"):
            raise Refused("This channel is archived: ask me in another one.")
        if not (info.get("is_member") or info.get("is_mpim")):
            raise Refused("I am not in this channel: `/invite` me here by my name, then ask again.")
        return tuple(word for word in (channel, str(info.get("name") or "")) if word)

    async def may_see(self, workspace: Workspace, address: str, by: Person, here: str) -> bool:
        """Return whether a person who acts in channel `here` can see an address of their workspace.

        They cannot where Slack gives no answer.
        """
        place = read_address(address)
        if place is None or place.is_direct or place.channel == here:
            return place is not None
        try:
            info = await self._find_channel(workspace, place.channel)
            is_open = not info.get("is_private") and not info.get("is_mpim") and "guest" not in by.roles
            return is_open or place.channel in await self._list_channels(workspace, by)
        except (Refused, SurfaceError):
            return False

    async def _list_channels(self, workspace: Workspace, by: Person) -> frozenset[str]:
        """Return the channels that both a person and the app are in.

        https://docs.slack.dev/reference/methods/users.conversations
        """
        key = f"{workspace.id}/{by.key}"
        if known := self._joined.get(key):
            return known
        query = {"user": person_id(by.key), "types": "public_channel,private_channel,mpim", "limit": str(PAGE_SIZE)}
        found: set[str] = set()
        cursor = ""
        for _ in range(MAX_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await self._api.call(workspace, "users.conversations", **query, **more)
            found |= {str(channel["id"]) for channel in answer["channels"]}
            if not (cursor := str(answer.get("response_metadata", {}).get("next_cursor", ""))):
                break
        return self._joined.put(key, frozenset(found))

    async def _find_user(self, workspace: Workspace, user: str) -> Mapping[str, Any]:
        key = f"{workspace.id}/{user}"
        async with self._order.of(key):
            if known := self._users.get(key):
                return known
            try:
                answer = await retry_when_limited(lambda: self._api.call(workspace, "users.info", user=user))
            except SurfaceError as error:
                raise Refused(UNKNOWN) from error
            return self._users.put(key, answer["user"])

    async def _find_channel(self, workspace: Workspace, channel: str) -> Mapping[str, Any]:
        key = f"{workspace.id}/{channel}"
        async with self._order.of(key):
            if known := self._channels.get(key):
                return known
            info = await self._fetch_channel(workspace, channel)
            # a channel that the app is not in is looked up each time, so that an invitation helps at once
            return self._channels.put(key, info) if info.get("is_member") else info

    async def _fetch_channel(self, workspace: Workspace, channel: str) -> Mapping[str, Any]:
        try:
            answer = await retry_when_limited(lambda: self._api.call(workspace, "conversations.info", channel=channel))
        except Denied as error:
            if error.code == "channel_not_found":
                raise Refused("I cannot see this channel: `/invite` me here by my name, then ask again.") from error
            raise Refused("I could not find out what this channel is, so I did nothing: " + str(error) + ".") from error
        except SurfaceError as error:
            raise Refused("I could not find out what this channel is, so I did nothing: try again.") from error
        info: Mapping[str, Any] = answer["channel"]
        return info


def _is_member(workspace: Workspace, user: Mapping[str, Any]) -> bool:
    """Return whether a user belongs to this workspace or its organisation."""
    if user.get("team_id") == workspace.id:
        return True
    return bool(workspace.enterprise) and user.get("enterprise_user", {}).get("enterprise_id") == workspace.enterprise


def _display_name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile", {})
    return str(profile.get("display_name") or profile.get("real_name") or user.get("name") or "")
