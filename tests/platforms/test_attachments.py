from __future__ import annotations

import asyncio
import base64
import bz2
import codecs
import gzip
import lzma
import struct
from typing import Any

import pypdfium2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.common.attachments import (
    NAME_CHARS,
    RemoteFile,
    TextFile,
    attach_files,
    check_sizes,
    join_texts,
    read_file,
)
from bot.domain.run import Image
from bot.errors import Refused
from bot.settings.settings import LimitSettings
from tests.support.files import lock_pdf, make_pdf

LIMITS = LimitSettings(question_chars=1000, attachments=2, image_bytes=5000, pdf_bytes=5000)
USUAL = LimitSettings()
STREAM = "application/octet-stream"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def read_refusal(name: str, mime: str, data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read_file(name, mime, data, LIMITS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "mime", "data"),
    [
        ("a.txt", "text/plain; charset=utf-8", "Größe 漢字\n".encode()),
        ("a.md", STREAM, codecs.BOM_UTF8 + "Größe 漢字\n".encode()),
        ("a.csv", "text/csv", codecs.BOM_UTF16_LE + "Größe 漢字\n".encode("utf-16-le")),
        ("a.log", "", codecs.BOM_UTF16_BE + "Größe 漢字\n".encode("utf-16-be")),
        ("main.ts", "video/mp2t", "Größe 漢字\r\n".encode()),  # what a platform takes TypeScript for
        ("Makefile", STREAM, "Größe 漢字\r".encode()),
    ],
)
def test_texts_of_any_kind_are_read(name: str, mime: str, data: bytes) -> None:
    assert read_file(name, mime, data, LIMITS) == TextFile(name, "Größe 漢字\n")


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
        ("image/gif", b"GIF89a\1\0"),
        ("image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
    ],
)
def test_images_are_known_by_their_bytes(mime: str, data: bytes) -> None:
    image = read_file("notes.txt", "text/plain", data, LIMITS)
    assert image == Image("notes.txt", mime, base64.b64encode(data).decode())


@pytest.mark.parametrize(
    ("mime", "data", "kind"),
    [
        ("text/rtf", b"{\\rtf1 letters}", "is an RTF document,"),
        (STREAM, b"PK\x03\x04\x14\0", "is an Office document or a ZIP archive,"),
        (STREAM, b"\x7fELF\0", "is a program,"),
        ("audio/ogg", b"OggS\0", "is a sound,"),
        ("video/mp4", b"\0\0\0\x18ftypmp42", "is a video,"),
        ("image/heic", b"\0\0\0\x18ftypheic", "is an image other than PNG, JPEG, GIF or WebP,"),
        ("text/plain", b"one\0two", "is neither an image nor text that I can read,"),
        ("text/plain", codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "is neither an image nor text that I can read,"),
        (STREAM, bytes(range(256)) * 4, "is neither an image nor text that I can read,"),
        (STREAM, gzip.compress(b"text", mtime=0), "is a compressed archive,"),
        (STREAM, lzma.compress(b"text"), "is a compressed archive,"),
        (STREAM, bz2.compress(b"text"), "is a compressed archive,"),
        ("image/bmp", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\xff\xfe", "is an image other than PNG, JPEG, GIF or WebP,"),
        ("", b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 20, "is a sound,"),  # nobody has said so
        ("audio/wav", b"RIFF\x24\0\0\0WAVEfmt ", "is a sound,"),
    ],
)
def test_other_kinds_are_refused_by_their_name(mime: str, data: bytes, kind: str) -> None:
    told = read_refusal("it.bin", mime, data)
    assert told.startswith(f"“it.bin” {kind}")
    assert told.endswith(": attach the text that matters, or an image of it.")


GUESSED = [
    ("cp1252", "Größe – 5 € im Café, naïve Überlegungen", "Windows-1252 (Western)"),
    ("cp1252", "Größe", "Windows-1252 (Western)"),
    ("cp932", "設定,値\n名前,太郎\n", "Shift-JIS"),
    ("utf-16-le", "Größe 漢字, in UTF-16", "UTF-16"),
    ("utf-16-be", "Größe 漢字, in UTF-16", "UTF-16 (big-endian)"),
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy", "Windows-1250 (Central European)"),
    ("cp1251", "Привет, мир! Это довольно длинный текст на русском языке.", "Windows-1251 (Cyrillic)"),
    ("gb18030", "这是一个中文文本文件，用于测试编码检测。", "GB 18030 (Chinese)"),
]


def test_japanese_mail_is_read() -> None:
    text = "これはテストです。\nEnd"
    assert read_file("a.txt", "", text.encode("iso2022_jp"), LIMITS) == TextFile(
        "a.txt", text, "read as ISO-2022-JP (Japanese)"
    )


@pytest.mark.parametrize(("encoding", "text", "named"), GUESSED)
def test_texts_in_other_encodings_are_read_and_the_guess_is_shown(encoding: str, text: str, named: str) -> None:
    file = read_file("a.csv", "text/csv", text.encode(encoding), LIMITS)
    assert file == TextFile("a.csv", text, f"read as {named}, which is a guess")
    assert join_texts("Why?", [file]).startswith(f"Why?\n\nFile “a.csv” (read as {named}, which is a guess):\n\n```csv")


def test_what_could_be_many_encodings_is_refused_with_their_names() -> None:
    told = read_refusal("a.txt", "text/plain", "Привет".encode("cp1251"))
    assert told.startswith("“a.txt” is text in ")
    assert "Windows-1251 (Cyrillic)" in told
    assert told.endswith(": save it as UTF-8.")


def read_files(*files: tuple[str, bytes], limits: LimitSettings = USUAL) -> tuple[str, list[Image]]:
    """Attach files to the question “Why?”."""

    def remote(name: str, data: bytes) -> RemoteFile:
        async def fetch(max_bytes: int) -> bytes:
            return data

        return RemoteFile(name, "", len(data), fetch)

    return asyncio.run(attach_files("Why?", [remote(name, data) for name, data in files], limits))


def test_a_pdf_is_read_page_by_page() -> None:
    text, images = read_files(("a.pdf", make_pdf("Milk goes in first. " * 5, "Tea goes in last. " * 5)))
    assert text.startswith("Why?\n\nFile “a.pdf” (a PDF of 2 pages):\n\n```pdf\n[page 1]\nMilk goes in first.")
    assert "[page 2]\nTea goes in last." in text
    assert images == []


def test_pages_with_hardly_any_text_come_as_pictures() -> None:
    text, images = read_files(("a.pdf", make_pdf("Milk goes in first. " * 5, "", "Fig. 1")))
    assert "(a PDF of 3 pages, 2 of them as pictures, having hardly any text)" in text
    assert [image.name for image in images] == ["a.pdf, page 2.png", "a.pdf, page 3.png"]
    for image in images:
        data = base64.b64decode(image.data)
        assert isinstance(read_file(image.name, "", data, LimitSettings()), Image)
        bitmap = pypdfium2.PdfDocument(make_pdf("")).get_page_size(0)
        width, height = struct.unpack(">II", data[16:24])
        assert abs(width / height - bitmap[0] / bitmap[1]) < 0.01


def test_a_long_pdf_is_read_from_its_beginning() -> None:
    limits = LimitSettings(pdf_pages=2)
    text, _ = read_files(("a.pdf", make_pdf(*["Milk goes in first. " * 5] * 3)), limits=limits)
    assert "(the first 2 pages of a PDF of 3 pages)" in text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lock_pdf(make_pdf("Milk")), "“a.pdf” is locked by a password: attach it without one."),
        (b"%PDF-1.7\nplain letters", "“a.pdf” is a PDF that is damaged or not whole: attach it again."),
        (make_pdf("Milk " * 2_500), "“a.pdf” has 12,508 characters and may have 10,000: attach the part that matters."),
        (
            make_pdf("Milk") + b" " * 30_000,
            "“a.pdf” has 0.03 MB and a PDF may have 0.02 MB: attach the pages that matter.",
        ),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(data: bytes, told: str) -> None:
    with pytest.raises(Refused) as caught:
        read_files(("a.pdf", data), limits=LimitSettings(question_chars=10_000, pdf_bytes=20_000))
    assert str(caught.value) == told


def test_bounds_are_told_with_what_to_do() -> None:
    for nothing in (b"", b" \r\n", b"\xef\xbb\xbf", b"\xff\xfe\x20\x00"):
        assert read_refusal("a.txt", "", nothing) == "“a.txt” is empty: attach it again, or leave it out."
    assert read_refusal("a.txt", "", b"x" * 1001).startswith("“a.txt” has 1,001 characters and may have 1,000: ")
    assert read_refusal("a.png", "", PNG + b"\0" * 5000).startswith(
        "“a.png” has 0.01 MB and an image may have 0.01 MB: "
    )
    assert isinstance(read_file("a.txt", "", ("ß" * 1000).encode(), LIMITS), TextFile)  # characters, not bytes


def test_a_name_reads_in_a_refusal_as_it_is() -> None:
    assert read_refusal("__init__.py", "", b"").startswith(r"“\_\_init\_\_.py” is empty")
    assert read_refusal("a <@1> [x](b).txt", "", b"").startswith(r"“a \<@1\> \[x\](b).txt” is empty")


def test_files_are_counted_and_weighed_before_they_are_fetched() -> None:
    check_sizes([], LIMITS)
    check_sizes([5000, 1], LIMITS)
    with pytest.raises(Refused, match="may come with 2 files, not 3"):
        check_sizes([1, 1, 1], LIMITS)
    with pytest.raises(Refused, match=r"A file may have 0.01 MB, not 7.00 MB"):
        check_sizes([7_000_000], LIMITS)


def test_a_name_cannot_break_its_line() -> None:
    file = read_file("a\n\u202e\x1b[31m  b" + "x" * 200, "", b"text", LIMITS)
    assert file.name.startswith("a [31m bx")
    assert len(file.name) == NAME_CHARS
    assert read_file("\n", "", b"text", LIMITS).name == "file"


def test_files_stand_behind_the_question_with_their_names() -> None:
    files = [TextFile("main.py", "print(1)\n"), TextFile("no suffix", "```\nfenced\n```")]
    assert join_texts("Why?", files) == (
        "Why?\n\nFile “main.py”:\n\n```py\nprint(1)\n```\n\nFile “no suffix”:\n\n````\n```\nfenced\n```\n````"
    )
    assert join_texts("Why?", []) == "Why?"


contents = st.lists(st.sampled_from(["`", "```", "````py", "~~~", "\n", "\n\n", "    ", "> ", "a", "\t"])).map("".join)


@given(st.lists(contents, max_size=3), st.sampled_from(["a.py", "b", "c.d`e", "x.~~~", "-.- js"]))
@example(["```"], "a.py")
def test_whatever_a_file_holds_its_fence_holds_it(texts: list[str], name: str) -> None:
    """As a parser that knows nothing of us reads it."""
    tokens: list[Any] = MarkdownIt("commonmark").parse(join_texts("Why?", [TextFile(name, text) for text in texts]))
    assert [token.content for token in tokens if token.type == "fence"] == [text.rstrip("\n") + "\n" for text in texts]
    assert [token.type for token in tokens if token.level == 0 and token.nesting >= 0] == (
        ["paragraph_open"] + ["paragraph_open", "fence"] * len(texts)
    )
