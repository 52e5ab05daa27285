"""What can be said with no model at all: an answer from memory by extraction, with citations. The offline model says it.

What was remembered is data. It is shown inside double quotes that it can't close, and nothing in it is followed. Replies are read for
promises (the words "I", "will"), so nothing outside quotes here may have that form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pmm.agent.commitments import WEEKDAYS, spoken_rule
from pmm.agent.facts import matching
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    Event,
    FactAsserted,
    FactRetracted,
    NameAdopted,
)

if TYPE_CHECKING:
    from pmm.memory.recall import Memory
    from pmm.projections.commitments import Commitment
    from pmm.projections.facts import Fact
    from pmm.views import View

GOOD = 0.5
"""From this coverage on a memory is cited as the answer: it speaks of half of what was asked, rare words counting more."""
WEAK = 0.3
"""From this coverage on it is cited as something that may bear on the question. Below, the mind says that it doesn't know."""

FACT_SHARE = 0.66
"""From this share on a fact holds what was asked: all of it, or two words of three."""

_CITED_MAX = 3
_TOLD_MAX = 6
_LISTED_MAX = 20
_EXCERPT_MAX = 320  # what recall takes at most as an excerpt of whole sentences
_EARLY = 6  # events: in the first turn or two the mind says what it is
_NEW = 20  # events: until here what is missing without a model is explained at length, afterwards in a few words
_EDGE = 600  # characters of a long message that are looked at, at each end

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")

# -- text that came from elsewhere -----------------------------------------------------------------------------------------------

_OPENING_QUOTE = re.compile(r'(?<![^\s(\[])["\uff02]')
_SINGLE = str.maketrans(dict.fromkeys("“„«❝〝", "‘") | dict.fromkeys('"”‟»❞〞〟＂″‶', "’"))
# Direction marks and lone surrogates go; so do control characters, which a terminal would obey.
_INVISIBLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_CITATION = re.compile(r"\[(#[^\[\]]{0,20})\]")
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)")
_PLAIN_NAME = re.compile(r"\w[\w .'’-]{0,39}")
_PROMISE_IN_NAME = re.compile(r"\b(?:i|we)\b.*\b(?:ll|will|shall|promise|going|won)\b", re.IGNORECASE)


def flatten(text: str) -> str:
    """One line without control characters, direction marks or lone surrogates."""
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text)).strip()


def quote(text: str, limit: int = _EXCERPT_MAX) -> str:
    """The text in double quotes, on one line, about `limit` characters at most: whole sentences, else whole words and an ellipsis.

    Nothing in it can close the quotes, or pass for a citation of ours.
    """
    line = flatten(text[: limit * 8])
    line = _CITATION.sub(r"(\1)", _OPENING_QUOTE.sub("‘", line).translate(_SINGLE))
    if len(line) > limit:
        head = line[:limit]
        ends = [found.end() for found in _SENTENCE_END.finditer(line, 0, limit + 1) if found.end() <= limit]
        if ends and ends[-1] >= limit // 2:
            line = head[: ends[-1]] + " …"
        else:
            space = head.rfind(" ")
            line = (head[:space] if space >= limit // 2 else head).rstrip(" ,;:") + " …"
    return f'"{line}"'


def say_name(name: str) -> str:
    """A name as it may stand in a sentence: as it is where it looks like one, else in quotes."""
    line = flatten(name[:200])
    if _PLAIN_NAME.fullmatch(line) and not _PROMISE_IN_NAME.search(line):
        return line
    return quote(line, 40)


def plain(text: str) -> str:
    """The text as patterns see it: casefolded, accents off, straight apostrophes, single spaces."""
    text = text.casefold()
    if not text.isascii():
        text = text.replace("’", "'").replace("`", "'").replace("´", "'")
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(text.split())


# -- dates in words --------------------------------------------------------------------------------------------------------------


def local(moment: datetime, zone: str) -> datetime:
    """The moment as a clock in `zone` shows it. At the ends of the calendar, where that doesn't exist, the moment itself."""
    try:
        return moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment
    except (OverflowError, ValueError):
        return moment


def say_day(day: date, today: date) -> str:
    """ "3 May", and the year where it isn't this one. No locale, so it reads the same on every machine."""
    return f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if day.year != today.year else "")


def say_weekday(day: date) -> str:
    """ "Wednesday"."""
    return WEEKDAYS[day.weekday()]


def say_date(moment: datetime | date, now: datetime, zone: str) -> str:
    """ "today", "yesterday", "tomorrow", "3 May", "3 May 2023": seen from `now` in `zone`. A date is taken as local there."""
    today = local(now, zone).date()
    day = local(moment, zone).date() if isinstance(moment, datetime) else moment
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((day - today).days)
    return near or say_day(day, today)


def due_here(due: Due, zone: str) -> tuple[date, time | None]:
    """The local date, and time if it has one, that a Due falls on in `zone`. A date alone is that date everywhere."""
    if due.time is None or due.zone == zone:
        return due.date, due.time
    try:
        here = local(due.instant, zone)
    except (KeyError, ValueError, OverflowError):  # a zone this machine doesn't know, or a date at the end of the calendar
        return due.date, due.time
    return here.date(), here.time().replace(tzinfo=None)


def overdue(due: Due, now: datetime, zone: str) -> bool:
    """Whether it should have been done before `now`."""
    day, at = due_here(due, zone)
    here = local(now, zone)
    return day < here.date() or (day == here.date() and at is not None and at < here.time())


def say_due(due: Due, now: datetime, zone: str) -> str:
    """ "tomorrow at 12:00", "Friday 8 May", "8 May 2027"."""
    day, at = due_here(due, zone)
    words = say_date(day, now, zone)
    if words[0].isdigit() and 0 < (day - local(now, zone).date()).days < 8:
        words = f"{say_weekday(day)} {words}"
    return f"{words} at {at.hour:02}:{at.minute:02}" if at is not None else words


# -- what kind of message it is --------------------------------------------------------------------------------------------------


def either(block: str) -> str:
    """A pattern for any of the phrasings in a block, where a new line or " | " stands between them."""
    return "|".join(re.split(r"\s*\n\s*| \| ", block.strip()))


_TALK = {
    "greeting": """
        (?:hi+|hello|hey+|hiya|howdy|yo|hallo|salut|hola)(?: (?:there|again|you|everyone))? | greetings
        good (?:morning|afternoon|evening|day)
        morning | moin | servus | guten (?:morgen|tag|abend) | bonjour | bonsoir | coucou | buenos dias | buenas(?: tardes)?
    """,
    "thanks": """
        (?:many )?(?:thanks|thank you|thx|ty|cheers)(?: (?:so much|very much|a lot|again|for (?:that|this|your help|everything)))?
        i appreciate it | danke(?: schon)? | vielen dank | merci(?: beaucoup)? | (?:muchas )?gracias
    """,
    "night": "good ?night | gute nacht | bonne nuit | buenas noches | sleep well",
    "goodbye": """
        (?:good ?bye|bye|bye bye|see you|see ya)(?: (?:later|soon|tomorrow|then|for now))? | talk to you later | farewell | take care
        have a (?:good|nice|great) (?:day|evening|night|weekend) | tschuss | auf wiedersehen | au revoir | a bientot | adios | hasta luego
    """,
    "wellbeing": """
        how (?:are|r) (?:you|u)(?: doing| feeling)?(?: today)? | how(?:'s| is) it going | how do you do | what's up | how have you been
        are you (?:ok|okay|well|there) | wie geht's | wie geht es dir | ca va | comment (?:ca va|vas-tu) | que tal | como estas
    """,
    "help": """
        help(?: me)? | what can you do(?: for me)? | what do you do | how (?:do|can|should) i use (?:you|this)
        how do(?:es)? (?:you|this) work
        who are you | what are you | what is this | tell me about yourself | are you (?:an? )?(?:ai|bot|robot|human|person|language model)
    """,
    "assent": """
        ok | okay | k | yes | yeah | yep | yup | no | nope | sure | alright | all right | right | great | good | nice | cool | perfect
        fine
        got it | i see | understood | exactly | awesome | wow | ja | nein | oui | non | si | vale | never ?mind
        that(?:'s| is) (?:right|all|it|great|good|fine) | (?:ha)+ | lol
    """,
}
_TALKS = re.compile("|".join(f"(?P<{kind}>{either(block)})" for kind, block in _TALK.items()))
_PARTS = re.compile(r"[,.!?;:…\n]+| - | – | — ")

_LEAD = (
    r"(?:(?:please|hey|hi|hello|ok|okay|so|now|well)[, ]+)*"
    r"(?:(?:can|could|would|will) (?:you|u) (?:please )?|i (?:want|need|would like) you to |i'd like you to |please |help me (?:to )?)?"
)
_REQUEST_BLOCK = r"""
    write (?:me |us )?(?:an?|the|some|my|this|code|\w+ (?:poem|story|letter|email|essay))\b | compose\b | draft (?:me|an?|the|my|this)\b
    (?:translate|summari[sz]e|rewrite|rephrase|paraphrase|proofread|shorten|generate|invent|improvise|brainstorm|roleplay|pretend)\b
    (?:analy[sz]e|outline|critique|debug|refactor|implement|calculate|compute|solve|simplify|convert|explain)\b | imagine (?:an?|that|you)\b
    (?:tell|sing|give|make|create|design|suggest|recommend)(?: me| us)? (?:an?|some|another|\d+) (?!(?:bit|little|moment|note|call)\b)
    (?:correct|fix|edit|improve|polish|review) (?:this|the|my)\b | ubersetze\b | schreibe? (?:mir )?ein | fasse .* zusammen
    traduis\b | ecris(?:-moi)? | resume (?:ce|le|la|este|esto) | traduce\b | escribe(?:me)?\b
"""
_REQUEST = re.compile(f"{_LEAD}(?:{either(_REQUEST_BLOCK)})")
_KEEP_THIS = re.compile(
    _LEAD
    + r"(?:remember|note|keep in mind|don't forget|do not forget|save|record|write down)\b(?! (?:wh|how))(?P<what> th(?:at|is)\b| ?:)?"
)
_QUESTION_WORD = r"(?:who|what|where|when|why|which|how|if|whether)\b"
_RECALLING_BLOCK = rf"""
    tell me (?:about|everything)\b | tell me {_QUESTION_WORD} | what about\b | how about\b | remind me (?:about|of)\b
    remind me {_QUESTION_WORD}
    (?:find|look up|search(?: for)?|recall)\b | show me (?:what|everything|all)\b | any(?:thing| idea| news) (?:about|on)\b
    i(?:'ve)? (?:forgot(?:ten)?|forget|wonder|can't remember|cannot remember|don't remember|need to know|want to know) {_QUESTION_WORD}
"""
_RECALLING = re.compile(f"{_LEAD}(?:{either(_RECALLING_BLOCK)})")
# Questions without a question mark. "When I was young" and "what I like" are none: after the first word a verb must follow.
_VERB = r"(?:is|are|was|were|am|do|does|did|have|has|had|can|could|should|would|will)"
_SUBJECT = r"(?:i|you|we|he|she|it|they|my|your|our|his|her|their|the|there|this|that|any\w*)"
_YES_NO = re.compile(rf"{_LEAD}{_VERB}(?:n't)? {_SUBJECT}\b")
_WH_WORD = r"(?:who|what|where|when|why|which|whose|whom|how)"
_WH_NOUN = r"(?:what|which|whose|how)(?: kind of| sort of)? (?!(?:i|you|we|he|she|it|they|an?)\b)\w+(?: \w+)?"
_WH = re.compile(rf"{_LEAD}(?:(?:who|whose) \w|(?:(?:{_WH_WORD}|{_WH_NOUN})(?: {_VERB}|'s|'re|'d)\b))")
_WHEN = re.compile(r"\b(?:when|(?:what|which) (?:date|day|month|year|time)|how long ago|wann|quand|cuando)\b")
_REMINDING = re.compile(_LEAD + r"(?:remind|remember|note|ok|okay|right)\b")
_OPENS_WITH_VERB = re.compile(rf"{_LEAD}{_VERB}(?:n't)? ")


def _message_kind(view: View, text: str) -> str:
    """One of: the kinds of _TALK, nothing, request, keep, question, statement."""
    low = plain(text[:_EDGE])
    if not any(c.isalnum() for c in low):
        return "question" if "?" in low else "nothing"
    if len(text) <= 80 and (talk := _small_talk(view, low)):
        return talk
    if _REQUEST.match(low):
        return "request"
    if (keep := _KEEP_THIS.match(low)) and ("?" not in low or keep["what"]):
        return "keep"
    # Only the ends of a long text are looked at: a pasted page with a question mark somewhere is not a question.
    asks = "?" in text if len(text) <= _EDGE else "?" in text[:200] or text.rstrip().endswith("?")
    if asks or "¿" in low or _RECALLING.match(low) or (len(text) <= 200 and "," not in low and (_WH.match(low) or _YES_NO.match(low))):
        return "question"
    return "statement"


def _small_talk(view: View, low: str) -> str | None:
    """Which kind of small talk a message is, if it is nothing else. The most telling part names it, not the greeting."""
    names = {plain(name) for name in (view.identity.name, view.identity.user_name) if name}
    kind = None
    for part in _PARTS.split(low):
        part = part.strip(" '\"()*~😊🙂👋🙏👍")
        if not part or part in names:
            continue
        found = _TALKS.fullmatch(part)
        if found is None:
            # "hey Echo", "thanks Echo": the name without a comma
            name = next((name for name in names if part.endswith(" " + name)), None)
            found = _TALKS.fullmatch(part[: -len(name) - 1]) if name else None
        if found is None:
            return None
        if kind in (None, "greeting", "assent"):
            kind = found.lastgroup
    return kind


# -- answers ---------------------------------------------------------------------------------------------------------------------


def draft(
    view: View,
    memories: Sequence[Memory],
    text: str,
    found: Iterable[Event],
    *,
    now: datetime,
    zone: str,
    recorded: bool = True,
) -> str:
    """What can be said to `text` with no model. Deterministic.

    memories: best first, the message itself not among them. found: what was extracted from this very message, not yet in the View.
    now: aware; zone: the IANA zone dates are told in. recorded: False in a private turn, which must not claim that it was kept.
    """
    kind = _message_kind(view, text)
    told = _tell_found(view, found, now, zone)
    if told:
        more = _beside(view, memories, text, kind, now, zone)
        return ("\n" if len(told) > 2 else " ").join(told) + "".join(f"\n{line}" for line in more)
    if kind == "question":
        return _from_memory(view, memories, text, now, zone)
    if kind == "request":
        return _needs_model(view, memories, now, zone, recorded)
    if kind in _TALK:
        return _talk_back(view, kind, now, zone)
    if kind == "nothing":
        return "I'm listening."
    if not recorded:
        return "Understood. This turn is private, so nothing of it is kept."
    if view.head <= _NEW:
        return "Noted: it is in my log, word for word, and you can ask me for it. " + _missing_model(view)
    return "Noted."


def _missing_model(view: View) -> str:
    """That no model is at work, and what to do: at length while the mind is new, in a few words later."""
    if view.head <= _NEW:
        return "I'm running without a language model (offline) and answer from memory only; `pmm models` shows how to add one."
    return "(Offline, from memory only; see `pmm models`.)"


def _from_memory(view: View, memories: Sequence[Memory], text: str, now: datetime, zone: str) -> str:
    """An answer by extraction: the best evidence, others that are nearly as good, or that nothing was found."""
    if _ABOUT_USER.search(plain(_question(text))) and (told := _about_user(view, now, zone)):
        return told
    evidence = _evidence(memories)
    known = _facts_on(view, text, now, zone)
    if known:
        sources = {id for id, _ in known}
        said = [_cite(m, now, zone) for m in evidence if m.coverage >= GOOD and m.who == "user" and m.id not in sources][:1]
        return "\n".join([*(line for _, line in known), *(f"Also: {line}" for line in said)])
    evidence, doubt = _of_whom(evidence, _question(text))
    if not evidence or evidence[0].coverage < WEAK:
        return _unknown(view, text, now, zone)
    best, *others = evidence
    question = plain(_question(text))
    when = _WHEN.search(question) is not None
    first = _cite(best, now, zone, date_last=when) + (_reckon(best, now, zone) if when else "")
    if best.coverage < GOOD or doubt:
        return f"I'm not sure, but this may bear on it: {first}"
    first = f"What I have on that: {first}" if _OPENS_WITH_VERB.match(question) else _capital(first)
    # What the mind said itself is no second witness, and what covers much less than the best only dilutes it.
    enough = max(GOOD, best.coverage - 0.25)
    also = [m for m in others if m.coverage >= enough and m.who != "mind"][: _CITED_MAX - 1]
    return "\n".join([first, *(f"Also: {_cite(m, now, zone, date_last=when)}" for m in also)])


_ABOUT_USER = re.compile(
    r"\b(?:what|everything|anything|all|facts?)\b.*\b(?:know|have|learn(?:ed|t)|remember(?:ed)?|recall|stored?|saved?|noted?) "
    r"(?:so far |already )?(?:about|on|of) (?:me|myself)\b(?! (?:and|when|that|in|at|with)\b)"
)


def _about_user(view: View, now: datetime, zone: str) -> str:
    """What is known of the user: the name, and the facts that weigh most, those of others last; "" if it is nothing."""
    name, facts = view.identity.user_name, view.facts
    shown = sorted(facts.best(_LISTED_MAX), key=lambda fact: fact.subject != "user")
    more = facts.count - len(shown)
    lines = [f"Your name is {say_name(name)}"] if name else []
    lines += [f"{say_fact(view, fact, now, zone)} [#{fact.id}]" for fact in shown]
    rest = [f"and {more} more (`pmm facts` lists all)"] if more else []
    return "\n".join(["What I know about you:", *(f"- {line}" for line in lines), *rest]) if lines else ""


def _facts_on(view: View, text: str, now: datetime, zone: str) -> list[tuple[int | None, str]]:
    """The facts that hold most of what was asked, or else the past ones that do, each with the message it came from."""
    question = _by_relation(view, _question(text))
    words = set(re.findall(r"\w+", plain(question)))
    mine = not words.isdisjoint(("i", "my", "me", "we", "our"))  # then it isn't asked about somebody whom it doesn't name
    for facts in (view.facts.current, view.facts.past[::-1]):
        told = [f for f in facts if f.reason != "undone" and not (mine and f.subject != "user" and plain(f.subject) not in words)]
        if found := [f for f, share in matching(told, question, _CITED_MAX) if share >= FACT_SHARE]:
            return [(f.source, f"{say_fact(view, f, now, zone)} [#{f.id}].") for f in found]
    return []


def _by_relation(view: View, question: str) -> str:
    """The question with what somebody is to the user in place of the name, as facts have it: "Where does my sister live?" for Ana."""
    known = {fact.value: fact.relation for fact in view.facts.current if fact.subject == "user" and fact.relation.isalpha()}
    subjects = {fact.subject for fact in view.facts.current}
    return re.sub(r"\w+", lambda word: known[word[0]] if known.get(word[0]) in subjects else word[0], question)


_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
_NOUNS_IN_S = frozenset({"address", "boss", "class", "status", "business", "series", "news", "glasses", "diagnosis"})
_PLAIN_RELATION = re.compile(r"[\w' -]+")


def say_fact(view: View, fact: Fact | FactAsserted, now: datetime, zone: str) -> str:
    """A fact as a sentence without its full stop: "You live in Oslo", "Your dog is Rex", "You used to live in Lyon, until 2 May"."""
    until = getattr(fact, "until", None)
    by = getattr(fact, "superseded_by", None)
    newer = view.facts.get(by) or view.facts.ended_lately(by) if by else None
    told = f", until {say_date((newer.valid_from if newer else None) or until, now, zone)}" if until else ""
    stale = " (stale: what this was derived from holds no longer)" if getattr(fact, "stale", False) else ""
    subject, relation, value = fact.subject, flatten(fact.relation), say_name(fact.value)
    if not _PLAIN_RELATION.fullmatch(relation):
        return f"{quote(f'{subject} {relation} {fact.value}')}{told}{stale}"
    who = "you" if subject == "user" else f"your {subject}" if subject.islower() and subject.isalpha() else say_name(subject)
    first, _, rest = relation.partition(" ")
    if not first.endswith("s") or first in _NOUNS_IN_S:
        whose = "your" if who == "you" else f"{who}'s"
        said = f"{whose} {relation} {'used to be' if until else 'is'} {value}"
    else:
        plural = _VERBS.get(first) or re.sub(r"(?<=ss|sh|ch)es$|s$", "", re.sub("ies$", "ys", first))
        verb = f"used to {'be' if first in ('is', 'was') else plural}" if until else plural if who == "you" else first
        if relation == "works as" and fact.value.islower():
            value = f"{'an' if value[0] in 'aeiou' else 'a'} {value}"
        said = " ".join(filter(None, (who, verb, rest, value)))
    return f"{said[0].upper()}{said[1:]}{told}{stale}"


def _midway(sentence: str) -> str:
    """As it stands after a colon."""
    return f"{sentence[0].lower()}{sentence[1:]}" if sentence.startswith("You") else sentence


def _evidence(memories: Sequence[Memory]) -> list[Memory]:
    """What can serve as an answer, best first: no questions, no answers of this kind given before, each text once."""
    usable = []
    for memory in memories:
        said = memory.excerpt or memory.text
        if said.strip() and not _only_asks(said) and not (memory.who == "mind" and _is_a_draft(memory.text)):
            usable.append(memory)
    # Recall's order, tempered by how much the excerpt covers: best by a little on LoCoMo (first cited is evidence: 49% of questions).
    usable.sort(key=lambda m: (m.coverage < WEAK, m.who == "mind", -(m.score + 0.3 * m.coverage)))
    kept: list[Memory] = []
    seen: list[str] = []
    for memory in usable:
        key = " ".join(re.findall(r"\w+", (memory.excerpt or memory.text)[:_EXCERPT_MAX].casefold()))
        if not any(key in other or other in key for other in seen):
            seen.append(key)
            kept.append(memory)
    return kept


def _of_whom(evidence: Sequence[Memory], question: str) -> tuple[list[Memory], bool]:
    """The evidence without what one speaker said where another is asked about and not mentioned: "What did Ann paint?" isn't answered by
    what Bob painted. And whether what was left out fits better than the rest; then the question may mix the two up.

    On LoCoMo the wrong person's words come first half as often so, in answers to questions that mix people up.
    """
    named = [who for who in {m.who for m in evidence} - {"user", "mind"} if _names(who, question)]
    if not named:
        return list(evidence), False
    theirs = [m for m in evidence if m.who in named or any(_names(who, m.excerpt or m.text) for who in named)]
    others = [m.coverage for m in evidence if m not in theirs]
    return theirs, bool(theirs) and max(others, default=0.0) > theirs[0].coverage + 0.1


def _names(who: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(who)}(?!\w)", text) is not None


def _only_asks(said: str) -> bool:
    """Whether every sentence of it is a question."""
    said = said[:2000].rstrip(" \t\r\n\"'”’)*")
    if not said.endswith(("?", "？")):
        return False
    return all(sentence.rstrip().endswith(("?", "？")) for sentence in re.findall(r"[^.!?？…]+[.!?？…]*", said) if sentence.strip())


def _is_a_draft(text: str) -> bool:
    """Whether the mind's earlier words are an answer from here: a quotation of what others said, or that it didn't know."""
    text = text[:2000]
    return '" [#' in text or "without a language model (offline)" in text or text.startswith("I don't know")


def _cite(memory: Memory, now: datetime, zone: str, *, date_last: bool = False) -> str:
    """One citation: who, when, what, which event. Begins in lower case where a sentence may be put before it."""
    day = say_date(memory.at, now, zone)
    on = f"on {day}" if day[-1].isdigit() or day.split()[-1] in _MONTHS else day
    talk = memory.origin == "conversation"
    words = f"{quote(memory.excerpt or memory.text)} [#{memory.id}]"
    if memory.who == "user":
        return f"you {'told me' if talk else 'said'} {on}: {words}"
    if memory.who == "mind":
        return f"{'I told you' if talk else 'the assistant said'} {on}: {words}"
    who = say_name(memory.who) if memory.who.strip() else "someone"
    if date_last or not on.startswith("on "):
        return f"{who} said {on}: {words}"
    return f"{on} {who} said: {words}"


def _capital(sentence: str) -> str:
    """With a capital, unless it begins with a name, which is spelt as it was given."""
    return sentence[0].upper() + sentence[1:] if sentence.startswith(("you ", "on ", "the ", "someone ")) else sentence


_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_RELATIVE_BLOCK = rf"""
    \b(?P<day>(?:the day before )?yesterday|last night|today|tonight|this (?:morning|afternoon|evening)|(?:the day after )?tomorrow)\b
    \b(?P<count>\d{{1,3}}|{"|".join(_NUMBERS)}) days? ago\b
    \blast (?P<weekday>{"|".join(WEEKDAYS).lower()})\b
    \b(?P<step>last|this|next) (?P<unit>week|weekend|month|year)\b
"""
_RELATIVE = re.compile(either(_RELATIVE_BLOCK), re.IGNORECASE)
_STEPS = {"the day before yesterday": -2, "yesterday": -1, "last night": -1, "tomorrow": 1, "the day after tomorrow": 2}


def _reckon(memory: Memory, now: datetime, zone: str) -> str:
    """What a word like "yesterday" in the excerpt comes to, counted from the day it was said. Empty where none or several stand there."""
    words = list(_RELATIVE.finditer((memory.excerpt or memory.text)[:_EXCERPT_MAX]))
    if len(words) != 1:
        return ""
    word, said, today = words[0], local(memory.at, zone).date(), local(now, zone).date()
    try:
        if word["unit"]:
            meant = _reckon_unit(word["step"].lower(), word["unit"].lower(), said, today)
        elif word["weekday"]:
            back = (said.weekday() - WEEKDAYS.index(word["weekday"].capitalize())) % 7
            if back < 2:  # said on that day or the day after, people mean either week
                return ""
            meant = say_day(said - timedelta(days=back), today)
        elif word["count"]:
            count = word["count"].lower()
            meant = say_day(said - timedelta(days=_NUMBERS[count] if count in _NUMBERS else int(count)), today)
        else:
            meant = say_day(said + timedelta(days=_STEPS.get(word["day"].lower(), 0)), today)
    except (OverflowError, ValueError):  # off the calendar
        return ""
    return f" That makes {quote(word[0], 40)} {meant}."


def _reckon_unit(step: str, unit: str, said: date, today: date) -> str:
    """What "last year" comes to, from the day it was said. Weeks are told by that day, as they begin differently."""
    steps = {"last": -1, "this": 0, "next": 1}[step]
    if unit.startswith("week"):
        return f"the {unit} {('before', 'of', 'after')[steps + 1]} {say_day(said, today)}"
    months = said.year * 12 + said.month - 1 + (steps if unit == "month" else 12 * steps)
    then = date(months // 12, months % 12 + 1, 1)
    return f"{_MONTHS[then.month - 1]} {then.year}" if unit == "month" else str(then.year)


_COMMON = """
    a about after again ago all also am an and any anything are as at be because been before being but by can could day date did do does
    doing ever find for from had has have having he hello her here hers hey hi him his how i i'd i'll i'm i've if in into is it its just
    know let like long look many me mention mentioned might mine more most much must my name of often old on once or our out over please
    recall remember remind said say search shall she should show so some still talk talked tell than thank thanks that that's the their
    them then there these they thing things this those time to told too up us very was we were what what's when when's where where's
    which who who's whom whose why will with would year yes you your yours
    und der die das ist wie was wo wann wer ich du mein meine les des est que qui
"""
_COMMON_WORDS = frozenset(_COMMON.split())
_ABOUT_COMMITMENTS = re.compile(r"\b(?:to-?dos?|to do|tasks?|commitments?|promised?|promises|reminders?|due|deadlines?|owe)\b")


def _unknown(view: View, text: str, now: datetime, zone: str) -> str:
    """That nothing was found, what was looked for, and why it can't say more."""
    question = _question(text)
    if view.commitments.open and _ABOUT_COMMITMENTS.search(plain(question)):
        items = [say_commitment(item, now, zone) for item in view.commitments.open[:5]]
        more = view.commitments.count - len(items)
        rest = [f"and {more} more (`pmm commitments` lists all)"] if more else []
        return "\n".join(["What is open now:", *(f"- {item}" for item in items), *rest])
    words = (w for w in re.findall(r"\w[\w'’-]*", flatten(question)) if w.casefold().replace("’", "'") not in _COMMON_WORDS)
    sought = " ".join(list(dict.fromkeys(words))[:6])
    if not sought:
        return f"I don't know. {_missing_model(view)}"
    return f"I don't know: I found nothing in my memory about {quote(sought, 80)}. {_missing_model(view)}"


def _question(text: str) -> str:
    """The sentence of a message that asks: the last with a question mark, else the first one."""
    text = text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\n{text[-_EDGE:]}"
    sentences = [s.strip() for s in re.findall(r"[^.!?\n]+[.!?]*", text) if s.strip()]
    return next((s for s in reversed(sentences) if s.endswith("?")), sentences[0] if sentences else "")


def _needs_model(view: View, memories: Sequence[Memory], now: datetime, zone: str, recorded: bool) -> str:
    kept = "Your message is kept, so you can ask again then." if recorded else "This turn is private, so nothing of it is kept."
    said = f"That needs a language model, and I'm running without one (offline): `pmm models` shows how to add one. {kept}"
    evidence = _evidence(memories)
    if evidence and evidence[0].coverage >= GOOD and evidence[0].who != "mind":
        said += f"\nFrom memory, on the same subject: {_cite(evidence[0], now, zone)}"
    return said


def _talk_back(view: View, kind: str, now: datetime, zone: str) -> str:
    """Small talk, in kind."""
    name = view.identity.user_name
    to = f", {say_name(name)}" if name else ""
    if kind == "greeting":
        if view.head <= _EARLY:
            return f"Hello{to}. {_introduction(view)} Tell me something, or ask me what you told me before."
        return " ".join([f"Hello{to}.", *(_due_now(view, now, zone) or ["What's on your mind?"])])
    if kind == "help":
        return (
            f"{_introduction(view)} I answer from what was said, naming the event it came from; I hold names, commitments with their "
            'dates, and rules you give me. Try "Remind me to call Anna tomorrow" or "What are my open commitments?", or ask what you '
            f"told me. {_missing_model(view)}"
        )
    return {
        "thanks": f"You're welcome{to}.",
        "night": f"Good night{to}.",
        "goodbye": f"Goodbye{to}.",
        "wellbeing": f"I'm here and running, thank you. How are you{to}?",
    }.get(kind, "All right.")


def _introduction(view: View) -> str:
    name = view.identity.name
    return f"I'm {say_name(name) + ', ' if name else ''}a mind that remembers what you tell it."


def _due_now(view: View, now: datetime, zone: str) -> list[str]:
    """What a greeting should not pass over: commitments late or due today."""
    today = local(now, zone).date()
    awake = [c for c in view.commitments.open if not c.snoozed(now)]
    late = [c for c in awake if c.due is not None and overdue(c.due, now, zone)]
    here = [c for c in awake if c.due is not None and c not in late and due_here(c.due, zone)[0] == today]
    lines = []
    for label, items in (("Overdue", late), ("Due today", here)):
        if items:
            more = f" and {len(items) - 3} more" if len(items) > 3 else ""
            lines.append(f"{label}: {', '.join(f'{quote(c.text, 80)} [#{c.cid}]' for c in items[:3])}{more}.")
    return lines


# -- what was found in the message -----------------------------------------------------------------------------------------------

_OUTCOMES = {"kept": "Done", "broken": "Marked as not kept", "cancelled": "Cancelled", "superseded": "Replaced"}


def say_commitment(item: Commitment, now: datetime, zone: str) -> str:
    """An open commitment in one line: its text in quotes, when it is due, its event."""
    when = ""
    if item.due is not None:
        when = f", {'overdue since' if overdue(item.due, now, zone) else 'due'} {say_due(item.due, now, zone)}"
    until = item.snoozed_until if item.snoozed(now) else None
    put_off = f", put off until {say_due(Due.at(until, zone), now, zone)}" if until is not None else ""
    return f"{quote(item.text, 160)}{when}{_repeating(item.repeat)}{put_off} [#{item.cid}]"


def _tell_found(view: View, found: Iterable[Event], now: datetime, zone: str) -> list[str]:
    """A sentence for each thing the message brought about."""
    said = [sentence for sentence in (_tell(view, event, now, zone) for event in found) if sentence]
    if len(said) > _TOLD_MAX:
        said[_TOLD_MAX:] = [f"And {len(said) - _TOLD_MAX} more like these."]
    return said


def _tell(view: View, event: Event, now: datetime, zone: str) -> str:
    if isinstance(event, NameAdopted):
        name = say_name(event.name)
        dot = "" if name.endswith(".") else "."
        if event.whose == "mind":
            return f"Then I'm {name}{dot}"
        return f"Then you're {name}{dot}" if view.identity.user_name else f"Nice to meet you, {name}{dot}"
    if isinstance(event, CommitmentOpened):
        whose = "your" if event.owner == "user" else "my"
        due = f", due {say_due(event.due, now, zone)}" if event.due is not None else ""
        return f"Now on {whose} list: {quote(event.content, 160)}{due}{_repeating(event.repeat)}."
    if isinstance(event, CommitmentClosed):
        text = next((c.text for c in view.commitments.open if c.cid == event.cid), None)
        return f"{_OUTCOMES[event.outcome]}: {quote(text, 160) if text else 'commitment'} [#{event.cid}]."
    if isinstance(event, FactAsserted):
        return f"Noted: {_midway(say_fact(view, event, now, zone))}."
    if isinstance(event, FactRetracted):
        known = view.facts.get(event.fact)
        return f"No longer so: {_midway(say_fact(view, known, now, zone)) if known else 'a fact'} [#{event.fact}]."
    if isinstance(event, DirectiveSet):
        return f"A standing rule now: {quote(event.content, 160)}."
    if isinstance(event, DirectiveRevoked):
        text = next((d.text for d in view.directives.active if d.did == event.did), None)
        return f"No longer a rule: {quote(text, 160) if text else 'rule'} [#{event.did}]."
    return ""


def _repeating(repeat: str | None) -> str:
    """ ", every Monday and Thursday"; of a repeat that has no simple words, only that there is one."""
    said = spoken_rule(repeat) if repeat else ""
    return f", {said if said.startswith(('every ', 'on the ')) else 'repeating'}" if said else ""


def _beside(view: View, memories: Sequence[Memory], text: str, kind: str, now: datetime, zone: str) -> list[str]:
    """What else to say beside what was found: in the first turns what this is; the answer to a question in the same message
    ("I'm Scott. Where does my sister live?"), if memory has one."""
    if kind == "question" and len(_PARTS.split(text[:_EDGE].strip(" .!?"))) > 1:
        evidence = _evidence(memories)
        if evidence and evidence[0].coverage >= GOOD and not _REMINDING.match(plain(_question(text))):
            return [_from_memory(view, memories, text, now, zone)]
    return [f"I remember what you tell me. {_missing_model(view)}"] if view.head <= _EARLY else []
