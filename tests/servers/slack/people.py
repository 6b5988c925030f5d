"""Acts of people. Each changes the world as Slack would and tells the app; its Delivery can be awaited.

People, channels and views are named by their ids; a message by anything with its `channel` and `ts`. An act that
Slack's clients do not offer raises ValueError: a button that is not there, a channel that the person is not in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.servers.slack.answers import answer_command, answer_submission, create_response_url
from tests.servers.slack.blocks import find_element
from tests.servers.slack.choices import build_element_state, build_modal_state
from tests.servers.slack.deliveries import Courier, Delivery, OnAnswer
from tests.servers.slack.payloads import (
    command_json,
    interaction_json,
    location_json,
    message_event,
    message_json,
    view_json,
)
from tests.servers.slack.world import Channel, Ephemeral, File, Json, Located, Message, Ref, View, World


class People:
    def __init__(self, world: World, courier: Courier) -> None:
        self._world, self._courier = world, courier

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Delivery:
        """Type a slash command in a channel; Slack does not offer commands in threads."""
        where = self._require_member(user, channel)
        url = create_response_url(self._world, self._team_of(channel), channel, user)
        payload = command_json(self._world, self._world.users[user], where, command, text, url)
        return self._courier.deliver_interaction(
            "slash_commands", payload, lambda answer: answer_command(self._world, url, answer)
        )

    async def click(self, user: str, message: Located, action_id: str) -> Delivery:
        """Press a button of a message."""
        block_id, button = _require_element(self._find_message(message).blocks, action_id)
        return self._use_element(
            user, message, {k: v for k, v in button.items() if k != "confirm"} | {"block_id": block_id}
        )

    async def click_ephemeral(self, shown: Ephemeral, action_id: str) -> Delivery:
        """Press a button of a message that its person alone sees; the payload does not hold that message."""
        if shown.deleted:
            raise ValueError("that message is gone")
        block_id, button = _require_element(shown.blocks, action_id)
        team, channel = self._team_of(shown.channel), self._world.channels[shown.channel]
        container: Json = {"type": "message", "message_ts": shown.ts, "channel_id": shown.channel}
        container |= {"is_ephemeral": True} | ({"thread_ts": shown.thread_ts} if shown.thread_ts else {})
        payload = interaction_json(
            self._world,
            "block_actions",
            self._world.users[shown.user],
            team,
            container=container,
            trigger_id=self._world.trigger(team, shown.user),
            channel={"id": channel.id, "name": channel.name or "directmessage"},
            response_url=create_response_url(self._world, team, shown.channel, shown.user, shown.ts),
            state={"values": {}},
            actions=[button | {"block_id": block_id, "action_ts": self._world.ts()}],
        )
        return self._courier.deliver_interaction("interactive", payload, _ignore)

    async def choose(self, user: str, message: Located, action_id: str, value: object) -> Delivery:
        """Pick from a menu of a message."""
        block_id, menu = _require_element(self._find_message(message).blocks, action_id)
        return self._use_element(
            user, message, {"action_id": action_id, "block_id": block_id} | build_element_state(menu, value)
        )

    async def click_in_view(self, user: str, view: str, action_id: str) -> Delivery:
        """Press a button of a modal or of the home tab."""
        opened = self._find_view(user, view)
        block_id, button = _require_element(opened.body["blocks"], action_id)
        payload = interaction_json(
            self._world,
            "block_actions",
            self._world.users[user],
            opened.team,
            container={"type": "view", "view_id": view},
            trigger_id=self._world.trigger(opened.team, user),
            view=view_json(self._world, opened),
            actions=[button | {"block_id": block_id, "action_ts": self._world.ts()}],
        )
        return self._courier.deliver_interaction("interactive", payload, _ignore)

    async def shortcut(self, user: str, message: Located, callback_id: str) -> Delivery:
        """Use a message shortcut from the menu of any message, in threads as well."""
        self._find_message(message)
        team = self._team_of(message.channel)
        payload = interaction_json(
            self._world,
            "message_action",
            self._world.users[user],
            team,
            callback_id=callback_id,
            trigger_id=self._world.trigger(team, user),
            response_url=create_response_url(self._world, team, message.channel, user, message.ts),
            message_ts=message.ts,
            action_ts=self._world.ts(),
            **location_json(self._world, message),
        )
        del payload["api_app_id"], payload["user"]["username"]  # Slack sends these two only with other interactions
        return self._courier.deliver_interaction("interactive", payload, _ignore)

    async def submit(self, user: str, view: str, values: Mapping[str, object] | None = None) -> Delivery:
        """Send a modal; `values` by action id, the rest as the app had filled it in."""
        opened = self._find_view(user, view)
        opened.state = build_modal_state(opened.body["blocks"], values or {})
        return self._deliver_view_event(opened, "view_submission", lambda a: answer_submission(self._world, opened, a))

    async def close_view(self, user: str, view: str) -> Delivery:
        """Close a modal. Raises ValueError unless the app asked for the event with `notify_on_close`."""
        opened = self._find_view(user, view)
        opened.open = False
        if not opened.body.get("notify_on_close"):
            raise ValueError("the app did not ask to be told")
        return self._deliver_view_event(opened, "view_closed", _ignore, is_cleared=False)

    async def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        mention: bool = False,
        files: Sequence[tuple[str, bytes]] = (),
        attachments: Sequence[Json] = (),
        blocks: Sequence[Json] = (),
        odd_files: Sequence[Json] = (),
        bot_id: str = "",
        looking_at: Located | None = None,
    ) -> Delivery:
        """Write a message; `mention` puts the bot's name in front, `files` are (name, content).

        `odd_files` are files as Slack sends those that are not whole: shared, deleted, hidden. With a `bot_id` an app
        writes it. `looking_at` is a message beside which the person has an agent's messages open.

        Returns the delivery of the app_mention where there is one, else that of the message event. `event["ts"]` is the
        message.
        """
        where, team = self._require_member(user, channel), self._world.teams[self._team_of(channel)]
        if where.archived:
            raise ValueError(f"{channel} is archived")
        said = f"<@{team.bot_user}> {text}" if mention else text
        message = Message(channel, self._world.ts(), user, self._world.now(), said, thread_ts=thread_ts or "")
        message.files = [self._store_file(user, team.id, name, content).id for name, content in files]
        message.attachments, message.blocks, message.bot_id = list(attachments), list(blocks), bot_id
        message.odd_files = list(odd_files)
        self._world.put(message)
        event = message_event(self._world, message) | ({"subtype": "file_share"} if files or odd_files else {})
        if looking_at and self._world.app.is_agent and "app_context_changed" in self._world.app.events:
            value = {"channel_id": looking_at.channel, "message_ts": looking_at.ts}
            event["app_context"] = {"entities": [{"type": "slack#/types/message_context", "value": value}]}
        heard = self._courier.deliver_event(team.id, event, where)
        if team.bot_user in message.notified and where.kind != "im":
            mentioned = {k: v for k, v in event.items() if k not in ("channel_type", "subtype")}
            home = self._world.users[user].team
            mentioned |= {"type": "app_mention", "user_team": home, "source_team": home}
            return self._courier.deliver_event(team.id, mentioned, where)
        return heard

    async def edit(self, user: str, message: Located, text: str) -> Delivery:
        """Edit one's own message. Where it then mentions the bot, Slack sends `app_mention` once more.

        Returns the delivery of the app_mention where there is one, else that of message_changed.
        """
        found, where = self._find_message(message), self._world.channels[message.channel]
        team = self._world.teams[where.team]
        if found.user != user:
            raise ValueError("only one's own messages can be edited")
        before = message_json(self._world, found, reactions=False)
        found.text, found.edited = text, True
        found.record_form(self._world.now())
        now = message_event(self._world, found)
        edited = {"edited": {"user": user, "ts": self._world.ts()}}
        changed = {k: now[k] for k in ("channel", "channel_type", "team")}
        changed |= {"type": "message", "subtype": "message_changed", "hidden": True, "ts": self._world.ts()}
        stands = {k: v for k, v in now.items() if k not in ("channel", "channel_type", "event_ts")} | edited
        changed |= {"message": stands, "previous_message": before, "event_ts": changed["ts"]}
        heard = self._courier.deliver_event(team.id, changed, where)
        if team.bot_user in found.mentions and where.kind != "im":
            mentioned = {k: v for k, v in now.items() if k != "channel_type"} | edited | {"type": "app_mention"}
            return self._courier.deliver_event(team.id, mentioned | {"event_ts": self._world.ts()}, where)
        return heard

    async def show_preview(self, message: Located, preview: Json) -> Delivery:
        """Show what a link in a message leads to, as Slack does by itself."""
        return self._change(message, {"attachments": [preview]})

    async def bury(self, message: Located) -> Delivery:
        """Delete a message that has replies: a tombstone stays in its place."""
        return self._change(message, {"subtype": "tombstone", "text": "This message was deleted."})

    def _change(self, message: Located, changes: Json) -> Delivery:
        found, where = self._find_message(message), self._world.channels[message.channel]
        before = message_json(self._world, found, reactions=False)
        now = message_event(self._world, found)
        event: Json = {k: now[k] for k in ("channel", "channel_type", "team")}
        event |= {"type": "message", "subtype": "message_changed", "hidden": True}
        event |= {"message": {**before, **changes}, "previous_message": before, "ts": self._world.ts()}
        return self._courier.deliver_event(where.team, event | {"event_ts": event["ts"]}, where)

    async def react(self, user: str, message: Located, name: str) -> Delivery:
        users = self._find_message(message).reactions.setdefault(name, [])
        if user in users:
            raise ValueError(f"{user} has reacted with {name} before")
        users.append(user)
        return self._deliver_reaction("reaction_added", user, message, name)

    async def unreact(self, user: str, message: Located, name: str) -> Delivery:
        self._find_message(message).reactions[name].remove(user)
        return self._deliver_reaction("reaction_removed", user, message, name)

    async def open_home(self, user: str) -> Delivery:
        """Open the app's home tab."""
        channel = self._world.im(user)
        event: Json = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": "home"}
        home = self._world.homes.get(user)
        shown = {"view": view_json(self._world, home)} if home else {}
        return self._courier.deliver_event(channel.team, event | shown | {"event_ts": self._world.ts()})

    async def stop_session(self, user: str, root: Located) -> Delivery:
        """Press the stop button of a session, which also ends the streams that the app writes there."""
        channel, team = self._require_member(user, root.channel), self._team_of(root.channel)
        session = self._world.sessions.get(Ref(root.channel, root.ts))
        if session is None or session.statuses[-1] != "processing":
            raise ValueError("there is no stop button: nothing is being processed")
        streams = [m for m in self._world.messages(root.channel, root.ts) if m.stream == "streaming"]
        for message in streams:
            message.stream = "halted"
        event: Json = {"type": "agent_session_stopped", "channel": root.channel, "thread_ts": root.ts, "user": user}
        event |= {"streaming_message_ts": [m.ts for m in streams], "event_ts": self._world.ts()}
        return self._courier.deliver_event(team, event, channel)

    async def delete_message(self, message: Located) -> Delivery:
        """Delete anyone's message, as its author or an admin may."""
        gone = self._find_message(message)
        before = message_json(self._world, gone)
        gone.deleted = True
        event = message_event(self._world, gone) | {"subtype": "message_deleted", "deleted_ts": gone.ts}
        event |= {"previous_message": before, "ts": self._world.ts()}
        return self._courier.deliver_event(self._team_of(message.channel), event, self._world.channels[message.channel])

    async def archive(self, user: str, channel: str) -> Delivery:
        where = self._world.channels[channel]
        where.archived = True
        event = {"type": "channel_archive", "channel": channel, "user": user, "event_ts": self._world.ts()}
        return self._courier.deliver_event(where.team, event, where)

    async def join(self, user: str, channel: str) -> Delivery:
        """Add a user to a channel, or the bot when `user` is its own."""
        where = self._world.channels[channel]
        where.members.append(user)
        kind = "C" if where.kind == "public" else "G"
        event: Json = {"type": "member_joined_channel", "user": user, "channel": channel, "channel_type": kind}
        return self._courier.deliver_event(
            where.team, event | {"team": where.team, "event_ts": self._world.ts()}, where
        )

    async def leave(self, user: str, channel: str) -> None:
        """Remove a user or the bot from a channel."""
        self._world.channels[channel].members.remove(user)

    async def uninstall(self, team: str) -> Delivery:
        """Uninstall the app: every token of the workspace dies.

        The app hears tokens_revoked and app_uninstalled; the latter is returned.
        """
        dead = [t for t in self._world.tokens.values() if t.team == team]
        for token in dead:
            token.revoked = True
        bots = sorted({t.bot_user for t in dead})
        self._courier.deliver_event(team, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": bots}})
        return self._courier.deliver_event(team, {"type": "app_uninstalled"})

    def _use_element(self, user: str, message: Located, action: Json) -> Delivery:
        team = self._team_of(message.channel)
        container: Json = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        container |= {"is_ephemeral": False}
        if thread := self._find_message(message).thread_ts:
            container["thread_ts"] = thread
        payload = interaction_json(
            self._world,
            "block_actions",
            self._world.users[user],
            team,
            container=container,
            trigger_id=self._world.trigger(team, user),
            response_url=create_response_url(self._world, team, message.channel, user, message.ts),
            state={"values": {}},
            actions=[action | {"action_ts": self._world.ts()}],
            **location_json(self._world, message),
        )
        return self._courier.deliver_interaction("interactive", payload, _ignore)

    def _deliver_view_event(self, view: View, kind: str, on_answer: OnAnswer, **fields: object) -> Delivery:
        world, user = self._world, self._world.users[view.user]
        fields |= {"view": view_json(world, view), "trigger_id": world.trigger(view.team, view.user)}
        payload = interaction_json(world, kind, user, view.team, response_urls=[], **fields)
        return self._courier.deliver_interaction("interactive", payload, on_answer)

    def _deliver_reaction(self, kind: str, user: str, message: Located, name: str) -> Delivery:
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        author = self._find_message(message).user
        event: Json = {"type": kind, "user": user, "item": item, "reaction": name, "item_user": author}
        channel = self._world.channels[message.channel]
        return self._courier.deliver_event(channel.team, event | {"event_ts": self._world.ts()}, channel)

    def _store_file(self, user: str, team: str, name: str, content: bytes) -> File:
        file = File(self._world.id("F"), team, user, name, len(content), content=content, done=True)
        self._world.files[file.id] = file
        return file

    def _team_of(self, channel: str) -> str:
        return self._world.channels[channel].team

    def _require_member(self, user: str, channel: str) -> Channel:
        where = self._world.channels[channel]
        if user not in where.members:
            raise ValueError(f"{user} is not in {channel}")
        return where

    def _find_message(self, message: Located) -> Message:
        found = self._world.posts.get(Ref(message.channel, message.ts))
        if found is None or found.deleted:
            raise ValueError(f"nothing stands at {message.channel} {message.ts}")
        return found

    def _find_view(self, user: str, view: str) -> View:
        found = self._world.views.get(view)
        if found is None or not found.open or found.user != user:
            raise ValueError(f"{user} has no open view {view}")
        return found


def _ignore(answer: Json | None) -> str:
    """Ignore an answer, as Slack does with what comes back with these acknowledgements."""
    return ""


def _require_element(blocks: list[Json], action_id: str) -> tuple[str, Json]:
    found = find_element(blocks, action_id)
    if found is None:
        raise ValueError(f"there is nothing called {action_id!r} to press")
    return found
