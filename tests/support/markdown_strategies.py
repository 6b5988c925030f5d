"""Hypothesis strategies for Markdown as models write it: whole constructs, halves of them, and plain chaos."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = st.sampled_from(
    [
        *("alpha", "beta", "gamma", "delta", "it's", "snake_case", "42", "naïve", "Größe", "漢字テスト", "👩‍💻", "🇩🇪"),
        *("e\u0301te\u0301", "@everyone", "<@123>", "List<String>", "a&b", "&amp;", "C++", "$5", "100%", "x*y", "1."),
        "https://example.com/a_b",
    ]
)
_MARKS = st.sampled_from(
    ["**", "*", "_", "~~", "`", "``", "$", "$$", "[", "](", "](https://a.b/c)", ")", "<", "|", "\\"]
)
_CHAOS = st.sampled_from(
    ["\x00", "\x1b[31m", "\ud83d", "\u202e", "\ufeff", "\ue000", "\r", "\t", "\u2028", "\u200d", "\x85"]
)


def _wrapped(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda form, text: form.format(text),
        st.sampled_from(
            [
                *("**{}**", "*{}*", "`{}`", "~~{}~~", "[{}](https://example.com/x_y)", "![{}](/i.png)", "$x_{}$"),
                *("\\({}\\)", "$${}$$", "語**「{}」**語", "**_{}_**", "[a [{}] b](https://example.com)"),
            ]
        ),
        words,
    )


def lines(*, chaos: bool = True) -> st.SearchStrategy[str]:
    """Draw one line of inline text; only chaos puts a line break into it."""
    pieces = [_WORDS, _WORDS, _WORDS, _wrapped(_WORDS)]
    return st.lists(st.one_of([*pieces, _MARKS, _CHAOS] if chaos else pieces), min_size=1, max_size=14).map(" ".join)


def blocks(*, chaos: bool = True) -> st.SearchStrategy[str]:
    """Draw one block, closed or not, with its line breaks."""
    line = lines(chaos=chaos)
    several = st.lists(line, min_size=1, max_size=6)
    forms = [
        several.map("\n".join),
        line.map("## {}".format),
        several.map(lambda items: "\n".join(f"- {item}" for item in items)),
        several.map(lambda items: "\n".join(f"{n}. {item}\n   - {item}" for n, item in enumerate(items, 1))),
        several.map(lambda items: "\n".join(f"> {item}" for item in items)),
        several.map(
            lambda rows: "| a | b |\n|---|:-:|\n" + "\n".join(f"| {row.replace('|', '')} | 2 |" for row in rows)
        ),
        several.map(lambda rows: "$$\n" + "\n".join(rows) + "\n$$"),
        several.map(lambda rows: "\\[\n" + "\n+ ".join(rows) + "\n\\]"),
        several.map(lambda rows: "| `a|b` | c |\n|--|--|\n" + "\n".join(f"| {row} |" for row in rows)),
        several.map(lambda code: "```py\n" + "\n".join(code) + "\n```"),
        several.map(lambda code: "- item\n\n  ```\n" + "\n".join(f"  {row}" for row in code) + "\n  ```"),
        st.just("---"),
    ]
    if chaos:
        forms += [line.map("```\n{}".format), line.map("{}\n---".format), st.text(max_size=30), st.just("   ")]
    return st.one_of(forms)


def markdown(*, chaos: bool = True, max_blocks: int = 8) -> st.SearchStrategy[str]:
    """Draw a text of some blocks with one, two or three line breaks between them (Unix or Windows)."""
    gaps = st.sampled_from(["\n", "\n\n", "\n\n\n", "\r\n\r\n"] if chaos else ["\n\n"])
    parts = st.lists(st.tuples(blocks(chaos=chaos), gaps), min_size=1, max_size=max_blocks)
    return parts.map(lambda pairs: "".join(block + gap for block, gap in pairs))


def prefixes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Draw the growing prefixes of a text, as a stream would bring them; the last is the whole text."""

    @st.composite
    def draw_chunks(draw: st.DrawFn) -> list[str]:
        text = draw(texts)
        sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
        ends: list[int] = []
        at = 0
        while at < len(text):
            at += sizes[len(ends) % len(sizes)]
            ends.append(min(at, len(text)))
        return [text[:end] for end in ends] or [text]

    return draw_chunks()
