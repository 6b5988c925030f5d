"""A run as one Markdown file."""

from __future__ import annotations

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.text import as_text


async def export_run(actions: Actions, run: str, by: Person) -> tuple[str, str]:
    """Return the name of the file and its text."""
    t = await actions.read_run(run, by)
    start = t.started
    parts = [f"# {start.format.capitalize()}: {' '.join(start.question.split())[:80]}", start.question]
    if start.origin:
        parts.append(f"*From {as_text(str(start.origin))}*")
    for post in await actions.read_thread(run, by):
        note = f"\n\n*{post.footer}*" if post.footer else ""
        parts.append(f"## {post.title or 'Note'}\n\n{post.text or post.placeholder or '(never finished)'}{note}")
    parts += [
        f"## Sent in by {as_text(r.who)}\n\n{r.text}\n\n*From {as_text(str(r.origin))}*" for r in t.remarks if r.origin
    ]
    return f"moot-{run}.md", "\n\n".join(parts) + "\n"
