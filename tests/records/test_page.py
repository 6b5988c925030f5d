"""A run as one page: safe whatever was written, without any request, and small."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name

from bot.domain.facts import Interjected, RunFinished, VoteCast
from bot.formats import FORMATS
from bot.records.page import render_page
from bot.records.page_dialect import LANGUAGES, MAX_COLOURED_CHARS, PageDialect, render_html
from tests.support.histories import play_history, record_play
from tests.support.transcripts import Play, make_start

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](https://example.org/x.png) "
    '[c](https://example.org/"onclick="alert(1)) `</code><script>`\n\n```html"><script>\n</code></pre><script>\n```\n'
)
ALLOWED = frozenset(
    {
        *("a", "p", "ul", "ol", "li", "em", "strong", "s", "code", "pre", "span", "figure", "blockquote", "hr", "br"),
        *("table", "thead", "tbody", "tr", "th", "td", "div", "h4", "h5", "h6"),
    }
)


class TagReader(HTMLParser):
    """Gathers the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def draw(play: Play) -> str:
    return render_page(record_play(play), play.t.at + 1e6)


def play_texts(text: str) -> Play:
    """Play a comparison in which everybody says the same."""
    play = Play(make_start("compare"))
    play.play_stage(lambda turn: text)
    return play.record(RunFinished(play.plan.outcome))


@pytest.mark.parametrize("form", FORMATS)
def test_a_page_of_each_format_has_its_texts_and_asks_nothing_of_the_network(form: str) -> None:
    play = play_history(form, 1)
    page = TagReader(draw(play))
    assert page.tags & {"img", "link", "iframe", "object", "base", "form"} == set()
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style")] == []
    assert "default-src 'none'" in dict(page.attributes)["content"] or "default-src 'none'" in draw(play)
    for turn in play.t.turns.values():
        if turn.text and turn.id.stage == "answer":
            assert turn.text.split()[0].strip("*`<>#-") in page.text


def test_scripts_in_text_stay_text() -> None:
    play = play_texts(HOSTILE).record(Interjected("p", HOSTILE, "<b>Pat</b>"))
    page = draw(play)
    read = TagReader(page)
    assert page.count("<script") == 1  # the page's own
    assert "alert(1)" in read.text
    assert [value for name, value in read.attributes if name == "href" and "javascript" in value] == []
    assert "<b>Pat</b>" in read.text


@given(st.text(alphabet=st.sampled_from("<>&\"'`[]()!*_~#-|:/\\ \nab1.https")))
def test_no_markdown_makes_another_tag(text: str) -> None:
    made = TagReader(render_html(text, PageDialect()))
    assert made.tags <= ALLOWED
    assert {name for name, _ in made.attributes} <= {"href", "rel", "class", "value"}


def test_markdown_is_drawn() -> None:
    made = render_html(
        "1. a\n2. b\n\n- [x] done\n- c\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = 'y'\n```", PageDialect()
    )
    assert '<ol><li value="1"><p>a</p></li>\n<li value="2"><p>b</p></li></ol>' in made
    assert "<ul><li><p>☑ done</p></li>\n<li><p>c</p></li></ul>" in made
    assert '<td class="right">2</td>' in made
    assert '<span class="n">x</span>' in made


def test_a_preferred_answer_is_marked_once_counts_are_shown() -> None:
    play = play_texts("Yes.").record(VoteCast("p", 1, "bob"), VoteCast("q", 1, "bob"), VoteCast("r", 1, "ada"))
    page = draw(play)
    marked = re.findall(r'<article id="([^"]+)" class="preferred"', page)
    assert marked == ["answer/1/bob"]
    assert "Bob ★</td><td>2" in page


def test_a_page_says_when_each_text_came() -> None:
    steps = re.findall(r'data-steps="([^"]+)"', draw(play_texts("word " * 20)))
    assert len(steps) == 3
    shares = [float(step.partition(":")[2]) for step in steps[0].split()]
    assert shares[-1] == 1.0
    assert 0.0 < shares[2] < shares[3] < 1.0


def test_the_page_of_a_run_of_fifty_turns_is_small() -> None:
    play = Play(make_start("debate", rounds=16))
    text = "A line of **words** with `code`.\n\n```python\ndef f(x: int) -> int:\n    return x\n```\n" * 12
    while len(play.t.turns) < 50 and not play.plan.outcome:
        play.play_stage(lambda turn: text)
    assert len(draw(play).encode()) <= 500_000


def test_code_that_is_long_or_of_another_language_is_plain() -> None:
    for text in ("```python\n" + "x = 1\n" * MAX_COLOURED_CHARS + "```", "```klingon\nx = 1\n```"):
        assert "x = 1\n</code>" in render_html(text, PageDialect()).replace("x = 1</code>", "x = 1\n</code>")


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_each_language_has_a_lexer(name: str) -> None:
    assert ">" in render_html(f"```{name}\nx = 1\n```", PageDialect())
    get_lexer_by_name(LANGUAGES[name])
