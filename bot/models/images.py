"""Pictures that come with a question: shown to a model that can see, described to one that cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.domain.asks import Part
from bot.domain.run import Image

Message = dict[str, Any]  # one of OpenAI's chat messages; litellm translates it for each provider

# Tokens of one image, whatever its size: sizes cannot be read without an image library, and providers scale larger
# images down to about this. Claude takes "~1,600 tokens" at most (its guide:
# platform.claude.com/docs/en/build-with-claude/vision); OpenAI takes 85 + 170 a tile of
# 512 px, eight tiles at most: 1,445 (platform.openai.com/docs/guides/vision, calculating costs).
IMAGE_TOKENS = 1600

# It stands for a picture that is kept: with the digest, base64 of a whole number of bytes, so that litellm takes it for
# data. `bot.models.pictures` puts the picture there.
MARK = "MootPicture0"

BLIND = "you cannot see images"
GONE = "they are no longer kept"
NO_ROOM = "there is no room for them beside the text"


def describe_images(part: Part, why: str) -> Part:
    """Return the part with one line in place of its images. It stands first, so that a cut of the tail keeps it."""
    if not part.images:
        return part
    names = ", ".join(image.name for image in part.images)
    line = f"[Images came with this, but {why}. Say so where it matters. They are: {names}]"
    return replace(part, text=f"{line}\n{part.text}", images=())


def build_message(parts: Sequence[Part], last_kept: Part | None = None) -> Message:
    """Build one message of parts of one role.

    Images stand before the text, where Claude reads them best (its vision guide, as above). `last_kept`: the part of
    the prompt up to which the provider is to keep what it has read; each part is then a piece of its own, as what is
    kept ends with a piece (https://platform.claude.com/docs/en/build-with-claude/prompt-caching).
    """
    texts = [part for part in parts if part.text]
    images = [_image_piece(image) for part in parts for image in part.images]
    joined = "\n\n".join(part.text for part in texts)
    if last_kept is not None:
        joints = ("", *("\n\n" for _ in texts[1:]))
        said = [
            _text_piece(joint + part.text, kept=part is last_kept) for joint, part in zip(joints, texts, strict=True)
        ]
    elif not images:
        return {"role": parts[0].role, "content": joined}
    else:
        said = [_text_piece(joined)] if joined else []
    return {"role": parts[0].role, "content": [*images, *said]}


def _text_piece(text: str, *, kept: bool = False) -> Message:
    mark = {"cache_control": {"type": "ephemeral"}} if kept else {}
    return {"type": "text", "text": text, **mark}


def _image_piece(image: Image) -> Message:
    return {"type": "image_url", "image_url": {"url": f"data:{image.mime};base64,{image.data or MARK + image.digest}"}}


def text_of(message: Message) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(piece.get("text", "") for piece in content)


def count_image_tokens(message: Message) -> int:
    content = message["content"]
    return 0 if isinstance(content, str) else IMAGE_TOKENS * sum(p["type"] == "image_url" for p in content)
