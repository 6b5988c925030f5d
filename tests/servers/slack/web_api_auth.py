"""Methods of authentication, of installation, and of the way to Socket Mode."""

from __future__ import annotations

from tests.servers.slack.calls import Call, Method, SlackError, identify_app, identify_client
from tests.servers.slack.world import Json


def auth_test(call: Call) -> Json:
    world, token = call.world, call.bot
    team = world.teams[call.team]
    who = {"user": world.users[token.bot_user].name, "user_id": token.bot_user, "bot_id": token.bot_id}
    place = {"team": team.name, "team_id": team.id, "url": f"https://{team.name}.slack.com/"}
    org = {"enterprise_id": team.enterprise} if team.enterprise else {}
    return {**who, **place, **org, "is_enterprise_install": not token.team}


def revoke(call: Call) -> Json:
    if not call.flag("test"):
        call.bot.revoked = True
    return {"revoked": not call.flag("test")}


def open_connection(call: Call) -> Json:
    return {"url": call.sockets.create_ticket()}


def exchange_code(call: Call) -> Json:
    """Exchange an OAuth code for its token; a code is good once.

    https://docs.slack.dev/reference/methods/oauth.v2.access
    """
    app, world = call.world.app, call.world
    token = world.codes.pop(call.text("code"), None)
    if token is None:
        raise SlackError("invalid_code")
    team = world.teams.get(token.team)
    installer = next((u.id for u in world.users.values() if u.kind in ("admin", "owner")), "")
    return {
        "app_id": app.id,
        "authed_user": {"id": installer},
        "scope": ",".join(sorted(token.scopes)),
        "token_type": "bot",
        "access_token": token.token,
        "bot_user_id": token.bot_user,
        "team": {"id": team.id, "name": team.name} if team else None,
        "enterprise": {"id": token.enterprise, "name": token.enterprise} if token.enterprise else None,
        "is_enterprise_install": team is None,
    }


AUTH = {
    "auth.test": Method(auth_test, tier="t5"),
    "auth.revoke": Method(revoke, tier="t3"),
    "apps.connections.open": Method(open_connection, tier="t3", identify=identify_app),
    "oauth.v2.access": Method(exchange_code, tier="t5", identify=identify_client),
}
