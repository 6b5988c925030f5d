"""Messages that ask nothing: greetings, thanks and the like, from a closed list."""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from unicodedata import category, normalize

from bot.text import has_signs

MAX_CHARS = 4_000  # of a message; a longer one is not looked at
MAX_WORDS = 6
# names, as Slack and Discord write them, and letters and digits that are drawn as emoji
_EMOJI = re.compile(r":[a-z0-9_+'-]{1,100}:|.\N{VARIATION SELECTOR-16}")

# One line a kind; accents and capitals do not count, and neither do letters that are drawn out ("hiiii").
_PHRASES = """
hi, hello, hey, hiya, howdy, yo, sup, greetings, hi there, hello there, hey there, good morning, morning, good day
good afternoon, good evening, good night, bye, goodbye, see you, cheers, hi all, hello all, hi everyone, hello everyone
moot, bot
thanks, thank you, thx, ty, tysm, thanks a lot, thank you very much, thank you so much, many thanks, thanks so much
ok, okay, okey, k, kk, cool, great, nice, got it, alright, all right, sorry, welcome
test, testing, just testing, ping, 1 2 3, test 1, test 2, test 123
help, help me, please help, help please, help me please, commands
hallo, servus, moin, moin moin, gruss gott, grüezi, guten tag, guten morgen, guten abend, gute nacht, tschüss, tschüß
danke, danke schön, danke dir, vielen dank, merci, merci beaucoup, hilfe, alles klar, gut
bonjour, salut, bonsoir, bonne nuit, coucou, au revoir, aide, d accord, super
hola, buenas, buenos días, buenos dias, buenas tardes, buenas noches, adiós, gracias, muchas gracias, ayuda, vale
olá, oi, bom dia, boa tarde, boa noite, tchau, obrigado, obrigada, muito obrigado, muito obrigada, ajuda
ciao, salve, buongiorno, buonasera, buona notte, arrivederci, grazie, grazie mille, aiuto, va bene
hoi, goedemorgen, goedemiddag, goedenavond, dag, dank je, dank je wel, dankjewel, dank u, bedankt, hulp
hej, hejsan, hei, god morgon, god morgen, tack, tack så mycket, takk, tusen takk, tak, mange tak, hjälp, hjelp, hjælp
moi, terve, huomenta, kiitos, apua
cześć, hejka, dzień dobry, dobry wieczór, dziękuję, dzięki, pomoc, ahoj, dobrý den, děkuji, díky, pomoc prosím
szia, sziasztok, köszönöm, köszi, bună, bună ziua, mulțumesc, salutare, ajutor
merhaba, selam, günaydın, teşekkürler, teşekkür ederim, sağ ol, tamam, yardım
γεια, γεια σου, γεια σας, καλημέρα, καλησπέρα, ευχαριστώ, βοήθεια
привет, здравствуй, здравствуйте, доброе утро, добрый день, добрый вечер, пока, спасибо, большое спасибо, ок, окей
хорошо, тест, помощь, помогите, привіт, добрий день, дякую, допомога
السلام عليكم, سلام, مرحبا, اهلا, أهلا, صباح الخير, مساء الخير, شكرا, شكرا جزيلا, مساعدة, تمام, ممنون, مرسی
שלום, היי, בוקר טוב, ערב טוב, תודה, תודה רבה, עזרה
नमस्ते, नमस्कार, हैलो, धन्यवाद, शुक्रिया, मदद, namaste, dhanyavad, shukriya
你好, 您好, 嗨, 哈喽, 大家好, 早上好, 下午好, 晚上好, 早安, 晚安, 再见
谢谢, 謝謝, 多谢, 谢谢你, 谢谢您, 好的, 测试, 測試, 帮助, 幫助, nihao, xiexie
こんにちは, こんばんは, おはよう, おはようございます, やあ, どうも
ありがとう, ありがとうございます, テスト, ヘルプ, konnichiwa, arigato
안녕, 안녕하세요, 감사합니다, 고마워, 고맙습니다, 테스트, 도움말, annyeong
xin chào, chào, cảm ơn, cám ơn, halo, selamat pagi, selamat siang, terima kasih, makasih, tolong, สวัสดี, ขอบคุณ
"""


def _read_words(text: str) -> list[str]:
    """Return the words of a text without capitals, accents, signs and emoji, and "hiiii" as "hi"."""
    letters = (c for c in normalize("NFKD", text.casefold()) if not category(c).startswith("M"))
    spaced = "".join(c if category(c)[0] in "LN" else " " for c in letters)
    runs = ((c, len(list(run))) for c, run in groupby(spaced))
    return "".join(c * (count if count < 3 else 1) for c, count in runs).split()


@cache
def _read_phrases() -> frozenset[tuple[str, ...]]:
    """Return the list, each phrase as its words."""
    return frozenset(tuple(_read_words(phrase)) for line in _PHRASES.splitlines() for phrase in line.split(","))


def asks_nothing(text: str) -> bool:
    """Return whether a message holds nothing but phrases of the list, emoji and signs; a longer one always asks."""
    if len(text) > MAX_CHARS:
        return False
    if not has_signs(text):
        return True
    words = tuple(_read_words(_EMOJI.sub(" ", text)))
    return len(words) <= MAX_WORDS and _is_made_of_known(words)


def _is_made_of_known(words: tuple[str, ...]) -> bool:
    return not words or any(
        words[:n] in _read_phrases() and _is_made_of_known(words[n:]) for n in range(1, len(words) + 1)
    )
