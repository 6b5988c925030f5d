"""The prompts of a run: the files that come with the formats, or the operator's files of the same names."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from bot.doctor import Finding
from bot.errors import Misconfigured

SEAT_PLACEHOLDERS = frozenset({"name", "persona", "room", "code"})  # all instructions of a seat may use these
FRAGMENTS = frozenset(  # parts of an ask that are no instructions of a seat: they may use their own placeholders only
    {"debate.advocate", "debate.choose", "debate.position", "search.again", "search.found"}
)


def load_packaged(folder: str, suffix: str) -> dict[str, str]:
    """Load the files of a folder that come with the formats: name without suffix → text."""
    packaged = importlib.resources.files("bot.formats") / folder
    found = sorted((p for p in packaged.iterdir() if p.name.endswith(suffix)), key=lambda p: p.name)
    return {p.name.removesuffix(suffix): p.read_text("utf-8") for p in found}


def load_prompts(folder: Path | None) -> Mapping[str, str]:
    """Load all prompts (name → text); files of the operator's `folder` replace ours.

    Raises Misconfigured, with a line for each mistake that names its file.
    """
    own = load_packaged("prompts", ".md")
    if folder is None:
        return own
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".md")
    except (FileNotFoundError, NotADirectoryError):
        raise Misconfigured(f"prompts: there is no folder {folder}.") from None
    except OSError as error:
        raise Misconfigured(f"prompts: the folder {folder} cannot be read: {error.strerror}.") from error
    replaced: dict[str, str] = {}
    mistakes: list[str] = []
    for path in files:
        try:
            replaced[path.stem] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{path}: cannot be read as UTF-8 text ({type(error).__name__}).")
            continue
        mistakes += [f"{path}: {wrong}" for wrong in _find_mistakes(path.stem, replaced[path.stem], own)]
    if mistakes:
        raise Misconfigured("\n".join(f"prompts: {mistake}" for mistake in mistakes))
    return own | replaced


def _find_mistakes(name: str, text: str, own: Mapping[str, str]) -> Iterator[str]:
    if name not in own:
        yield f"replaces nothing; there are {', '.join(own)}."
        return
    template, model = Template(text), Template(own[name])
    if not text.strip():
        yield "is empty."
    elif not template.is_valid():
        yield "has a $ that begins no placeholder: write $$ for a dollar sign."
    else:
        there, needed = set(template.get_identifiers()), set(model.get_identifiers())
        yield from (f"lacks ${missing}." for missing in sorted(needed - there))
        known = needed if name in FRAGMENTS else needed | SEAT_PLACEHOLDERS
        names = ", ".join(f"${one}" for one in sorted(known)) or "none"
        yield from (f"${wrong} is no placeholder here; there are: {names}." for wrong in sorted(there - known))


async def check_prompts(folder: Path | None) -> list[Finding]:
    """Check the prompts for `moot doctor`."""
    try:
        load_prompts(folder)
    except Misconfigured as error:
        return [
            Finding("prompts", "broken", line.removeprefix("prompts: "), "Correct it; bot/formats/prompts/ has ours.")
            for line in str(error).splitlines()
        ]
    return [Finding("prompts", "ok", f"those in {folder} first" if folder else "as they come")]
