"""Methods of modals and home tabs.

A trigger opens one view within 3 s. A hash guards an update against an older one.
https://docs.slack.dev/surfaces/modals
"""

from __future__ import annotations

import json

from tests.servers.slack import blocks as kit
from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import view_json
from tests.servers.slack.world import Json, View, World

STACKED = 3
VIEW_BYTES = 250_000
LONGEST = {"private_metadata": 3_000, "callback_id": 255, "external_id": 255}
TITLE = 24


def create_view(world: World, team: str, user: str, body: Json, below: View | None = None) -> View:
    """Create a view on top of `below`, or as the first of a stack."""
    key = world.id("V")
    blocks = [{"block_id": f"b{i}", **b} for i, b in enumerate(body.get("blocks", []))]
    view = View(key, team, user, body | {"blocks": blocks}, world.id("hash."), below.root if below else key)
    view.previous = below.id if below else ""
    world.views[key] = view
    return view


def replace_view(world: World, view: View, body: Json) -> None:
    """Put new content in the same view; typed values of blocks that stay are kept, as Slack keeps them."""
    view.body = body | {"blocks": [{"block_id": f"b{i}", **b} for i, b in enumerate(body.get("blocks", []))]}
    view.hash = world.id("hash.")


def open_view(call: Call) -> Json:
    team, user = _spend_trigger(call)
    return {
        "view": view_json(call.world, create_view(call.world, team, user, check_view(call.args.get("view"), "modal")))
    }


def push(call: Call) -> Json:
    team, user = _spend_trigger(call)
    stack = [v for v in call.world.views.values() if v.user == user and v.open and v.body.get("type") == "modal"]
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= STACKED:
        raise SlackError("push_limit_reached")
    return {
        "view": view_json(
            call.world, create_view(call.world, team, user, check_view(call.args.get("view"), "modal"), stack[-1])
        )
    }


def update(call: Call) -> Json:
    external = call.text("external_id")
    known = (v for v in call.world.views.values() if external and v.body.get("external_id") == external)
    view = call.world.views.get(call.text("view_id")) or next(known, None)
    if view is None or not view.open:
        raise SlackError("not_found")
    if call.text("hash") not in ("", view.hash):
        raise SlackError("hash_conflict")
    replace_view(call.world, view, check_view(call.args.get("view"), str(view.body.get("type"))))
    return {"view": view_json(call.world, view)}


def publish(call: Call) -> Json:
    user = call.text("user_id")
    if user not in call.world.users:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] invalid user_id"]})
    body, home = check_view(call.args.get("view"), "home"), call.world.homes.get(user)
    if home is not None and call.text("hash") not in ("", home.hash):
        raise SlackError("hash_conflict")
    if home is None:
        home = call.world.homes[user] = create_view(call.world, call.team, user, body)
    else:
        replace_view(call.world, home, body)
    return {"view": view_json(call.world, home)}


def _spend_trigger(call: Call) -> tuple[str, str]:
    trigger = call.world.triggers.get(call.text("trigger_id"))
    if trigger is None or not call.may_reach(trigger.team):
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if call.world.now() - trigger.at >= call.times.trigger_s:
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger.team, trigger.user


def check_view(body: object, kind: str) -> Json:
    """Return the view, if it keeps to Slack's form and limits. Raises invalid_arguments or view_too_large."""
    wrong: list[str] = []
    if not isinstance(body, dict) or body.get("type") != kind:
        wrong.append(f"[ERROR] must be a {kind} view [json-pointer:/view]")
        raise SlackError("invalid_arguments", response_metadata={"messages": wrong})
    if len(json.dumps(body)) > VIEW_BYTES:
        raise SlackError("view_too_large")
    wrong += kit.find_faults(body.get("blocks"), kit.BLOCKS_A_VIEW)
    wrong += [f"[ERROR] must be less than {n + 1} characters [json-pointer:/view/{name}]"
              for name, n in LONGEST.items() if len(body.get(name) or "") > n]  # fmt: skip
    titles = [body[name]["text"] for name in ("title", "submit", "close") if name in body]
    wrong += [f"[ERROR] must be less than {TITLE + 1} characters: {t}" for t in titles if len(t) > TITLE]
    if kind == "modal" and "title" not in body:
        wrong.append("[ERROR] missing required field: title [json-pointer:/view]")
    if any(b.get("type") == "input" for b in body.get("blocks") or []) and kind == "modal" and "submit" not in body:
        wrong.append("[ERROR] inputs need a submit button [json-pointer:/view/submit]")
    if wrong:
        raise SlackError("invalid_arguments", response_metadata={"messages": wrong})
    return body


VIEWS = {
    "views.open": Method(open_view, "", "t4"),
    "views.push": Method(push, "", "t4"),
    "views.update": Method(update, "", "t4"),
    "views.publish": Method(publish, "", "t4"),
}
