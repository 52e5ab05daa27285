"""What somebody typed themselves, in sentences and clauses.

Left out: quotations, code, quoted lines, letters, pasted text. A short quotation inside a sentence is held back as one private
character, so that no rule reads it, and put back when the words around it become an event.
Every step is linear in the text, and only the two ends of a very long one are looked at: nobody types the middle.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, cast

import msgspec

PASTE = 500
"""A run of lines longer than this, in characters, was pasted."""

_END = 4_000  # of a longer text, this much of either end is read
_HOLD = 0xF0000  # the first private character that stands for a quotation
_HOLD_MAX = 0xFFFFD
_GAP = "…" * (PASTE + 1)

_INVISIBLE = dict.fromkeys([0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xa0\u2000-\u200a\u2028\u2029\u202f\u3000\ud800-\udfff\U000f0000-\U000fffff]")
_WORD = re.compile(r"\w+")


_APOSTROPHE = re.compile(r"\[(?:\\.|[^\]\\])*\]|'")


def pattern(source: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """A pattern in which an apostrophe matches the typographic one too. (In a set of characters, write both.)"""
    return cast("re.Pattern[str]", _Pattern(source, flags))


class _Pattern:
    """Compiled when it is first used: all of them together take 70 ms, and most messages need none."""

    def __init__(self, source: str, flags: int) -> None:
        self.source = source
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(_APOSTROPHE.sub(lambda m: "['’]" if m[0] == "'" else m[0], self.source), self.flags)
        # From now on these are found before __getattr__ is asked.
        self.match, self.fullmatch, self.search = compiled.match, compiled.fullmatch, compiled.search
        self.finditer, self.sub, self.subn, self.split = compiled.finditer, compiled.sub, compiled.subn, compiled.split
        return getattr(compiled, name)


def words_of(text: str) -> set[str]:
    """The words of a text in lower case; "I'll" is two of them."""
    return set(_WORD.findall(text.lower()))


def normalise(text: str) -> str:
    """One form for texts that say the same: case, blanks, apostrophes and the punctuation around it don't count."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(plain.split()).strip(" .,;:!?…\"'“”„«»()。！？")


class Sentence(msgspec.Struct, frozen=True):
    """text: with quotations held back. question: it asks. held: the quotations."""

    text: str
    question: bool
    words: set[str]
    held: tuple[str, ...]

    def restore(self, part: str) -> str:
        """A part of the sentence with its quotations back in place."""
        if not self.held:
            return part
        return "".join(self.held[ord(c) - _HOLD] if _HOLD <= ord(c) <= _HOLD_MAX else c for c in part)


class Clause(msgspec.Struct, frozen=True):
    """A part of a sentence that may stand alone. before: what precedes it there. link: what joins them, as ', and'."""

    text: str
    before: str
    link: str
    sentence: Sentence

    @property
    def question(self) -> bool:
        return self.sentence.question

    def restore(self, part: str) -> str:
        return self.sentence.restore(part)


# -- what was typed --------------------------------------------------------------------------------------------------------------

_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_INTRO = pattern(
    r"\b(?:here(?:'s| is| are| comes?)|below (?:is|are)|(?:the|this) following|see below|hier (?:ist|sind|kommt)|folgende[rsn]?"
    r"|voici|voilà|aquí (?:está|tienes|va))\b[^:\n.!?]{0,80}:"
)
_HEADER = pattern(
    r"(?:from|subject|sent|cc|betreff|von|objet|asunto):\s|-{2,} ?original message.*:|-{3,}\s*forwarded.*:|on .{5,80} wrote:|am .{5,80}"
    r" schrieb|le .{5,80} a écrit|el .{5,80} escribió"
)
_DEAR = pattern(
    r"(?P<greeting>dear|hi|hello|hey|liebe[rs]?|sehr geehrte[rs]?|hallo|cher|chère|bonjour|querid[oa]|estimad[oa]|hola)"
    r"(?P<whom>(?: [\w.\x27’-]{1,30}){0,3})[,:!]?\s*$"
)
_FORMAL = {"dear", "liebe", "lieber", "liebes", "cher", "chère", "querido", "querida", "estimado", "estimada"}
_SIGNED = pattern(
    r"^(?:(?:best|kind|warm|with kind)(?: regards| wishes)?|regards|sincerely|yours(?: \w+)?|cheers|love|mit freundlichen grüßen"
    r"|(?:viele|liebe|beste) grüße|cordialement|bien à (?:toi|vous)|saludos|un abrazo)[,!]?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"\s{0,8}(?:[-*•–]|\d{1,2}[.)])\s+(?:\[[ xX]?\]\s+)?")
_LABEL = re.compile(r"(?:\[[^\]\n]{1,40}\]\s*|\(?\d{1,2}:\d\d(?::\d\d)?\)?\s*)?[^\W\d_][\w .’'-]{0,30}:\s")
_OWN_LABEL = pattern(
    r"(?:(?:note|ps|p\.s\.?|btw|by the way|also|please|update|correction|fyi|important|remember|to ?do|reminders?|requests?|promise|deal"
    r"|ok(?:ay)?|(?:a |the |my |one |new |house |standing |another |last |final |first )*(?:rules?|thing|plan|request|promise|note"
    r"|instruction|reminder)|i(?:'ve| have) decided|(?:one|two|three|a few|some|a couple of)(?: more| last| other)? (?:things?|rules"
    r"|requests|points)|to be clear|for the record|(?:good |great |bad |quick )?(?:news|update|status)|heads up|(?:my )?(?:to-?do(?:"
    r" list)?|tasks?|things to do|plans?|promises|list|agenda)(?: for .{1,20})?|neue regel|regel|wichtig|übrigens|règle|nouvelle règle"
    r"|regla|nueva regla) ?)(?: for you| from now on| please)?\s*"
)
REPORTED = pattern(
    r"\b(?:says?|said|read|heard|saw|told|tells?|writes?|wrote|asks?|asked|claims?|claimed|thinks|replied|texted|sings?|sang|imagine"
    r"|suppose|supposing|pretend|if|unless|whether|say that|example|instance|story|novel|movie|film|song|game|play|when|once|where"
    r"|exercises?|scenario|role-?play|purposes?|hypothetically|let's say|dream|dreamt|sagte|sagt|dit|dice|dijo|wenn|si)\b"
)
"""what makes what follows somebody else's words, or made up"""
# What one says of what one is about to say: "I've thought about it: ...", "just so you know: ...".
_OWN_REMARK = pattern(
    r"(?:.*\b)?(?:i|i've|i'll|you|you're|me|let's)\b.{0,40}\b(?:it|me|name|too|to|know|will|decided|mind|now|here|myself)"
)
NEW_RULE = r"^(?:(?:a|one|my|here's a|here is a) )?(?:(?:new|another|more|last|standing) )+rule(?: for you)?(?=$|:)"
LIST = r"(?:my|our|the) (?:to-?do |task )?list"
"""the list of what is owed, as one speaks of it"""
# Such a label is a part of what follows: "set a reminder for tomorrow: dentist", "you have my word: I'll ...".
_OPEN_LABEL = pattern(
    r"\b(?:remind me|reminder|nudge)\b|^(?:you have my word|i (?:promise|swear))$"
    r"|^(?:please )?(?:(?:add|create|make|put) )?(?:an? |another |new )*(?:to-?do|task)(?: item)?$"
    rf"|^(?:please )?(?:add|put) (?:this )?(?:to|on|onto) {LIST}$|" + NEW_RULE
)


def read(text: str, addressee: str | None, *, reply: bool = False) -> list[Sentence]:
    """The sentences that the author typed. addressee: the name of whom the text is for, if known."""
    plain = _typed(_clean(text), addressee, reply)
    if not plain:
        return []
    plain, held = _hold_quotations(plain)
    found = []
    for part in _split(plain):
        sentence = _sentence(part, held)
        if sentence:
            found.append(sentence)
    return found


def _clean(text: str) -> str:
    """The text without what can't be seen, composed, and only its ends if it is very long."""
    if len(text) > 2 * _END:
        middle = text[_END:-_END]
        # An odd number of fences in the middle leaves the tail inside code.
        fence = f"\n```\n{_GAP}" if middle.count("\n```") % 2 else ""
        text = text[:_END] + _GAP + fence + text[-_END:]
    if text.isascii():
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return _ODD.sub(" ", text)
    text = unicodedata.normalize("NFC", text.translate(_INVISIBLE)).replace("\r\n", "\n").replace("\r", "\n")
    return _ODD.sub(" ", text)


def _typed(text: str, addressee: str | None, reply: bool) -> str:
    """The lines that were typed; an empty line parts what doesn't belong together."""
    kept: list[str] = []
    blocks = _blocks(text)
    for at, block in enumerate(blocks):
        if "\n" in text and _letter(block, blocks[at:], addressee, reply):
            break
        lines, rest_is_pasted, next_is_pasted = _own_lines(block)
        kept += [*lines, ""]
        if rest_is_pasted or next_is_pasted:
            following = blocks[at + 1 :]
            long = bool(following) and _size(following[0]) > PASTE
            if rest_is_pasted:
                # "Here is the mail:" takes the rest, but the last word after a long paste is the author's again.
                following = following[-1:] if long and len(following) > 1 and not reply else []
            else:
                following = following[1:]
            for later in following:
                kept += [*_own_lines(later)[0], ""]
            break
    return "\n".join(kept)


def _blocks(text: str) -> list[list[str]]:
    """Runs of lines, without fenced and indented code and quoted lines."""
    blocks: list[list[str]] = [[]]
    fenced = False
    blank = True
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            blocks.append([])
        elif fenced:
            continue
        elif not line.strip():
            blank = True
            blocks.append([])
        elif line.startswith(("    ", "\t")) and blank:
            continue
        elif line.lstrip().startswith((">", "|")):
            blank = False
        else:
            blank = False
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _size(block: list[str]) -> int:
    return sum(map(len, block)) + len(block) - 1


def _own_lines(block: list[str]) -> tuple[list[str], bool, bool]:
    """The typed lines of a block; whether all that follows is pasted; whether only the next block is."""
    if _size(block) > PASTE:
        if any(len(line) > PASTE for line in block):
            return [own for line in block if (own := _own_part(line))], False, False
        intro = block[0].rstrip().endswith(":")
        return ([block[0]] if intro else []), False, False
    lines: list[str] = []
    for at, line in enumerate(block):
        if ":" in line and _HEADER.match(line):
            return lines, True, False
        intro_at = _INTRO.search(line) if ":" in line else None
        if intro_at:
            return [*lines, line[: intro_at.start()]], True, False
        if line.rstrip().endswith(":") and not _OWN_LABEL.fullmatch(line.strip().rstrip(":")):
            return [*lines, line], False, at == len(block) - 1
        bullet = _BULLET.match(line)
        bare = line[bullet.end() :] if bullet else line
        label = _LABEL.match(bare) if ": " in bare else None
        if label and not _OWN_LABEL.fullmatch(bare[: bare.index(":")]) and _speaker(bare[: bare.index(":")]):
            continue
        lines.append(bare)
    return lines, False, False


def _speaker(label: str) -> bool:
    """Whether a label looks like somebody's name in a transcript: one or two words, capitalised."""
    parts = label.split()
    return len(parts) <= 2 and label[:1].isupper()


def _own_part(line: str) -> str:
    """Of a line that is too long to be typed, what precedes "here is the text:"; of another line, what precedes such an intro."""
    intro = _INTRO.search(line[:PASTE])
    if intro:
        return line[: intro.start()]
    return line if len(line) <= PASTE else ""


def _letter(block: list[str], rest: list[list[str]], addressee: str | None, reply: bool) -> bool:
    """Whether a letter to somebody else begins here."""
    dear = _DEAR.match(block[0])
    if not dear:
        return False
    whom = dear["whom"].strip()
    if not whom or (addressee and normalise(whom) == normalise(addressee)):
        return False
    return (
        (dear["greeting"].lower() in _FORMAL and (len(block) > 1 or len(rest) > 1))
        or (reply and len(rest) > 1 and not addressee)
        or any(_SIGNED.search(line) for later in rest for line in later)
    )


# -- quotations ------------------------------------------------------------------------------------------------------------------

_CLOSERS = {"“": "”“", "„": "“”", "«": "»", "»": "«", "‹": "›", "「": "」", "『": "』", '"': '"'}
_DOUBLE = re.compile('["“”„«»‹›「」『』]|\n\n')
_SINGLE = re.compile(r"(?<!\w)['‘](?=\S)|(?<=\S)['’](?!\w)|\n")
_CODE = re.compile(r"`[^`\n]*`?")


def _hold_quotations(text: str) -> tuple[str, tuple[str, ...]]:
    """Each quotation and inline code as one private character, and what they stand for."""
    held: list[str] = []
    if "`" in text:
        text = _hold(text, [m.span() for m in _CODE.finditer(text)], held)
    if _DOUBLE.search(text):
        text = _hold(text, _double_spans(text), held)
    if "'" in text or "‘" in text:
        text = _hold(text, _single_spans(text), held)
    return text, tuple(held)


def _hold(text: str, spans: list[tuple[int, int]], held: list[str]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        quoted = text[start:end]
        pieces += [text[at:start], chr(_HOLD + len(held))]
        held.append(quoted)
        if quoted.rstrip("\"'”’»“").endswith((".", "!", "?")) and text[end : end + 1].isspace() and text[end + 1 : end + 2].isupper():
            pieces.append(".")  # the sentence ended inside the quotation
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def _double_spans(text: str) -> list[tuple[int, int]]:
    """Where quotations in double marks stand. One that isn't closed goes to the end of its paragraph."""
    spans: list[tuple[int, int]] = []
    opened, closers = -1, ""
    for m in _DOUBLE.finditer(text):
        mark = m[0]
        if opened >= 0:
            if mark == "\n\n" or mark in closers:
                spans.append((opened, m.start() if mark == "\n\n" else m.end()))
                opened = -1
        elif mark in _CLOSERS and not (mark == '"' and text[m.start() - 1 : m.start()].isdigit()):  # 5" is inches
            opened, closers = m.start(), _CLOSERS[mark]
    if opened >= 0:
        spans.append((opened, len(text)))
    return spans


def _single_spans(text: str) -> list[tuple[int, int]]:
    """Where quotations in single marks stand. One that isn't closed on its line was an apostrophe."""
    spans: list[tuple[int, int]] = []
    opened = -1
    for m in _SINGLE.finditer(text):
        if m[0] == "\n":
            opened = -1
        elif m.start() == 0 or not (text[m.start() - 1].isalnum() or text[m.start() - 1] in ".,!?…"):
            opened = m.start() if opened < 0 else opened
        elif opened >= 0:
            spans.append((opened, m.end()))
            opened = -1
    return spans


# -- sentences -------------------------------------------------------------------------------------------------------------------

_STOP = re.compile(r"[.!?…]+[)\]*_\U000f0000-\U000ffffd]*(?:\s+|$)|[。！？]+\s*|\n+")
_ABBREVIATIONS = frozenset("mr mrs ms dr prof st jr sr vs no nr e.g i.e eg ie etc bzw z.b ca approx dept est fig sra dra mme m".split())
_MONTH = pattern(r"(?:jan|feb|fév|mar|mär|apr|avr|ma[iy]|mayo|jun|jul|jui|aug|aoû|sep|o[ck]t|nov|de[cz]|déc|ene|abr|ago|dic)")
_ASKS = re.compile(r"[?？](?:[^\w]*)$")
_POLITE_TAG = pattern(
    r",? ?\b(?:ok(?:ay)?|please|alright|all right|deal|got it|understood|thanks|(?:would|will|could|can) (?:you|u)"
    r"|bitte|vale|d'accord|ja)\s?\?+\W*$"
)
_ATTRIBUTED = pattern(
    r", (?:\w+ ){1,4}(?:says?|said|told (?:me|us)|used to say|wrote|goes)\W*$|, (?:says|said) .{2,30}$|, (?:sagt|sagte|dit|dice) .{2,40}$"
)
_ASIDE = pattern(
    r"[,;–— ](?:(?<=[,;–—]) ?(?:and |but |so |und |et |y )?|(?<= )(?:- |(?:and|but|so|und|et|y) ))(?=(?:who|what|where|why"
    r"|how|which|can you|could you|do you|does|did|are you|have you"
    r"|what's|who's|how's|and you|wer|was|wie|und du|qui|comment|et toi|cómo|quién|y tú|¿)\b)"
)


def _split(text: str) -> list[str]:
    """Sentences. A line break ends one unless the next line goes on in lower case."""
    parts: list[str] = []
    start = 0
    for m in _STOP.finditer(text):
        if m.end() < len(text) and _goes_on(text, start, m):
            continue
        part = text[start : m.end()].strip()
        if part:
            parts.append(part)
        start = m.end()
    tail = text[start:].strip()
    return [*parts, tail] if tail else parts


def _goes_on(text: str, start: int, stop: re.Match[str]) -> bool:
    following = text[stop.end()]
    if stop[0][0] == "\n":
        return stop[0] == "\n" and following.islower() and text[stop.start() - 1 : stop.start()] not in ".!?:"
    if stop[0].rstrip() != ".":
        return False
    before = text[max(start, stop.start() - 12) : stop.start()].split()
    last = before[-1].lower().lstrip("([") if before else ""
    if last in ("a.m", "p.m"):
        return not following.isupper()
    if last.isdigit() and len(last) <= 2:
        return bool(_MONTH.match(text, stop.end()))
    return last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and last != "i" and following.isupper())


# "dont", "im" and, where a verb follows, "ill", as people type them.
_CONTRACTED = pattern(
    r"\b(do|does|did|is|are|was|wo|ca|would|could|should|have|has)nt\b|(?:(?<=^)|(?<=and )|(?<=but )|(?<=so )|(?<=[,.!] )|(?<=hi )|(?<=btw"
    r" ))(i(?=m |ve )|you(?=re )|that(?=s )|let(?=s )|(?:(?<=^)|(?<=and )|(?<=, ))i(?=ll \w))"
)


def _apostrophe(m: re.Match[str]) -> str:
    return f"{m[1]}n't" if m[1] else f"{m[2]}'"


def _sentence(part: str, held: tuple[str, ...]) -> Sentence | None:
    part = _CONTRACTED.sub(_apostrophe, " ".join(part.replace("**", "").split()))
    colon = part.find(": ")
    if 0 <= colon < len(part) - 2:
        # After a colon stands what somebody said, or an example, unless the label is one's own.
        label = strip_leads(part[:colon], None)
        if not _OPEN_LABEL.search(label):
            own = _OWN_LABEL.fullmatch(label) or (_OWN_REMARK.fullmatch(label) and not REPORTED.search(label))
            part = part[colon + 2 :] if own else part[:colon]
    if _ATTRIBUTED.search(part, max(0, len(part) - 60)):
        return None
    question = False
    if part.startswith("¿") or _ASKS.search(part):
        tag = _POLITE_TAG.search(part, max(0, len(part) - 40))
        asides = [] if tag else [m for m in _ASIDE.finditer(part) if m.start() > 3]
        if tag:
            part = part[: tag.start()]
        elif asides:
            part = part[: asides[0].start()]
        else:
            question = True
    return Sentence(part, question, words_of(part), held) if part else None


# -- clauses ---------------------------------------------------------------------------------------------------------------------

_LEADS = pattern(
    r"(?:(?:no|look|listen|next|right|all|again|welcome|done|first(?:ly)?|second(?:ly)?|finally|wait|deal|everyone|perfect"
    r"|there)(?=\s?[,.!:;…–—])|no(?= (?:i|my|call)\b)|(?:hi|hey|hello) (?:there|all|everyone|again)|(?:good|fair) (?:point|idea|call"
    r"|question)|ok(?:ay)?|k|all ?right|sure(?: thing)?|yes|yeah|yep|yup|nope|nah|well|so|oh|ah|aha|hey|hi|hiya|hello|good (?:morning"
    r"|evening|afternoon|day)|greetings|thanks?(?: you)?(?: so much| a lot| very much| again)?|please|pls|by the way|btw|also|and|but|then"
    r"|now|actually|in fact|anyway|sorry|great|good|cool|nice|fine|awesome|excellent|wonderful|got it|noted|of course|certainly|absolutely"
    r"|definitely|understood|hm+|uh|um|ps|p\.s|p\.s\.|one (?:more|last) thing|just so you know|for the record|fyi|correction|additionally"
    r"|you know what|guess what|don't worry|no (?:problem|worries)|you're welcome|thank you|nice to meet you|pleased to meet you|my"
    r" apologies|apologies|oops|to be clear|in short|first of all|let's see|hereby|hallo|guten (?:tag|morgen|abend)|bitte|danke|ja|nein"
    r"|übrigens|also|und|moin|servus|bonjour|salut|bonsoir|merci|oui|non|au fait|s'il te plaît|s'il vous plaît|d'accord|et|hola|buenos"
    r" días|buenas(?: tardes| noches)?|gracias|sí|por favor|por cierto|vale|y|encantad[oa])(?:[\s,!.;:…–—-]+|$)"
)
_MARKS = re.compile(r"[^\w\U000f0000-\U000ffffd'’¿¡(]+")
_SAFE_I = r"i(?:'ll|'m|'ve| will| shall| am| have| promise| swear| won't)"
_OTHER_HEADS = (
    r"my (?:full |first |real )?name|the name|your (?:new )?name|you(?:'re| are| can| may| shall| will| must| should| don't| no longer)"
    r"|call me|call yourself|rename|remind me|set a reminder|always|never|stop \w+ing|don't|do not|from now on|going forward|forget"
    r" (?:about|that|the|all|my)|cancel (?:the|that|my|all)|let's (?:call|name)|done with|ich|mein name|dein name|du heißt|nenn|erinnere?"
    r"|je|j'|mon nom|ton nom|tu t'appelles|appelle|rappelle|réponds|me llamo|mi nombre|tu nombre|te llamas|recuérdame|llámame|te|antworte"
    r"|responde|désormais|ab (?:jetzt|sofort)|tomorrow i|today i|tonight i"
)
_AND = r"(?:and|but|so|then|also|plus|oh|und|aber|et|mais|y|pero)"
_PLEASE = r"(?:(?:also|please|then|just|now|actually|bitte|s'il te plaît|por favor),? )?"
_JOINT = pattern(
    rf"[ ;,–—](?:(?<=[;,–—]) ?|(?<= )[-–—]{{1,3}} ?)(?:{_AND} )*{_PLEASE}(?=(?:{_SAFE_I}|i|{_OTHER_HEADS})\b)"
    rf"|[ ](?:{_AND} )+{_PLEASE}(?=(?:{_SAFE_I}|i (?:just |already |finally )?(?:\w+ed|sent|bought|paid|wrote|did)|{_OTHER_HEADS})\b)"
)
_FROM_NOW_ONLY = pattern(
    r"(?:from (?:now|here|today)(?: on)?|going forward|moving forward|in (?:the )?future|henceforth|as of (?:now|today)|ab"
    r" (?:jetzt|sofort)|von nun an|künftig"
    r"|désormais|dorénavant|à partir de maintenant|à l'avenir|a partir de ahora|de ahora en adelante|desde ahora)\s*"
)


def strip_leads(text: str, name: str | None) -> str:
    """The text without greetings, interjections and the name of whom it is for."""
    for _ in range(8):
        blank = _MARKS.match(text)
        if blank:
            text = text[blank.end() :]
        if name and text[: len(name)].casefold() == name.casefold() and not text[len(name) : len(name) + 1].isalnum():
            if text[len(name) : len(name) + 1] in ("'", "’"):
                return text
            text = text[len(name) :]
            continue
        lead = _LEADS.match(text)
        if not lead:
            return text
        text = text[lead.end() :]
    return text


def _strip_called(text: str, name: str | None) -> str:
    """The text without the name of whom it is for at its end: "..., Echo." """
    bare = text.rstrip(" .!…")
    if name and len(bare) > len(name) + 2 and bare.casefold().endswith(", " + name.casefold()):
        return bare[: -len(name) - 2]
    return text


def clauses(sentence: Sentence, name: str | None) -> list[Clause]:
    """The sentence's clauses, each without greetings and the like before it."""
    text = _strip_called(strip_leads(sentence.text, name), name)
    found = []
    start, link = 0, ""
    for joint in _JOINT.finditer(text):
        if _FROM_NOW_ONLY.fullmatch(text, start, joint.start()):
            continue
        found.append(Clause(strip_leads(text[start : joint.start()], name), text[:start], link, sentence))
        start, link = joint.end(), joint[0].lower().strip()
    found.append(Clause(strip_leads(text[start:], name), text[:start], link, sentence))
    return [clause for clause in found if clause.text]


# -- words compared --------------------------------------------------------------------------------------------------------------

_PASTS = (
    "send:sent write:wrote,written buy:bought pay:paid make:made do:did,done take:took,taken bring:brought give:gave,given "
    "get:got,gotten tell:told read:read feed:fed find:found go:went,gone speak:spoke,spoken meet:met see:saw,seen run:ran "
    "build:built choose:chose,chosen sell:sold teach:taught think:thought hold:held leave:left ring:rang,rung sing:sang,sung "
    "put:put set:set cut:cut submit:submitted sweep:swept lend:lent show:shown draw:drew,drawn forget:forgot,forgotten "
    "drive:drove,driven eat:ate,eaten swim:swam,swum hang:hung throw:threw,thrown"
)
_IRREGULAR = {past: base for base, pasts in (pair.split(":") for pair in _PASTS.split()) for past in pasts.split(",")}
_SMALL = frozenset(
    "a an the to of for on in at by with my your his her our their its me you him them us i it this that these those and or about from be"
    " is are was were been am will ll ve s m d t do did have has had just already finally now not up out off over so then also please back"
    " all any some"
    " der die das den dem ein eine einen mir dir mich dich le la les un une de du des el los las".split()
)


_VOWEL = re.compile("[aeiouyäöüáéíóúâêîôû]")


def stem(word: str) -> str:
    """A rough stem: sent, sends and sending are send."""
    word = _IRREGULAR.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("ied"):
        return word[:-3] + "y"
    for suffix in ("ing", "ed", "es", "s"):
        least = len(suffix) + (1 if suffix == "ing" else 2)
        if len(word) > least and word.endswith(suffix) and not word.endswith("ss") and _VOWEL.search(word, 0, -len(suffix) + len(word)):
            word = word[: -len(suffix)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return _IRREGULAR.get(word, word).rstrip("e") or word


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in _SMALL]
