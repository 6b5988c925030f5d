"""A run as one Markdown file."""

from __future__ import annotations

from bot.actions import Actions
from bot.rights import Person


async def exported(actions: Actions, run: str, by: Person) -> tuple[str, str]:
    """The file's name and its text."""
    start = (await actions.transcript(run, by)).started
    parts = [f"# {start.format.capitalize()}: {' '.join(start.question.split())[:80]}", start.question]
    for post in await actions.thread(run, by):
        note = f"\n\n*{post.footer}*" if post.footer else ""
        parts.append(f"## {post.title or 'Note'}\n\n{post.text or '(never finished)'}{note}")
    return f"moot-{run}.md", "\n\n".join(parts) + "\n"
