"""Answers of the app: in an acknowledgement, or through a response_url (5 uses in 30 minutes).

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

from aiohttp import web

from tests.servers.slack.calls import SlackError
from tests.servers.slack.limits import Times
from tests.servers.slack.web_api_chat import check_blocks
from tests.servers.slack.web_api_views import check_view, create_view, replace_view
from tests.servers.slack.world import Ephemeral, Json, Message, Ref, ResponseUrl, View, World

USES = 5


def create_response_url(world: World, team: str, channel: str, user: str, ts: str = "") -> str:
    """Create a response_url; `ts` is the message that it may replace."""
    key = world.id("r")
    world.response_urls[key] = ResponseUrl(f"{world.base}/response/{key}", team, channel, user, world.now(), ts)
    return world.response_urls[key].url


class ResponseUrls:
    def __init__(self, world: World, times: Times) -> None:
        self._world, self._times = world, times

    async def handle(self, http: web.Request) -> web.Response:
        place = self._world.response_urls.get(http.match_info["key"])
        if place is None:
            return web.Response(status=404, text="no_service")
        if self._world.now() - place.at >= self._times.response_url_s:
            return web.Response(status=404, text="expired_url")
        if place.uses >= USES:
            return web.Response(status=404, text="used_url")
        place.uses += 1
        try:
            respond(self._world, place, await http.json())
        except SlackError as refused:
            return web.Response(status=400, text=refused.code)
        return web.Response(text="ok")


def respond(world: World, place: ResponseUrl, said: Json) -> None:
    """Show an answer: replace or delete the original message, or post a new one.

    A new message is ephemeral as long as the answer does not say `in_channel`.
    """
    text, blocks = str(said.get("text") or ""), check_blocks(said.get("blocks"))
    private = next((shown for shown in world.ephemerals if place.ts and shown.ts == place.ts), None)
    original = private or world.posts.get(Ref(place.channel, place.ts))
    if said.get("delete_original") and original is not None:
        original.deleted = True
    elif said.get("replace_original") and original is not None:
        original.text, original.blocks = text, blocks
        if isinstance(original, Message):
            original.record_form(world.now())
    elif not (text or blocks):
        raise SlackError("no_text")
    elif said.get("response_type") == "in_channel":
        team = world.teams[place.team]
        message = Message(place.channel, world.ts(), team.bot_user, world.now(), text, blocks, bot_id=team.bot_id)
        message.thread_ts = str(said.get("thread_ts") or "")
        world.put(message)
    else:
        thread_ts = str(said.get("thread_ts") or "")
        shown = Ephemeral(place.channel, place.user, world.now(), text, blocks, thread_ts, place.url, world.ts())
        world.ephemerals.append(shown)


def answer_command(world: World, url: str, answer: Json | None) -> str:
    """Answer a command with its acknowledgement; this spends no use of its response_url.

    Returns an error code, "" for none.
    """
    if not answer:
        return ""
    try:
        respond(world, world.response_urls[url.rsplit("/", 1)[1]], answer)
    except SlackError as refused:
        return refused.code
    return ""


def answer_submission(world: World, view: View, answer: Json | None) -> str:
    """Apply the app's answer to a submitted modal, and return an error code, "" for none.

    An empty answer closes the view, and errors leave it open. Update replaces it, push puts another on top, and clear
    closes the whole stack.
    """
    said = answer or {}
    try:
        match said.get("response_action"):
            case "errors":
                pass
            case "update":
                replace_view(world, view, check_view(said.get("view"), "modal"))
            case "push":
                create_view(world, view.team, view.user, check_view(said.get("view"), "modal"), below=view)
            case "clear":
                for other in world.views.values():
                    other.open = other.open and other.root != view.root
            case None:
                view.open = False
            case _:
                return "invalid_response_action"
    except SlackError as refused:
        return refused.code
    return ""
