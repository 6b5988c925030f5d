"""A Slack server on 127.0.0.1 for the unmodified slack_sdk and slack_bolt: Web API, Socket Mode, signed deliveries.

    async with SlackServer() as server:
        team = server.world.add_team("acme")                      # the app is installed, team.bot_token is live
        ann = server.world.add_user(team.id, "ann", "admin")      # member, guest, admin, owner, stranger, …
        hall = server.world.add_channel(team.id, "hall", [ann.id])  # with the bot; bot=False: without
        app = AsyncApp(token=team.bot_token, client=AsyncWebClient(team.bot_token, base_url=server.api_base), …)
        …                                                         # AsyncSocketModeHandler(app, world.app.app_token)
        await server.sockets.wait_for_connections()
        delivery = await (await server.people.command(ann.id, hall.id, "/debate", "tabs or spaces"))
        assert delivery.acknowledged_after_s < 3
        assert [m.text for m in server.world.messages(hall.id)] == […]

Where to find what:

- `server.world` (world.py): `app` (app.py: tokens, secrets, subscriptions); `add_team`, `add_user`, `add_channel`,
  `install`, `code` (for OAuth), `subscribe`, `trigger`, `im`; to read: `messages(channel, thread_ts)`,
  `ephemerals`, `views`, `homes`, `files`, `sessions`, `response_urls`. A `Message` has its `edits` with their times,
  those whom it `notified` when it was posted, those whom it `mentions` now, and its `stream`.
- `server.people` (people.py): `command`, `click`, `choose`, `click_in_view`, `shortcut`, `submit`, `close_view`,
  `say`, `react`, `unreact`, `open_home`, `stop_session`, `delete_message`, `archive`, `join`, `leave`, `uninstall`.
  Each returns a `Delivery` (deliveries.py). Awaiting it returns it acknowledged, with `acknowledged_after_s` and
  `answer`, or raises `Unacknowledged`.
- `server.courier` (deliveries.py): `deliveries`; `send_again(delivery)` for duplicates, `hold()` and
  `release(backwards)` for another order. Transports: `server.sockets` (`wait_for_connections`, `disconnect(reason)`,
  `drop`), or after `server.deliver_to(url)` `server.http` (`signing`: right, wrong, old).
- `server.limits` (limits.py): `set(method, calls, per_s)`, `set_times(acknowledge_s=…, redeliver_after_s=…,
  trigger_s=…, stream_s=…, response_url_s=…)`.
- `server.faults` (faults.py): `fail(method, error, status=…, times=…, retry_after_s=…)`, `reset(method, done=…)`,
  `stall(method, seconds)`, `release()`.
- `server.requests`: all calls, each with its time, method, arguments, status, error, team, duration.
- `server.violations` (contract.py): what broke Slack's contract; leaving the block raises `ContractBroken` for them.
  `server.contract` is None where the descriptions are absent, and nothing is checked then.

From another process: `python -m tests.servers.slack --port 0`, and `RemoteSlack` (remote.py) with the same rooms.
"""

from tests.servers.slack.contract import ContractBroken
from tests.servers.slack.deliveries import Delivery, Unacknowledged
from tests.servers.slack.remote import RemoteSlack, spawn_server
from tests.servers.slack.server import SlackServer
from tests.servers.slack.world import Ref

__all__ = ["ContractBroken", "Delivery", "Ref", "RemoteSlack", "SlackServer", "Unacknowledged", "spawn_server"]
