"""Names of people, places and things in what was said, by simple rules: capitals, quotation marks, stop-lists. No model, no dictionary.

A capital says less at a sentence's start, where every word has one, and in German, where every noun has one: so each name found
comes with how sure its place makes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import IntEnum

import msgspec

TEXT_MAX = 20_000
"""characters of one text that are looked through"""
NAMES_MAX = 32
"""of one text"""
NAME_CHARS = 60
WORDS_MAX = 5


class Grade(IntEnum):
    """How sure it is a name. KNOWN: only if it is known as one already. MAYBE: if it comes again. SURE: by its place."""

    KNOWN = 0
    MAYBE = 1
    SURE = 2


class Name(msgspec.Struct, frozen=True):
    """key: one form for all spellings of case and blanks. label: as it stood."""

    key: str
    label: str
    grade: Grade


_COMMON = """
a an the i you he she it we they me him her us them my your his its our their mine yours this that these those there here what when where
who whom whose why how which and but or so if then because as at by for from in of on to with without about into over under after before
between during no yes not nor none ok okay oh ah hey hi hello dear sorry thanks thank please well now today tomorrow yesterday tonight
soon later always never often sometimes maybe perhaps sure great good fine do does did done is are was were be been being am have has had
can could will would shall should may might must let lets just also too however still yet again once only even all any some many much
more most each every both few other another such same than while since until unless though although ever one two three first last next
ps pm id
der die das den dem des ein eine einen einem einer eines ich du er es wir ihr sie mich dich ihn uns euch mir dir ihm ihnen mein meine
meinen dein deine deinen sein seine ihre ihren unser unsere euer eure dieser diese dieses jener und oder aber denn doch wenn weil dass ob
als wie wo wer was wann warum woher wohin welche welcher welches nicht kein keine ja nein danke bitte hallo guten tag heute morgen gestern
jetzt dann hier dort auch noch schon nur sehr immer nie ist sind war waren bin bist hat haben hatte wird werden kann soll muss in im an am
auf aus bei mit nach von vom zu zum zur über unter vor für durch gegen ohne um bis seit
le la les un une des du de je tu il elle on nous vous ils elles moi toi lui leur mon ma mes ton ta tes son sa ses notre nos votre vos
leurs ce cet cette ces et ou mais donc car si que qui quoi dont où quand comment pourquoi merci bonjour bonsoir salut oui non demain hier
aujourd'hui maintenant ici là est sont était suis dans sur sous avec sans pour par chez
el los las una unos unas yo tú él ella usted ustedes nosotros vosotros ellos ellas mi mis tus su sus nuestro nuestra este esta estos estas
ese esa eso y o pero porque cuando donde cómo qué quién cuál gracias hola buenos buenas sí hoy mañana ayer ahora aquí es son era estoy
está en con sin por para del al
"""
_TIMES = """
monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun january february march april june july
august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
montag dienstag mittwoch donnerstag freitag samstag sonntag sonnabend januar jänner februar märz mai juni juli oktober dezember
lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril juin juillet août septembre octobre novembre décembre
lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre
diciembre christmas easter weihnachten ostern noël pâques navidad
"""
_BEFORE_NAMES = frozenset("mr mrs ms dr prof st sr jr hr fr mme sra".split())
_STOP = _BEFORE_NAMES.union(_COMMON.split(), _TIMES.split())
_JOINING = frozenset("of the de la du des van von der den del di da dos".split())
_GERMAN = frozenset(
    """und ist nicht ich der das ein eine einen einem einer mit auf für von dem wir sie habe sind auch aber oder wie noch nach bei aus dass
    mein meine dein kein keine wird werden über heute gestern haben sich zum zur""".split()
)
_OTHER = frozenset(
    """the and is are was with for of to my your have has this that they at from it you we le la les et est une je vous nous dans pour
    el los las una con para que y""".split()
)

_TOKEN = re.compile(r"[^\W_](?:[\w&]|['’.\-](?=\w))*")
_SENTENCES = re.compile(r"(?<=[.!?…。！？:;])[\s\"'”»)\]]+|\n+|[|•]")
_SHORTENED = re.compile(rf"\b({'|'.join(sorted(_BEFORE_NAMES))})\.", re.IGNORECASE)
_ELIDED = re.compile(r"\b([cdjlmnst]|qu)['’](?=[^\W\d_]{2})", re.IGNORECASE)
"""French: l'Italie, d'Ana, qu'Ana"""
_CONTRACTED = re.compile(r"['’](?:s|m|d|ll|re|ve|t)$")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_QUOTED = re.compile(r"[“„«《「『]([^“”„«»《》「」『』\n]{2,60})[”“»》」』]|(?<!\w)\"([^\"\n]{2,60})\"(?!\w)")


def key_of(label: str) -> str:
    """One form for all spellings of a name."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def names_in(text: str) -> list[Name]:
    """The names in a text, each once, the surest reading of it; at most NAMES_MAX."""
    text = _ELIDED.sub(r"\1 ", _SHORTENED.sub(r"\1", _CODE.sub(" ", text[:TEXT_MAX])))
    found: dict[str, Name] = {}
    for name in _candidates(text):
        known = found.get(name.key)
        if known is None and len(found) == NAMES_MAX:
            break
        if known is None or known.grade < name.grade:
            found[name.key] = name
    return list(found.values())


def _candidates(text: str) -> Iterator[Name]:
    titles = [quoted for quoted in _QUOTED.finditer(text) if _is_title((quoted[1] or quoted[2]).strip())]
    for quoted in reversed(titles[:NAMES_MAX]):  # from the end, so that the places of the others stay
        label = (quoted[1] or quoted[2]).strip()
        yield Name(key_of(label), label, Grade.SURE)
        text = f"{text[: quoted.start()]}, {text[quoted.end() :]}"
    for sentence in _SENTENCES.split(text):
        if sentence and not sentence.islower():
            yield from _in_sentence(sentence)


def _is_title(label: str) -> bool:
    """Whether a quotation looks like the title of something: short, with a capital first and no full stop."""
    words = label.split()
    if not 0 < len(words) <= WORDS_MAX or label[0].islower() or not label[0].isalpha() or label[-1] in ".!?,;:…。！？":
        return False
    return len(words) > 1 or key_of(label) not in _STOP


def _in_sentence(sentence: str) -> Iterator[Name]:
    tokens = list(_TOKEN.finditer(sentence))
    words = [token[0] for token in tokens]
    if len(words) > 3 and 2 * sum(word.isupper() for word in words) > len(words):
        return  # it is shouted
    lower = [word.casefold() for word in words]
    inside = Grade.MAYBE if _is_german(lower) else Grade.SURE
    for start, end in _runs(sentence, tokens, lower):
        run = [_bare(word) for word in words[start:end]]
        if start:
            yield from _named(run, inside)
        else:
            yield from _named(run, Grade.KNOWN)
            yield from _named(run[1:], Grade.MAYBE)


def _runs(sentence: str, tokens: list[re.Match[str]], lower: list[str]) -> Iterator[tuple[int, int]]:
    """Spans of words with capitals that stand together, none of them a common word: "Ana Silva", "University of Porto"."""
    at, count = 0, len(tokens)

    def capital(n: int) -> bool:
        return n < count and tokens[n][0][0].isupper() and len(tokens[n][0]) > 1 and _CONTRACTED.sub("", lower[n]) not in _STOP

    def adjoining(n: int) -> bool:
        return n < count and sentence[tokens[n - 1].end() : tokens[n].start()] == " "

    while at < count:
        if not capital(at):
            at += 1
            continue
        end = at + 1
        while end - at < WORDS_MAX and adjoining(end):
            if capital(end):
                end += 1
            elif lower[end] in _JOINING and adjoining(end + 1) and capital(end + 1):
                end += 2
            else:
                break
        yield at, end
        at = end


def _bare(word: str) -> str:
    return word.rstrip(".").removesuffix("'s").removesuffix("’s")


def _named(run: list[str], grade: Grade) -> Iterator[Name]:
    while run and run[0].casefold() in _JOINING:
        run = run[1:]
    label = " ".join(run)
    if 1 < len(label) <= NAME_CHARS:
        yield Name(key_of(label), label, grade)


def _is_german(words: list[str]) -> bool:
    return sum(w in _GERMAN for w in words) > sum(w in _OTHER for w in words)
