"""Text from the log came from elsewhere: what is written for people goes through `safe`."""

from __future__ import annotations

import re

# C0 and C1 control characters but tab and line feed: a terminal obeys them. Each is shown as a picture of itself, or as U+FFFD.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Marks that embed or override a direction can make a line read as what it isn't.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """The text without anything a terminal would obey. Piece by piece gives the same as the whole, line ends aside."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(_picture, _DIRECTION.sub("", text))


def spoken_rule(repeat: str) -> str:
    """A repeat in words, such as "every Monday"."""
    from pmm.agent.commitments import spoken_rule as spoken

    return spoken(repeat)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
