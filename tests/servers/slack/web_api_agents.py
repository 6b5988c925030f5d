"""The method agents.sessions.setStatus: a thread as a session of an agent, with a stop button while it is processing.

https://docs.slack.dev/reference/methods/agents.sessions.setStatus
"""

from __future__ import annotations

from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.web_api_chat import read_author
from tests.servers.slack.world import Json, Ref, Session

TITLE = 200
STATUSES = ("active", "processing", "suspended", "closed")
UNHEARD = "missing_agent_session_stopped_event_subscription"


def set_status(call: Call) -> Json:
    channel = call.channel("channel_id")
    if not call.world.app.is_agent:
        raise SlackError("not_agent_app")
    status, title, initiator = call.text("status"), call.text("title"), call.text("initiator_user_id")
    if status not in STATUSES or len(title) > TITLE or (initiator and initiator not in channel.members):
        raise SlackError("invalid_arguments")
    read_author(call)
    root = call.world.posts.get(Ref(channel.id, call.text("thread_ts")))
    if root is None or root.thread_ts:
        raise SlackError("invalid_thread_ts")
    session = call.world.sessions.setdefault(Ref(channel.id, root.ts), Session(title, initiator))
    session.statuses.append(status)
    heard = "agent_session_stopped" in call.world.app.events
    return {"status": status, "agent_status": status, "title": session.title} | ({} if heard else {"warning": UNHEARD})


AGENTS = {"agents.sessions.setStatus": Method(set_status, "chat:write", "t3")}
