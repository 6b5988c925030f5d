"""Small talk: what asks nothing is on a closed list; whatever goes beyond it asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.small_talk import asks_nothing

NOTHING = """
hi|Hello!|HEY|hiiiii 👋|hi there|Hi, hello|good morning!|thx|Thank you so much :)|ok|OK.
okay, thanks, bye|test|Test 123|help|Help!!|help me please
moot, help|bonjour|Merci beaucoup !|d'accord|d’accord|Grüß Gott|danke schön|Danke schon
TSCHÜSS|¡Hola!|buenos días|buenos dias|obrigado|Olá 👋🏽|grazie mille|dank je wel|tack så mycket|dziękuję
děkuji|köszönöm|merhaba|γεια σου|Привет!|Большое спасибо|дякую
السلام عليكم|شكرًا|תודה|नमस्ते|你好！|谢谢|ありがとう|안녕하세요|ｈｉ
👍|👍🏽|👨‍👩‍👧|🇫🇷|❤️|1️⃣|ℹ️|:wave:|:wave::skin-tone-3:|:party_parrot: thanks|?|?!…|---|   |
"""
ASKS = """
hi, should we rewrite it?|hello, is anybody there|thanks, and what about tabs?|ok so tabs or spaces|test the server
help me choose|help me write a test|why?|tabs|tea or coffee|hi is what in French|good|what can you do|who are you
how are you|is it ok|ok google|testing in production|thanksgiving|hill|high|oke|hi 5|test 4|1 2 3 4|12:30|1
is 👍 rude?|hello world
danke für nichts|was ist moin|merci pour quoi|hola mundo|привет мир|谢谢什么意思|你好吗|ありがとうの意味|test:pass
hi hi hi hi hi hi hi|http://example.org|/council|v1.0
"""


def split(table: str) -> list[str]:
    return [text for line in table.strip("\n").split("\n") for text in line.split("|")]


@pytest.mark.parametrize("text", split(NOTHING), ids=ascii)
def test_greetings_thanks_and_signs_ask_nothing(text: str) -> None:
    assert asks_nothing(text)


@pytest.mark.parametrize("text", split(ASKS), ids=ascii)
def test_whatever_goes_beyond_them_asks(text: str) -> None:
    assert not asks_nothing(text)


@given(
    st.sampled_from([text for text in split(NOTHING) if text]), st.text("abcdefghxyzжшщ的問", min_size=9, max_size=20)
)
def test_a_word_that_is_not_on_the_list_asks_wherever_it_stands(known: str, word: str) -> None:
    assert not asks_nothing(f"{known} {word}")
    assert not asks_nothing(f"{word} {known}")


@given(st.text(max_size=50))
def test_any_text_is_decided_alike_however_it_is_written(text: str) -> None:
    assert asks_nothing(text) == asks_nothing(f" {text} !?") == asks_nothing(f"{text} ok")


def test_a_long_text_is_not_looked_at() -> None:
    assert not asks_nothing("hi " * 100_000)
