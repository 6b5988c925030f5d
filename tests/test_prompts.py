"""Prompts: the operator's folder in place of ours, and every mistake in it with its file."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

import pytest

from bot.cli.doctor import run_doctor
from bot.errors import Misconfigured
from bot.formats import FORMATS
from bot.prompts import FRAGMENTS, load_prompts
from tests.support.discord_bot import run_moot

TOML = """
prompts = "ours"
[models.a]
litellm = "hosted_vllm/a"
api_base = "http://127.0.0.1:9"
[panels.default]
seats = ["a"]
"""
REVIEW = "You judge. Answers stand between lines that carry $code. Rank them."


def find_mistakes(folder: Path) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load_prompts(folder)
    return str(caught.value).splitlines()


def test_every_format_finds_its_prompts_and_none_lies_unused() -> None:
    used = {name for form in FORMATS.values() for name in form.PROMPTS}
    assert used == set(load_prompts(None))
    assert set(load_prompts(None)) > FRAGMENTS


def test_what_comes_with_moot_passes_its_own_check(tmp_path: Path) -> None:
    for name, text in load_prompts(None).items():
        (tmp_path / f"{name}.md").write_text(text, "utf-8")
    assert load_prompts(tmp_path) == load_prompts(None)


def test_a_file_replaces_the_prompt_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "council.review.md").write_text(REVIEW, "utf-8")
    (tmp_path / "notes.txt").write_text("nothing of ours", "utf-8")
    found = load_prompts(tmp_path)
    assert found["council.review"] == REVIEW
    assert found["council.answer"] == load_prompts(None)["council.answer"]


@pytest.mark.parametrize(
    ("name", "text", "mistake"),
    [
        ("council.review", "Rank the answers.", "lacks $code."),
        (
            "council.review",
            f"{REVIEW} $answers",
            "$answers is no placeholder here; there are: $code, $name, $persona, $room.",
        ),
        ("council.review", f"{REVIEW} It costs $5.", "has a $ that begins no placeholder: write $$ for a dollar sign."),
        ("council.review", " \n", "is empty."),
        ("council.reviews", REVIEW, "replaces nothing; there are compare.answer, council.answer,"),
        ("debate.position", "Defend $position, $name.", "$name is no placeholder here; there are: $position."),
        ("search.again", "Once more, $name.", "$name is no placeholder here; there are: none."),
    ],
)
def test_each_mistake_comes_with_its_file(tmp_path: Path, name: str, text: str, mistake: str) -> None:
    (tmp_path / f"{name}.md").write_text(text, "utf-8")
    [line] = find_mistakes(tmp_path)
    assert line.startswith(f"prompts: {tmp_path / name}.md: {mistake}")


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    (tmp_path / "council.review.md").write_text("$answers", "utf-8")
    (tmp_path / "council.chair.md").write_bytes(b"\xff\xfe")
    assert len(find_mistakes(tmp_path)) == 3


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert find_mistakes(tmp_path / "none") == [f"prompts: there is no folder {tmp_path / 'none'}."]


async def test_the_doctor_finds_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ours").mkdir()
    Path("ours/council.review.md").write_text("$answers", "utf-8")
    Path("moot.toml").write_text(TOML, "utf-8")
    assert await run_doctor(spend=False, json_object=True) == 1
    found = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["what"] == "prompts"]
    assert [(f["state"], f["meaning"]) for f in found] == [
        ("broken", "ours/council.review.md: lacks $code."),
        (
            "broken",
            "ours/council.review.md: $answers is no placeholder here; there are: $code, $name, $persona, $room.",
        ),
    ]
    Path("ours/council.review.md").write_text(REVIEW, "utf-8")
    await run_doctor(spend=False, json_object=True)
    assert [f["state"] for f in json.loads(capsys.readouterr().out)["findings"] if f["what"] == "prompts"] == ["ok"]


async def test_a_run_is_asked_in_the_operators_words_and_keeps_them(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    ours = "Speak as $name. $persona $room Between lines with $code stands the question."
    (folder / "compare.answer.md").write_text(ours, "utf-8")
    async with run_moot(tmp_path, prompts=folder) as m:
        board = await m.ask("compare")
        await m.find_end_card(await m.find_thread(board))
        assert "Speak as GPT." in m.read_asks("gpt")[0]
        (folder / "compare.answer.md").write_text(Template(ours).template.replace("Speak", "Sing"), "utf-8")
        [row] = await m.store.runs()
        start = (await m.store.read(row.run))[0].fact
        assert getattr(start, "prompts", {})["compare.answer"] == ours
