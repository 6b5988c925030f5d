"""A run as one Markdown file."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.run import format_noun
from bot.domain.transcript import Transcript
from bot.engine.thread import Post
from bot.text import as_text


def render_markdown(t: Transcript, posts: Iterable[Post]) -> str:
    """Write the question, the thread as people read it, and what was sent in from elsewhere."""
    start = t.started
    parts = [f"# {format_noun(start.format).capitalize()}: {' '.join(start.question.split())[:80]}", start.question]
    if start.origin:
        parts.append(f"*From {as_text(str(start.origin))}*")
    for post in posts:
        note = f"\n\n*{post.footer}*" if post.footer else ""
        parts.append(f"## {post.title or 'Note'}\n\n{post.text or post.placeholder or '(never finished)'}{note}")
    parts += [
        f"## Sent in by {as_text(r.who)}\n\n{r.text}\n\n*From {as_text(str(r.origin))}*" for r in t.remarks if r.origin
    ]
    return "\n\n".join(parts) + "\n"
