"""Text → clean text: Unicode repaired and composed, white space tidied, contact details masked."""

import re
import unicodedata

import ftfy
import phonenumbers

# Guessing at mojibake costs 400 ns a character, so ftfy sees only texts with something to repair: control
# characters, HTML entities, ligatures, full-width forms, or the start of a UTF-8 pair read as Latin-1.
_SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u3000\ufb00-\ufb06\ufeff\ufff9-\ufffd\uff01-\uff5e\ud800-\udfff]"
    "|&[#A-Za-z0-9]{2,8};|[ÃÂ][\x80-\xbf\u2013-\u2122\u0152-\u017e]|â[€\x80]"
)
_FTFY = ftfy.TextFixerConfig(uncurl_quotes=False, explain=False)
_TRAILING_SPACE = re.compile(r"(?<![ \t])[ \t]+\n")  # only from a run's start: linear time
_BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """`text` in NFC, repaired by ftfy where it looks broken, without trailing spaces and empty stretches."""
    if not text.isascii() or "&" in text or not text.isprintable():
        if _SUSPICIOUS.search(text):
            text = ftfy.fix_text(text, _FTFY)
        text = unicodedata.normalize("NFC", text)
    if " \n" in text or "\t\n" in text:
        text = _TRAILING_SPACE.sub("\n", text)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip()


# Written in place of what was found: an address and numbers that belong to nobody (RFC 2606; the ranges that
# Arcep and the North American plan keep for fiction), so that masked text still reads as text.
EMAIL_MASK = "email@example.com"
PHONE_MASKS = {"fr": "01 99 00 00 00", "en": "202-555-0100"}

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?!\w)"
)
_DIGIT_GROUPS = re.compile(r"[0-9][0-9][ .)/-]?[0-9][0-9]")  # quick: most texts have no number at all
# International, French with its 0, North American with its separators: phonenumbers decides which are real.
_PHONE = re.compile(
    r"(?<![\w.,+/-])"
    r"(?:\+\d[\d .()/-]{6,18}\d|0[1-9](?:[ .-]?\d\d){4}|(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4})"
    r"(?![\w/-])"
)


def mask_personal(text: str, language: str) -> tuple[str, int]:
    """`text` with e-mail addresses and valid phone numbers replaced, and how many there were."""
    count = 0
    if "@" in text:
        text, count = _EMAIL.subn(EMAIL_MASK, text)
    if not _DIGIT_GROUPS.search(text):
        return text, count
    phones = 0

    def mask(match: re.Match[str]) -> str:
        nonlocal phones
        if not _is_phone(match.group()):
            return match.group()
        phones += 1
        return PHONE_MASKS[language]

    text = _PHONE.sub(mask, text)
    return text, count + phones


def _is_phone(candidate: str) -> bool:
    region = None if candidate.startswith("+") else "FR" if candidate.startswith("0") else "US"
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(candidate, region))
    except phonenumbers.NumberParseException:
        return False
