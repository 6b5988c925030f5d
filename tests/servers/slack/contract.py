"""A check of calls, answers and deliveries against Slack's own descriptions, where these are present.

A violation is a line in `violations`: an argument or an error code that the method does not list, a missing argument
that is required, or a field or type that Slack's samples do not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from tests.servers.slack.world import Json
from tests.support.shared import SHARED

DIRECTORY = SHARED / "specs" / "slack"

# every method may answer these; the descriptions list them for some methods only
COMMON_ERRORS = frozenset(
    [
        "not_authed",
        "invalid_auth",
        "token_revoked",
        "account_inactive",
        "missing_scope",
        "not_allowed_token_type",
        "ratelimited",
        "invalid_arguments",
        "invalid_form_data",
        "invalid_json",
        "unknown_method",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "access_denied",
        "accesslimited",
        "no_permission",
    ]
)
# Violations that Slack and its own SDK commit themselves, each with the reason why it is tolerated.
# "*" stands for any method.
TOLERATED: Mapping[str, str] = {
    "*: argument team_id is unknown": "slack_bolt's client names the workspace in every call, for org-wide tokens",
    "*: error msg_blocks_too_long is not one of its own": "described for posting; people meet it in updates as well",
    "*: error cannot_reply_to_message is not one of its own": "the one code described for a thread that is not there",
    "chat.appendStream: markdown_text is required": "chunks may stand for it, and slack_sdk sends only those",
    "chat.stopStream: argument session_status is unknown": "slack_sdk knows it, the description does not yet",
    "chat.stopStream: answer.channel is unknown": "the sample is of a refusal; the description requires it",
    "chat.stopStream: answer.ts is unknown": "the sample is of a refusal; the description requires it",
    "chat.stopStream: answer.message is unknown": "the sample is of a refusal; the description requires it",
    "conversations.replies: answer.messages[].subtype is unknown": "the sample has no message under another name",
    "conversations.replies: answer.messages[].username is unknown": "the sample has no message under another name",
    **{
        f"chat.update: answer.message.{name} is unknown": "the sample has no message with replies or another name"
        for name in (
            "reply_count",
            "reply_users",
            "reply_users_count",
            "latest_reply",
            "subtype",
            "username",
            "reactions",
        )
    },
    **{
        f"{event}Payload: payload.event.{name} is unknown": "the sample is of a plain message in a channel"
        for event in ("AppMention", "Message")
        for name in (
            "attachments",
            "parent_user_id",
            "files",
            "metadata.event_payload",
            "metadata.event_type",
            "app_context",
        )
    },
    "BlockActionPayload: payload.view.blocks is unknown": "the sample leaves the view's content out",
    "AppHomeOpenedPayload: payload.event.view.blocks is unknown": "the sample leaves the view's content out",
}
_EVENT_SAMPLES = {
    "app_mention": "AppMentionPayload",
    "message": "MessagePayload",
    "reaction_added": "ReactionAddedPayload",
    "reaction_removed": "ReactionRemovedPayload",
    "app_home_opened": "AppHomeOpenedPayload",
    "app_uninstalled": "AppUninstalledPayload",
}
_INTERACTION_SAMPLES = {"block_actions": "BlockActionPayload", "message_action": "MessageShortcutPayload"}
# free-form fields, and lists of which a sample shows only one kind
_OPAQUE = frozenset({"blocks", "attachments", "state", "values", "event_payload", "actions", "response_metadata"})


class ContractBroken(AssertionError):
    """A breach of Slack's contract by the app or by this server; the message lists all violations."""


class Contract:
    def __init__(self, methods: Mapping[str, Json], samples: Mapping[str, Json]) -> None:
        self.methods, self.samples = methods, samples
        self.violations: list[str] = []

    @classmethod
    def load(cls, directory: Path = DIRECTORY) -> Self | None:
        """Load the descriptions, or return None where they are absent; nothing is checked then."""
        if not directory.is_dir():
            return None
        return cls(_read_directory(directory / "methods"), _read_directory(directory / "samples"))

    def check_request(self, method: str, args: Json, error: str, with_token: bool) -> None:
        """Check the arguments of one call, and the error code that it got ("" for none)."""
        described = self.methods.get(method)
        if described is None:
            return
        known = described["args"].get("properties", {})
        given = {name for name, value in args.items() if value is not None} | ({"token"} if with_token else set())
        self._note(method, (f"argument {name} is unknown" for name in sorted(given - known.keys())))
        required = [name for name in described["args"].get("required") or [] if name not in given]
        refused = error in ("not_authed", "invalid_auth")
        self._note(method, (f"{name} is required" for name in required if not refused))
        options = ((n, known[n].get("enum")) for n in sorted(given & known.keys()))
        self._note(method, (f"{n} may be one of {e}" for n, e in options if e and args.get(n) not in e))
        if error and error not in described["errors"] and error not in COMMON_ERRORS:
            self._note(method, [f"error {error} is not one of its own"])

    def check_response(self, method: str, answer: Json) -> None:
        """Check an answer of this server: required fields by the description, shapes by the sample."""
        described = self.methods.get(method)
        if described and answer.get("ok"):
            required = (described.get("output") or {}).get("required", [])
            self._note(method, (f"answer.{name} is missing" for name in required if name not in answer))
        if answer.get("ok") and method in self.samples:
            self._note(method, _find_differences(answer, self.samples[method], "answer"))

    def check_payload(self, payload: Json) -> None:
        """Check a payload that is sent to the app."""
        if "command" in payload:
            name: str | None = "SlashCommandPayload"
        elif "event" in payload:
            event = payload["event"]  # the samples are of plain events; each subtype has fields of its own
            name = None if "subtype" in event else _EVENT_SAMPLES.get(event["type"])
        else:
            name = _INTERACTION_SAMPLES.get(payload["type"])
        if name is not None and name in self.samples:
            self._note(name, _find_differences(payload, self.samples[name], "payload"))

    def _note(self, subject: str, lines: Iterator[str] | list[str]) -> None:
        wrong = (line for line in lines if f"*: {line}" not in TOLERATED and f"{subject}: {line}" not in TOLERATED)
        self.violations += [f"{subject}: {line}" for line in wrong]


def _read_directory(directory: Path) -> dict[str, Json]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(directory.glob("*.json"))}


def _find_differences(ours: Any, sample: Any, where: str) -> Iterator[str]:
    """Yield each field of `ours` that the sample lacks, or that has another type there.

    A field that only the sample has is no difference, because samples show all fields.
    """
    if ours is None or sample is None:
        return
    if isinstance(ours, dict) and isinstance(sample, dict):
        for name, value in ours.items():
            if sample and name not in sample:
                yield f"{where}.{name} is unknown"
            elif name not in _OPAQUE and sample:
                yield from _find_differences(value, sample[name], f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(sample, list):
        for value in ours if sample else []:
            yield from _find_differences(value, sample[0], f"{where}[]")
    elif type(ours) is not type(sample):
        yield f"{where} is {type(ours).__name__}, not {type(sample).__name__}"
