"""The exported page in a real browser: it asks nothing of anybody, reads without its script, and its script works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.facts import CaughtUp, Interjected, RunFinished, VoteCast
from bot.records.page import render_page
from tests.support.histories import record_play
from tests.support.pictures.browser import ABSENT, CHROMIUM, Browser, open_browser
from tests.support.transcripts import Play, make_start

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=ABSENT),
    pytest.mark.asyncio(loop_scope="module"),
]
PHONE, NARROW, DESKTOP = 390, 320, 1_200  # pixels
CODE = 'def greet(name: str) -> str:\n    return f"<b>{name}</b>" * 40  # a line that is longer than a phone is wide'
TEXT = f"""
<script>document.title = "taken over"</script> <img src=x onerror="document.title = 'taken over'">
![a picture](https://example.org/x.png) [a link](https://example.org/notes) [no link](javascript:alert(1))

| option | what it costs | who likes it | what is left of it afterwards | and one more |
|---|--:|---|---|---|
| **tabs** | 1 | Ada | {"much " * 12} | `{"x" * 60}` |

{"unbroken" * 40}

```python
{CODE}
```
"""
AT_ONE_THIRD = """(() => {
    const slider = document.querySelector(".replay input");
    slider.value = slider.max / 3;
    slider.oninput();
    const visible = (node) => node.checkVisibility();
    return {
        chars: document.querySelector("article .text").textContent.length,
        articles: [...document.querySelectorAll("article")].filter(visible).length,
        result: visible(document.querySelector("main > section")),
    };
})()"""
WHOLE = "document.querySelector('main').innerHTML.replaceAll(' class=\"\"', '')"
AT_END = "(() => { const s = document.querySelector('.replay input'); s.value = s.max; s.oninput(); })()"
TRY_TO_BREAK_OUT = """new Promise((done) => {
    const refused = [];
    document.addEventListener("securitypolicyviolation", (event) => {
        refused.push(event.effectiveDirective);
        if (refused.length === 4) done(refused.sort());
    });
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", '<img src="https://example.org/x.png"><p style="color: red">');
    fetch("https://example.org/").catch(() => {});
})"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the page of a debate in which everybody has said what could do harm."""
    play = Play(make_start("debate"))
    while not play.plan.outcome and play.plan.wanted:
        play.play_stage(lambda turn: TEXT)
        play.record(Interjected("p", "<i>And tea?</i>", "<b>Pat</b>"))
    play.record(VoteCast("p", 1, "bob"), RunFinished(play.plan.outcome), CaughtUp())
    path = tmp_path_factory.mktemp("page") / "run.html"
    path.write_text(render_page(record_play(play), play.t.at + 1e6), "utf-8")
    return Path(path).as_uri()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


async def test_it_asks_for_nothing_and_what_was_written_stays_text(browser: Browser, url: str) -> None:
    await browser.open_page(url, width=DESKTOP)
    title = await browser.run("document.title")
    assert title == "Tabs or spaces?"
    assert (
        await browser.run("document.images.length + document.querySelectorAll('main script, main b, main i').length")
        == 0
    )
    assert "<script>document.title" in await browser.run("document.querySelector('article').innerText")
    assert await browser.run(TRY_TO_BREAK_OUT) == ["connect-src", "img-src", "script-src-elem", "style-src-attr"]
    assert await browser.run("document.title") == title
    assert list(browser.requests.values()) == [url]


async def test_it_reads_whole_without_its_script(browser: Browser, url: str) -> None:
    await browser.open_page(url, width=PHONE, scripts=False)
    shown = await browser.run("document.body.innerText")
    assert shown.count("a line that is longer than a phone is wide") >= 9
    assert "Result" in shown
    assert await browser.run("document.querySelector('.replay').checkVisibility()") is False


@pytest.mark.parametrize("width", [PHONE, NARROW])
async def test_nothing_stands_beyond_the_edge_of_a_phone(browser: Browser, url: str, width: int) -> None:
    await browser.open_page(url, width=width)
    assert await browser.run("document.scrollingElement.scrollWidth") == width
    beyond = "[...document.querySelectorAll('article, h1, h2, h3, .panel, .replay')]"
    assert await browser.run(f"Math.max(...{beyond}.map((node) => node.getBoundingClientRect().right))") <= width


async def test_answers_stand_side_by_side_where_there_is_room(browser: Browser, url: str) -> None:
    tops = "new Set([...document.querySelector('.grid').children].map((node) => node.offsetTop)).size"
    await browser.open_page(url, width=DESKTOP)
    assert await browser.run(tops) == 1
    await browser.open_page(url, width=PHONE)
    assert await browser.run(tops) == 3


async def test_code_is_copied_as_it_was_written(browser: Browser, url: str) -> None:
    await browser.open_page(url, width=PHONE)
    await browser.allow_clipboard()
    await browser.run("(async () => await document.querySelector('.copy').onclick())()")
    assert await browser.run("document.querySelector('.copy').textContent") == "Copied"
    assert await browser.run("navigator.clipboard.readText()") == CODE


async def test_the_slider_shows_the_run_as_it_came_to_be(browser: Browser, url: str) -> None:
    await browser.open_page(url, width=DESKTOP)
    whole = await browser.run(WHOLE)
    chars = await browser.run("document.querySelector('article .text').textContent.length")
    early = await browser.run(AT_ONE_THIRD)
    assert 0 < early["articles"] < 9
    assert early["result"] is False
    assert early["chars"] <= chars
    await browser.run(AT_END)
    assert await browser.run(WHOLE) == whole
    await browser.run("document.querySelector('.replay button').click()")
    moved = "new Promise((done) => { const s = document.querySelector('.replay input'); const i = setInterval(() => "
    assert await browser.run(
        f"{moved} {{ if (+s.value > 0) {{ clearInterval(i); done(+s.value < +s.max); }} }}, 10); }})"
    )
    assert await browser.run("document.querySelector('.replay button').textContent") == "Pause"


@pytest.mark.parametrize(("scheme", "is_dark"), [("dark", True), ("light", False)])
async def test_it_is_dark_or_light_as_its_reader_has_it(browser: Browser, url: str, scheme: str, is_dark: bool) -> None:
    await browser.open_page(url, width=PHONE, prefers_color_scheme=scheme)
    looks = "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))"
    back, ink = [sum(map(int, c[4:-1].split(","))) for c in await browser.run(looks)]
    assert (back < ink) is is_dark
    assert abs(back - ink) > 400  # of 765
    code = "getComputedStyle(document.querySelector('.code .k')).color"
    assert (sum(map(int, (await browser.run(code))[4:-1].split(","))) > 382) is is_dark


async def test_it_is_printed_on_white_without_its_controls(browser: Browser, url: str) -> None:
    await browser.open_page(url, width=DESKTOP, media="print", prefers_color_scheme="dark")
    assert await browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    controls = "[...document.querySelectorAll('.replay, .copy')].some((node) => node.checkVisibility())"
    assert await browser.run(controls) is False
    assert (await browser.print_pdf()).startswith(b"%PDF-")
