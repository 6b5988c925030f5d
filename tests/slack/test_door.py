"""The HTTP door: what Slack has not signed is answered in a sentence, and reaches no store and no traceback."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack import door
from adapters.slack.door import MAX_BODY_BYTES, PATH
from bot.actions.quota import ENOUGH, MAX_REFUSALS
from tests.servers.slack.http_deliveries import signature
from tests.support.slack_app import App
from tests.support.slack_installs import serve_installable

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
CHALLENGE = json.dumps({"type": "url_verification", "challenge": "are you there"}).encode()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """Return an app that any workspace may install, over HTTP."""
    async with serve_installable(tmp_path / "moot.db") as served:
        yield served


@pytest.fixture(autouse=True)
def untroubled(app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that a test leaves the store as it was and logs neither a traceback nor an error."""
    before = read_store(tmp_path)
    with capture_logs() as logs:
        yield
    assert [line for line in logs if line["log_level"] in ("error", "critical") or line.get("exc_info")] == []
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR] == []
    assert read_store(tmp_path) == before


def read_store(folder: Path) -> list[str]:
    """Return all that the database holds."""
    with closing(sqlite3.connect(folder / "moot.db")) as raw:
        made = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for name, sql in made if "CREATE VIRTUAL" not in sql]  # an index, which cannot be read
        return [f"{name} {row}" for name in tables for row in raw.execute(f'SELECT * FROM "{name}"')]


def sign(app: App, body: bytes, at: str = "") -> dict[str, str]:
    """Return the headers of a delivery that Slack has signed."""
    at = at or str(int(time.time()))
    signed = signature(app.server.world.app.signing_secret, at, body)
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signed}


async def send(
    app: App, body: bytes = CHALLENGE, headers: dict[str, str] | None = None, kind: str = JSON
) -> tuple[int, str]:
    """Send a delivery; return the status and what was answered."""
    async with aiohttp.ClientSession() as session:
        sent = {"Content-Type": kind, **(headers or {})}
        async with session.post(app.bot.url + PATH, data=BytesIO(body), headers=sent) as answer:
            return answer.status, await answer.text()


async def get(app: App, path: str, cookie: str = "", host: str = "127.0.0.1") -> tuple[int, str]:
    """Open a page from one of this machine's own addresses; return the status and the page."""
    connector = aiohttp.TCPConnector(local_addr=(host, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = {"Cookie": f"slack-app-oauth-state={cookie}"} if cookie else {}
        async with session.get(app.bot.url + path, headers=headers) as page:
            return page.status, await page.text()


async def begin(app: App) -> str:
    """Begin an installation, and return its state."""
    _, page = await get(app, "/slack/install")
    return page.partition("state=")[2].partition("&")[0]


async def send_raw(app: App, sent: bytes, *, end: bool = False) -> bytes:
    """Send bytes, with `end` say that no more come, and return all that is answered until it is closed."""
    at = urlsplit(app.bot.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(sent)
    if end:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def is_sentence(text: str) -> bool:
    return text[:1].isupper() and text.endswith(".") and "Traceback" not in text and len(text) < 200


async def test_what_slack_signs_is_answered(app: App) -> None:
    assert await send(app, headers=sign(app, CHALLENGE)) == (200, '{"challenge": "are you there"}')


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é" + "0" * 63},
        {"X-Slack-Signature": "v1=" + "0" * 64},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "9" * 5_000},
        {"X-Slack-Request-Timestamp": "now"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "１７０００００００"},
        {"X-Slack-Request-Timestamp": "1700000000"},
    ],
)
async def test_a_delivery_that_is_not_signed_is_not_read(app: App, forged: dict[str, str]) -> None:
    for body in (CHALLENGE, b"{", b"[" * 100_000, b"\xff\xfe", b"", b"payload=%7B"):
        status, text = await send(app, body, {**sign(app, body), **forged} if forged else {})
        assert status == 401
        assert is_sentence(text)


async def test_a_signature_is_for_one_body_and_for_five_minutes(app: App) -> None:
    assert (await send(app, CHALLENGE.replace(b"there", b"here"), sign(app, CHALLENGE)))[0] == 401
    for seconds in (-301, 301):
        late = str(int(time.time()) + seconds)
        assert (await send(app, headers=sign(app, CHALLENGE, late)))[0] == 401


@pytest.mark.parametrize("kind", [JSON, FORM])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"type": "event_callback"',
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000,
        b"\xff\xfe{}",
        b"payload=%7B",
        b"payload=[]",
        b"payload=7",
        b'{"team": 5}',
        b'{"user": 5, "authorizations": [1]}',
    ],
)
async def test_what_is_signed_and_cannot_be_read_is_a_bad_request(app: App, body: bytes, kind: str) -> None:
    status, text = await send(app, body, sign(app, body), kind)
    assert status == 400
    assert is_sentence(text)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "image/png", "nonsense", "a/b/c"])
async def test_a_delivery_of_another_type_is_a_bad_request(app: App, kind: str) -> None:
    status, text = await send(app, CHALLENGE, sign(app, CHALLENGE), kind)
    assert status == 400
    assert is_sentence(text)


async def test_the_encoding_that_a_type_names_changes_nothing(app: App) -> None:
    for charset in ("klingon", "utf-16", "rot13", "idna"):
        kind = f"{JSON}; charset={charset}"
        assert (await send(app, CHALLENGE, sign(app, CHALLENGE), kind))[0] == 200


async def test_what_is_compressed_is_no_delivery(app: App) -> None:
    small, bomb = gzip.compress(CHALLENGE), gzip.compress(bytes(64 * MAX_BODY_BYTES))
    assert (await send(app, small, {**sign(app, small), "Content-Encoding": "gzip"}))[0] == 401
    assert (await send(app, bomb, {**sign(app, bomb), "Content-Encoding": "gzip"}))[0] == 413
    assert (await send(app, CHALLENGE, {**sign(app, CHALLENGE), "Content-Encoding": "gzip"}))[0] == 400
    assert (await send(app, CHALLENGE, {**sign(app, CHALLENGE), "Content-Encoding": "zstd, br"}))[0] in (200, 400)


async def test_a_body_is_bounded_in_size_and_in_time(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    large = b" " * (MAX_BODY_BYTES + 1)
    status, text = await send(app, large, sign(app, large))
    assert status == 413
    assert is_sentence(text)
    head = "".join(f"{name}: {value}\r\n" for name, value in sign(app, large).items())
    chunks = b"".join(b"10000\r\n" + b" " * 0x10000 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
    chunked = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks
    assert (await send_raw(app, chunked)).startswith(b"HTTP/1.1 413")
    monkeypatch.setattr(door, "BODY_S", 0.05)
    at = urlsplit(app.bot.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 100\r\n\r\nfew".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 408")
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /slack/install?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_bad_request(app: App, sent: bytes) -> None:
    assert (await send_raw(app, sent)).startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))


async def test_a_body_that_breaks_off_is_a_bad_request(app: App) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in sign(app, b"{}").items())
    start = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}"
    assert b" 400 " in await send_raw(app, f"{start}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
    assert b" 200 " not in await send_raw(app, f"{start}Content-Length: 100\r\n\r\nfew".encode(), end=True)


@pytest.mark.parametrize("path", ["/", "/slack", "/slack/events/", "/../etc/passwd", "/slack/%69nstall/x", "/%00"])
async def test_nothing_stands_at_other_addresses(app: App, path: str) -> None:
    status, text = await get(app, path)
    assert status == 404
    assert is_sentence(text)


async def test_other_methods_are_refused(app: App) -> None:
    async with aiohttp.ClientSession() as session:
        for path in (PATH, "/slack/install", "/slack/oauth_redirect"):
            for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
                async with session.request(method, app.bot.url + path) as answer:
                    assert answer.status == 405
            status, text = await get(app, PATH)
            assert status == 405
            assert is_sentence(text)


async def test_a_callback_needs_a_state_that_this_browser_was_given(app: App) -> None:
    world = app.server.world
    state = await begin(app)
    code = world.code(app.team.id)
    forged = state[:-2] + "AA"
    for query, cookie in (
        (f"code={code}", ""),
        (f"code={code}&state=", ""),
        (f"code={code}&state={state}", ""),
        (f"code={code}&state={state}", forged),
        (f"code={code}&state={forged}", forged),
        (f"code={code}&state=%FF%00%C3%A9", "\udcff"),
        (f"state={state}", state),  # which is used by it
        (f"code={code}&state={state}", state),
    ):
        status, text = await get(app, f"/slack/oauth_redirect?{query}", cookie)
        assert status in (400, 401), query
        assert "contact the app owner" in text
    assert app.find_calls("oauth.v2.access") == []


async def test_an_installation_that_slack_does_not_answer_is_begun_once_more(app: App) -> None:
    app.server.faults.reset("oauth.v2.access")
    state = await begin(app)
    code = app.server.world.code(app.team.id)
    status, text = await get(app, f"/slack/oauth_redirect?code={code}&state={state}", state)
    assert status == 502
    assert is_sentence(text)


async def test_a_page_is_opened_whatever_comes_with_it(app: App) -> None:
    for path in ("/slack/install", "/slack/oauth_redirect"):
        async with aiohttp.ClientSession() as session:
            headers = {"Content-Type": "text/plain; charset=klingon", "X-Slack-Bolt-Lazy-Only": "1"}
            async with session.get(app.bot.url + path, data=b"\xff{", headers=headers) as page:
                assert page.status in (200, 400)


async def test_what_a_link_says_is_shown_as_text(app: App) -> None:
    script = "%22%3E%3Cscript%3E"
    for path in (f"/slack/install?team={script}", f"/slack/oauth_redirect?error={script}"):
        assert "<script" not in (await get(app, path))[1]


async def test_whoever_begins_installations_without_end_waits_and_another_address_does_not(app: App) -> None:
    answers = [await get(app, "/slack/install") for _ in range(MAX_REFUSALS + 2)]
    assert [status for status, _ in answers] == [200] * MAX_REFUSALS + [429] * 2
    assert answers[-1][1] == ENOUGH
    assert (await get(app, "/slack/oauth_redirect?code=1&state=2"))[0] == 429
    assert (await get(app, "/nowhere"))[0] == 429
    assert (await get(app, "/slack/install", host="127.0.0.2"))[0] == 200


async def test_what_slack_signs_is_never_counted(app: App) -> None:
    junk = [(await send(app))[0] for _ in range(MAX_REFUSALS + 1)]
    assert junk == [401] * MAX_REFUSALS + [429]
    good = await asyncio.gather(*(send(app, headers=sign(app, CHALLENGE)) for _ in range(2 * MAX_REFUSALS)))
    assert {status for status, _ in good} == {200}
    assert (await send(app))[0] == 429
