"""An interaction's first response and its follow-ups, under the application's id and the interaction's token.

https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

from __future__ import annotations

from typing import Any

from tests.servers.discord import checks, errors, messages, modals, payloads
from tests.servers.discord.interactions import Pending
from tests.servers.discord.routing import Call, Route
from tests.servers.discord.world import EPHEMERAL, LOADING, Message


def find_pending(call: Call) -> Pending | None:
    """Return the interaction whose token the path carries; None: the path is a webhook's.

    Raises 50027, 10015.
    """
    if call.id("webhook_id") != call.me:
        return None
    pending = call.hub.interactions.find_by_token(call.path["webhook_token"])
    if pending is None:
        raise errors.unknown_webhook()
    return pending


def create(call: Call, pending: Pending) -> Any:
    """Post a follow-up, or fill in a deferred response that still stands.

    A response that is filled in stays as ephemeral as it was.
    """
    original = pending.answer.message
    stands = original is not None and original.id in call.hub.world.messages[original.channel_id]
    if original is not None and stands and original.flags & LOADING:
        messages.edit(call.hub, original, call.body, call.uploads)
        return payloads.message(call.hub.world, original)
    channel = call.hub.world.channel(pending.channel_id)
    message = messages.post(call.hub, channel, call.hub.world.bot, call.body, call.uploads, webhook_id=call.me)
    pending.answer.followups.append(message)
    return payloads.message(call.hub.world, message)


def find_message(call: Call, pending: Pending) -> Message:
    """Return the original response, or a follow-up by its id. Raises 10008, also for a deleted one."""
    original = pending.answer.message
    known = [*pending.answer.followups, *([] if original is None else [original])]
    number = call.id("message_id") if "message_id" in call.path else (original.id if original else 0)
    found = next((m for m in known if m.id == number), None)
    if found is None:
        raise errors.unknown_message()
    return call.hub.world.message(found.channel_id, found.id)


def respond(call: Call) -> Any:
    """Give an interaction its first response.

    Raises 10062 after 3 s, 40060 the second time, 50035 for a type that does not fit.
    """
    hub, kind, data = call.hub, call.body["type"], call.body.get("data") or {}
    pending = hub.interactions.require_pending(call.id("interaction_id"), call.path["interaction_token"])
    if kind not in _ALLOWED[pending.type] or (kind in (6, 7) and pending.source is None):
        raise errors.invalid_form([errors.Problem("type", "BASE_TYPE_CHOICES", "Not for this interaction")])
    match kind:
        case 4 | 5:
            channel = hub.world.channel(pending.channel_id)
            body = data if kind == 4 else {"flags": data.get("flags", 0) & EPHEMERAL | LOADING}
            sent = messages.post(hub, channel, hub.world.bot, body, call.uploads, webhook_id=call.me)
            pending.answer.message = sent
            pending.answer.ephemeral = sent.ephemeral
        case 6:
            pending.answer.message = pending.source
        case 7:
            assert pending.source is not None  # checked above
            messages.edit(hub, pending.source, data, call.uploads)
            pending.answer.message = pending.source
        case 8:
            checks.check_choices(data["choices"])
            pending.answer.choices = data["choices"]
        case 9:
            modals.check_modal(data)
            pending.answer.modal = data
    hub.interactions.acknowledge(pending, kind)
    return _callback_json(call, pending, kind) if call.query.get("with_response") in ("1", "true", "True") else None


_ALLOWED: dict[int, tuple[int, ...]] = {2: (4, 5, 9), 3: (4, 5, 6, 7, 9), 4: (8,), 5: (4, 5, 6, 7)}


def _callback_json(call: Call, pending: Pending, kind: int) -> dict[str, Any]:
    shown = pending.answer.message
    answer: dict[str, Any] = {
        "interaction": {
            "id": str(pending.id),
            "type": pending.type,
            "response_message_id": None if shown is None else str(shown.id),
            "response_message_loading": kind == 5,
            "response_message_ephemeral": pending.answer.ephemeral,
        }
    }
    if shown is not None and kind != 6:
        answer["resource"] = {"type": kind, "message": payloads.message(call.hub.world, shown)}
    return answer


ROUTES = (Route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", respond, by_token=True),)
