"""Limits that are told strangely, as public trackers report it: no text is lost or held up, and nothing floods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import NamedTuple

import pytest

from bot.domain.run import LaneId
from bot.live.hidden_limit import HiddenLimit
from tests.servers.discord import Limits, Rule
from tests.support.discord_wire import open_display
from tests.support.virtual_time import run_virtual

JSON = {"Content-Type": "application/json"}
OURS = {**JSON, "X-RateLimit-Scope": "user", "Via": "1.1 test"}
PAGE = {"Content-Type": "text/html; charset=UTF-8", "Server": "cloudflare"}
WORDS, PACE_S, SEATS = 200, 0.1, 2
TROUBLE_S = 60.0


class Seen(NamedTuple):
    """What the server saw: the refusals, how long after their end the last seat could be read, and what it reads."""

    refused: int
    late_s: float
    texts: list[str]


async def speak(limits: Limits, *answers: tuple[int, str, Mapping[str, str]], times: int | None = 1) -> Seen:
    """Have two seats speak for 20 s; after 5 s answer edits so, `times` times or until `TROUBLE_S` have passed."""
    async with open_display(limits) as wire:
        lanes = [
            wire.display.open(LaneId("answer", 1, f"{n}"), f"{n}", kind="turn", placeholder="…") for n in range(SEATS)
        ]
        for word in range(WORDS):
            await asyncio.sleep(PACE_S)
            if word == WORDS // 4:
                for status, body, headers in answers:
                    await wire.scene.server.answer_raw("PATCH", "/webhooks/*", status, body, dict(headers), times)
            for lane in lanes:
                lane.add("word ")
        for lane in lanes:
            lane.close()
        ended = asyncio.get_running_loop().time()
        if times is None:
            await asyncio.sleep(TROUBLE_S)
            await wire.scene.server.heal()
        async with asyncio.timeout(900):
            await wire.display.wait_until_caught_up()
        late_s = asyncio.get_running_loop().time() - ended
        refused = sum(request.status == 429 for request in wire.scene.server.requests)
        return Seen(refused, late_s, [m.text for m in await wire.scene.server.messages(wire.scene.channel)])


def assert_whole(seen: Seen) -> None:
    assert [text.split() for text in seen.texts] == [["word"] * WORDS] * SEATS


REFUSALS = {
    "a page of Cloudflare's": ("error code: 1015", {**PAGE, "Retry-After": "20"}),
    "a page that names no time": ("<html>1015</html>", PAGE),
    "blocked, and no time": (json.dumps({"code": 0, "message": "You are being blocked"}), JSON),
    "a date": (json.dumps({"message": "slow"}), {**OURS, "Retry-After": formatdate(2_000_000_000, usegmt=True)}),
    "no number": (json.dumps({"retry_after": "soon"}), {**OURS, "Retry-After": "soon"}),
    "not a number": ('{"retry_after": NaN}', OURS),
    "less than nothing": (json.dumps({"retry_after": -3}), OURS),
    "not JSON": ("<html>", OURS),
    "a list": ("[]", OURS),
    "more than a number can be": (f'{{"retry_after": 1{"0" * 400}}}', OURS),
    "global in its body alone": (json.dumps({"retry_after": 2.0, "global": True}), JSON),
    "the channel's write limit": (json.dumps({"retry_after": 0.3, "global": False, "code": 20028}), OURS),
    "a service's limit": (json.dumps({"retry_after": 3, "global": False, "code": 40062}), OURS),
    "old edits, and no time": (json.dumps({"code": 30046, "message": "Maximum number of edits"}), JSON),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_refusal_is_understood_however_it_is_told(how: str) -> None:
    body, headers = REFUSALS[how]
    if how == "a date":  # the clock that dates are told by is the machine's
        headers = {**headers, "Retry-After": formatdate(usegmt=True)}
    seen = run_virtual(speak(Limits(), (429, body, headers)))
    assert_whole(seen)
    assert seen.refused == 1
    assert seen.late_s < 62


@pytest.mark.parametrize("body", [json.dumps({"retry_after": 0}), json.dumps({"retry_after": 0.001}), "{}"])
def test_refusals_that_name_no_wait_do_not_make_a_flood(body: str) -> None:
    seen = run_virtual(speak(Limits(), (429, body, OURS), times=None))
    assert_whole(seen)
    assert seen.refused < 10
    assert seen.late_s < TROUBLE_S + 33


def test_an_address_that_is_blocked_stays_silent_for_all_its_webhooks() -> None:
    seen = run_virtual(speak(Limits(), (429, "error code: 1015", PAGE), times=3))
    assert_whole(seen)
    assert seen.refused == 3
    assert seen.late_s > 120


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_page_of_somebody_before_discord_is_not_taken_for_discords_word(status: int) -> None:
    seen = run_virtual(speak(Limits(), (status, "<html>Attention Required!</html>", PAGE), times=2))
    assert_whole(seen)


LIES: dict[str, Mapping[str, str | None]] = {
    "no bucket": {"X-RateLimit-Bucket": None},
    "no limit": {"X-RateLimit-Limit": None},
    "no reset": {"X-RateLimit-Reset-After": None},
    "no number": {"X-RateLimit-Remaining": "many", "X-RateLimit-Reset-After": "soon"},
    "a window of no time": {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "0"},
    "a window of a day": {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "102737.719"},
    "a day until the next": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "102737.719"},
    "a limit of another": {"X-RateLimit-Limit": "50000", "X-RateLimit-Remaining": "48773",
                           "X-RateLimit-Reset-After": "102737"},
    "a limit of none": {"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"},
    "nothing": dict.fromkeys(f"X-RateLimit-{part}" for part in ("Limit", "Remaining", "Reset-After", "Bucket")),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_cannot_be_meant_are_not_believed(lie: str) -> None:
    seen = run_virtual(speak(Limits({"webhook": Rule(5, 5.0)}, told={"webhook": LIES[lie]})))
    assert_whole(seen)
    assert seen.refused <= 1
    assert seen.late_s < 12


def test_a_bucket_that_answers_do_not_name_is_a_limit_that_no_header_shows() -> None:
    """One limit in 50 answers, and the true one when it is spent."""
    told = {"X-RateLimit-Limit": "2000", "X-RateLimit-Remaining": "1999", "X-RateLimit-Bucket": "other"}
    seen = run_virtual(speak(Limits({"webhook": Rule(30, 60.0)}, told={"webhook": told})))
    assert_whole(seen)
    assert seen.refused <= 1


def test_a_refusal_that_others_have_earned_teaches_no_limit() -> None:
    for sent, retry_after_s in ((2, 45.0), (20, 0.3)):
        hidden = HiddenLimit()
        for _ in range(sent):
            hidden.record_answer(hidden.take(0.0), 0.1)
        hidden.take(1.0)
        hidden.record_refusal(1.1, retry_after_s)
        assert hidden.free_at(1.1) == 1.1 + retry_after_s
        assert hidden.tokens(60.0) > 1_000
