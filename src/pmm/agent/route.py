"""The fast path: questions the state answers exactly, without a model.

Precision first. The whole message must be such a question (a greeting, "please" or the mind's name may stand around it); anything more
("What is your name in French?") goes to the model. So does "What is my name?" while the state has none: an import may tell, and memory
is for the model (or the offline answer) to read. The mind's own name is different: only the state can hold it, so "none yet" is exact.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pmm.agent.answer import due_here, either, local, overdue, plain, quote, say_commitment, say_day, say_fact, say_name, say_weekday
from pmm.agent.facts import QUESTION, asked_for

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View

_LONGEST = 120  # characters: nothing longer is a plain question
_LISTED_MAX = 20

# -- what surrounds a question ---------------------------------------------------------------------------------------------------

_OPENING = re.compile(
    r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening)|greetings|hallo|guten (?:morgen|tag|abend)|bonjour|bonsoir|salut|hola|"
    r"buenos dias|buenas(?: tardes| noches)?|ok|okay|so|well|now|and|btw|by the way|um|sorry|excuse me|thanks|thank you|please|"
    r"(?:just )?curious|quick question|one question|bitte|sag mal|entschuldigung|por favor|oye|dis(?:-moi)?|pardon|perdon)"
    r"(?: there| again)?(?: ?[,.!:;-]+ ?| )"
)
_ASKING = re.compile(
    r"(?:(?:can|could|would|will) you (?:please )?(?:just )?(?:tell|show|remind|give|list)(?: me)?|(?:tell|show|remind|give) me|"
    r"(?:do|can) you (?:still )?(?:know|remember|recall)|i(?:'d| would) like to (?:know|see)|i want to (?:know|see)|let me (?:know|see)|"
    r"(?:list|show|say)) "
)
_CLOSING = re.compile(
    r"(?:,? (?:again|please|now|right now|at the moment|so far|anyway|then|exactly|bitte|por favor|s'il te plait|noch ?mal))+$"
)
_KEEPS_QUESTION = frozenset("\"'”“»«„’‘``)]}")

# -- the questions ---------------------------------------------------------------------------------------------------------------

# What these see is canonical (see _canonical): one word each for "open", "commitments", "rules"; "which" is "what".

_DAY = r"(?:today|tomorrow|now|this week|next week)"
_DUE = rf"due(?: {_DAY})?"
_IS = r"(?:'s|s|'re| is| are)"

_DIRECT = {
    "name": rf"""
        what{_IS} your (?:own )?name | what{_IS} you called | what (?:do|should|can|may|shall) i call you
        do you have a name(?: yet)?
    """,
    "who": "who are you",
    "user": rf"""
        what{_IS} my name | who am i | what am i called | what do you call me | have i told you my name | do you have my name
    """,
    "both": rf"""
        what{_IS} (?:all )?(?:of )?(?:my|our) (?:open )?commitments(?: open)? | what{_IS} (?:the |all )?open commitments
        what commitments are (?:still )?open | what (?:open )?commitments do (?:i|we) (?:still )?have(?: open)?
        do (?:i|we) (?:still )?have any (?:open )?commitments(?: open)? | (?:are|is) there any open commitments
        how many (?:open )?commitments do (?:i|we) (?:still )?have(?: open)? | how many open commitments(?: are there)?
        how many commitments are (?:still )?open | (?:(?:any|all|my|our|the|all my|all the) )?open commitments
        what{_IS} (?:still )?(?:open )?(?:on|in) (?:my|our|the) (?:to-?do )?list | my list
        (?:my|our|the) to-?do list | (?:my|our) commitments
    """,
    "yours": """
        what do i (?:still )?owe(?: you)? | what (?:did i|have i) promised?(?: you)?
        what (?:have i committed|did i commit) (?:myself )?to
    """,
    "mine": rf"""
        what do you (?:still )?owe(?: me)? | what (?:did you|have you) promised?(?: me)?
        what{_IS} your (?:open )?commitments | what (?:open )?commitments do you (?:still )?have(?: open)?
        do you (?:still )?have any (?:open )?commitments | how many (?:open )?commitments do you (?:still )?have(?: open)?
        what (?:have you committed|did you commit) (?:yourself )?to
    """,
    "due": rf"""
        what{_IS} (?:still )?{_DUE} | (?:is|do i have|is there) anything {_DUE} | anything {_DUE} | what do i have {_DUE}
        what do (?:i|we) (?:still )?(?:have|need) to do {_DAY} | what{_IS} on (?:my|the) (?:to-?do )?list (?:for )?{_DAY}
        what commitments are {_DUE} | what{_IS} overdue | (?:(?:is|do i have|is there) )?anything overdue | what commitments are overdue
    """,
    "remind": rf"""
        what (?:are you going to|will you|should you|do you have to|are you supposed to) remind me (?:of|about)
        what are you (?:reminding|to remind) me (?:of|about) | what (?:open )?reminders (?:do i have|have i set|are set|are open|are there)
        what{_IS} my (?:open )?reminders | do i have any (?:open )?reminders | (?:my )?open reminders
    """,
    "rules": rf"""
        what{_IS} your (?:open )?rules | what (?:open )?rules are (?:open|set)
        what (?:open )?rules (?:do you (?:follow|have)|are you following)
        what (?:open )?rules (?:did i give|have i given|did i set|have i set)(?: you| for you)?
        what{_IS} (?:the )?open rules | do you have any (?:open )?rules
    """,
    "events": rf"""
        how many events | how many events are (?:there )?in (?:your|the|this) log
        how many events does (?:your|the) log (?:have|hold|contain)
        how many events (?:have you|have been) (?:recorded|logged) | how many events do you have(?: in your log| recorded| logged)?
        how (?:big|long|large){_IS} (?:your|the event) log
    """,
    "day": rf"""
        what{_IS} (?:today's date|the date(?: today)?|the day(?: today)?|today) | what (?:day|date) is (?:it(?: today)?|today)
        what day of the week is (?:it|today)
    """,
    "time": rf"""
        what time is it | what{_IS} the (?:open )?time | what time do you have
        (?:do you know|(?:(?:can|could) you )?tell me) the time
    """,
    "year": rf"what year is it | what{_IS} the (?:open )?year",
    "de_name": r"wie heisst du | wie ist dein name | was ist dein name | wer bist du | wie soll ich dich nennen",
    "de_user": r"""
        wie heisse ich | wie ist mein name | was ist mein name | wer bin ich
        (?:kennst|weisst) du(?: noch)? ?,? (?:meinen namen|wie ich heisse|wer ich bin)
    """,
    "de_both": r"""
        was sind (?:meine|unsere) (?:offenen? )?(?:zusagen|verpflichtungen|versprechen)
        welche (?:zusagen|verpflichtungen|versprechen) sind (?:noch )?offen
        welche offenen (?:zusagen|verpflichtungen|versprechen) (?:habe ich|gibt es)
    """,
    "de_mine": r"was hast du(?: mir)? versprochen",
    "de_yours": r"was habe? ich(?: dir)? versprochen",
    "fr_name": r"""
        comment t'appelles[- ]tu | comment tu t'appelles | tu t'appelles comment | quel est ton nom | c'est quoi ton nom | qui es[- ]tu
        tu es qui
    """,
    "fr_user": r"""
        comment je m'appelle | comment est-ce que je m'appelle | je m'appelle comment | quel est mon nom | c'est quoi mon nom
        qui suis[- ]je
        (?:tu (?:connais|sais)|(?:connais|sais)[- ]tu|tu te (?:rappelles|souviens de)) (?:mon nom|comment je m'appelle|qui je suis)
    """,
    "fr_both": r"""
        quels sont (?:mes|nos) (?:engagements|promesses)(?: ouverts| en cours)? | quelles sont (?:mes|nos) promesses(?: en cours)?
    """,
    "fr_mine": r"qu'est-ce que tu m'as promis | que m'as[- ]tu promis | qu'as[- ]tu promis",
    "fr_yours": r"qu'est-ce que je t'ai promis | que t'ai[- ]je promis | qu'ai[- ]je promis",
    "es_name": r"como te llamas | cual es tu nombre | quien eres(?: tu)?",
    "es_user": r"""
        como me llamo(?: yo)? | cual es mi nombre | quien soy(?: yo)?
        (?:sabes|recuerdas|te acuerdas de) (?:mi nombre|como me llamo|quien soy)
    """,
    "es_both": r"""
        cuales son (?:mis|nuestros) (?:compromisos|promesas)(?: abiertos| abiertas| pendientes)?
        que compromisos (?:tengo|tenemos)(?: abiertos| pendientes)?
    """,
    "es_mine": r"que me (?:prometiste|has prometido) | que (?:prometiste|has prometido)",
    "es_yours": r"que te (?:prometi|he prometido) | que (?:prometi|he prometido)",
    "fact": QUESTION,  # the last: it has the widest forms
}
_EMBEDDED = {
    # These need "tell me", "do you know", "list" before them: alone they are not questions.
    "name": "your name | what your name is | what you(?: are|'re) called | what (?:i should|to) call you",
    "who": "who you are",
    "user": "my name | who i am | what my name is | what i(?: am|'m) called | what you call me",
    "both": rf"""
        (?:all )?(?:of )?(?:my|our) (?:open )?commitments | (?:all )?(?:of )?(?:the )?open commitments | all commitments
        (?:my|our|the) (?:to-?do )?list | what{_IS} on (?:my|our|the) (?:to-?do )?list
        what commitments (?:i|we) have | what (?:my|our) (?:open )?commitments are
    """,
    "yours": "what i(?: still)? owe(?: you)? | what i(?: have|'ve)? promised(?: you)?",
    "mine": "what you(?: still)? owe(?: me)? | what you(?: have|'ve)? promised(?: me)? | (?:all )?(?:of )?your (?:open )?commitments",
    "remind": "(?:all )?(?:of )?my (?:open )?reminders | what you(?: will|'ll| are going to) remind me (?:of|about)",
    "rules": """
        (?:all )?(?:of )?your (?:open )?rules | (?:all )?(?:the )?open rules | what your (?:open )?rules are
        (?:the |what )?(?:open )?rules (?:i gave you|i've given you|i have given you|you follow)
    """,
    "events": "how many events (?:are in your log|you have(?: recorded| logged)?|your log (?:has|holds|contains))",
    "day": "today's date | what (?:day|date) (?:it is(?: today)?|today is)",
    "time": "what time it is",
    "year": "what year it is",
}
# No question begins otherwise. Most messages are refused here, so that most processes needn't even compile the tables.
_FIRST_WORD = re.compile(
    r"(?:what(?:'s|s|'re)?|who(?:'s)?|where|when(?:'s)?|in|how|do|is|are|anything|have|any|all|my|our|the|open|tell|can|could|wie|was|wer|kennst|weisst|welche|comment|"
    r"c'est|tu|quel(?:s|les)?|qui|connais|sais|je|qu[e']|como|cual(?:es)?|quien|sabes|recuerdas|te)\b"
)


@functools.cache
def _table(embedded: bool) -> re.Pattern[str]:
    """One pattern with a named group for each question."""
    blocks = _EMBEDDED if embedded else _DIRECT
    return re.compile("|".join(f"(?P<{question}>{either(block)})" for question, block in blocks.items()))


_OPEN_WORDS = re.compile(r"\b(?:(?:current|currently|open|outstanding|pending|active|unfinished|in force)(?: |$))+")
_TASK_WORDS = re.compile(r"\b(?:promises|tasks|to-?dos)\b")
_RULE_WORDS = re.compile(r"\b(?:(?:open )?directives|(?:open |standing )+(?:rules|orders|instructions))\b")


def _canonical(core: str) -> str:
    """The question with one word where several mean the same."""
    core = _OPEN_WORDS.sub("open ", core).rstrip().replace("which ", "what ")
    core = _TASK_WORDS.sub("commitments", core)
    return _RULE_WORDS.sub("open rules", core)


def fast_answer(view: View, text: str, *, now: datetime, zone: str) -> str | None:
    """The answer, if the whole of `text` is a question that `view` answers exactly, else None.

    now: aware; zone: the IANA zone in which days and times are told.
    """
    if len(text) > _LONGEST:
        return None
    question, core = _recognise(plain(text), plain(view.identity.name or ""))
    if question is None:
        return None
    language, _, what = question.rpartition("_")
    return _ANSWERS[what](_Asked(view, core, now, zone, _WORDS[language or "en"]))


def _recognise(low: str, name: str) -> tuple[str | None, str]:
    """Which question it is, and its core: the message without what may surround it."""
    core = low.lstrip("¿¡ ")
    while core and not core[-1].isalnum() and core[-1] not in _KEEPS_QUESTION:
        core = core[:-1]
    core = _canonical(core.removesuffix(", " + name) if name else core)
    asked = False
    for _ in range(6):  # "Hi Echo, please can you tell me ..."
        if found := _match(core, asked):
            return found.lastgroup, found[0]
        if opening := _OPENING.match(core):
            core = core[opening.end() :].lstrip("¿¡ ")
        elif not asked and (asking := _ASKING.match(core)):
            asked, core = True, core[asking.end() :]
        elif name and core.startswith(name) and core[len(name) : len(name) + 1] in (" ", ",", ":", "!", "."):
            core = core[len(name) :].lstrip(" ,:!.-")
        else:
            break
    return None, ""


def _match(core: str, asked: bool) -> re.Match[str] | None:
    """The core, with or without a word like "please" after it, as one of the questions."""
    closing = _CLOSING.search(core)
    for end in (len(core), closing.start()) if closing else (len(core),):
        if _FIRST_WORD.match(core) and (found := _table(False).fullmatch(core, 0, end)):
            return found
        if asked and (found := _table(True).fullmatch(core, 0, end)):
            return found
    return None


# -- the answers -----------------------------------------------------------------------------------------------------------------


class _Words(NamedTuple):
    """How a language says it. day: how it writes a date in figures, or empty for dates in words."""

    name: str
    unnamed: str
    user: str
    yours: str
    mine: str
    none: str
    none_yours: str
    none_mine: str
    more: str
    due: str
    day: str


_WORDS = {
    "en": _Words(
        "My name is {}.",
        "I don't have a name yet. You can give me one.",
        "Your name is {}.",
        "Open on your side:",
        "Open on my side:",
        "No commitments are open.",
        "Nothing is open on your side.",
        "Nothing is open on my side.",
        "and {} more (`pmm commitments` lists all)",
        "due",
        "",
    ),
    "de": _Words(
        "Ich heiße {}.",
        "Ich habe noch keinen Namen.",
        "Du heißt {}.",
        "Bei dir offen:",
        "Bei mir offen:",
        "Keine Zusagen sind offen.",
        "Bei dir ist nichts offen.",
        "Bei mir ist nichts offen.",
        "und {} weitere (`pmm commitments`)",
        "fällig",
        "{d}.{m}.{y}",
    ),
    "fr": _Words(
        "Je m'appelle {}.",
        "Je n'ai pas encore de nom.",
        "Tu t'appelles {}.",
        "En cours de ton côté :",
        "En cours de mon côté :",
        "Aucun engagement en cours.",
        "Rien en cours de ton côté.",
        "Rien en cours de mon côté.",
        "et {} de plus (`pmm commitments`)",
        "échéance",
        "{d:02}/{m:02}/{y}",
    ),
    "es": _Words(
        "Me llamo {}.",
        "Todavía no tengo nombre.",
        "Te llamas {}.",
        "Pendiente de tu parte:",
        "Pendiente de mi parte:",
        "No hay compromisos pendientes.",
        "No hay nada pendiente de tu parte.",
        "No hay nada pendiente de mi parte.",
        "y {} más (`pmm commitments`)",
        "vence el",
        "{d:02}/{m:02}/{y}",
    ),
}


class _Asked(NamedTuple):
    """A recognised question and what its answer needs."""

    view: View
    core: str
    now: datetime
    zone: str
    words: _Words

    @property
    def today(self) -> date:
        return local(self.now, self.zone).date()


def _said(template: str, name: str) -> str:
    """The template with the name in it, without a second full stop after "Jr."."""
    sentence = template.format(say_name(name))
    return sentence[:-1] if sentence.endswith("..") else sentence


def _name(asked: _Asked) -> str:
    name = asked.view.identity.name
    return _said(asked.words.name, name) if name else asked.words.unnamed


def _who(asked: _Asked) -> str | None:
    name = asked.view.identity.name
    return _said("I'm {}.", name) if name else None  # without a name, what it is takes more than the state


def _user(asked: _Asked) -> str | None:
    name = asked.view.identity.user_name
    return _said(asked.words.user, name) if name else None


def _line(asked: _Asked, item: Commitment) -> str:
    pattern = asked.words.day
    if not pattern:
        return "- " + say_commitment(item, asked.now, asked.zone)
    when = ""
    if item.due is not None:
        day, at = due_here(item.due, asked.zone)
        when = f", {asked.words.due} {pattern.format(d=day.day, m=day.month, y=day.year)}" + (f" {at.hour:02}:{at.minute:02}" if at else "")
    return f"- {quote(item.text, 160)}{when} [#{item.cid}]"


def _listed(asked: _Asked, groups: Iterable[tuple[str, list[Commitment]]], beyond: int) -> str:
    """Groups of commitments under their headings, at most _LISTED_MAX in all. beyond: how many more the state only counts."""
    lines, room = [], _LISTED_MAX
    for heading, items in groups:
        if items:
            lines.append(heading)
            lines.extend(_line(asked, item) for item in items[:room])
            beyond += max(0, len(items) - room)
            room = max(0, room - len(items))
    return "\n".join([*lines, asked.words.more.format(beyond)] if beyond else lines)


def _owed(asked: _Asked, owner: str) -> list[Commitment]:
    return [item for item in asked.view.commitments.open if item.owner == owner]


def _both(asked: _Asked) -> str:
    words = asked.words
    groups = [(words.yours, _owed(asked, "user")), (words.mine, _owed(asked, "mind"))]
    return _listed(asked, groups, asked.view.commitments.overflow) or words.none


def _yours(asked: _Asked) -> str:
    return _listed(asked, [(asked.words.yours, _owed(asked, "user"))], asked.view.commitments.overflow) or asked.words.none_yours


def _mine(asked: _Asked) -> str:
    return _listed(asked, [(asked.words.mine, _owed(asked, "mind"))], asked.view.commitments.overflow) or asked.words.none_mine


def _remind(asked: _Asked) -> str:
    """What reminders there are: whatever has a due time (it is reminded of then), and what the mind took on without one."""
    items = [item for item in asked.view.commitments.open if item.due is not None or item.owner == "mind"]
    return _listed(asked, [("To be reminded of:", items)], asked.view.commitments.overflow) or "There is nothing to remind you of."


def _due(asked: _Asked) -> str:
    """What is due when it was asked for, and always what is late. The days are named, as weeks begin differently."""
    today = asked.today
    first, last, named = _span(asked.core, today)
    dated = [(due_here(item.due, asked.zone), item) for item in asked.view.commitments.open if item.due is not None]
    dated.sort(key=lambda pair: (pair[0][0], pair[0][1] or time.max))
    late = [item for _, item in dated if item.due and overdue(item.due, asked.now, asked.zone)]
    here = [item for (day, _), item in dated if first <= day <= last and item not in late]
    if "overdue" in asked.core:
        return _listed(asked, [("Overdue:", late)], 0) or "Nothing is overdue."
    listed = _listed(asked, [(f"Due{named}:", here), ("Overdue:", late)], 0)
    return listed if here else "\n".join(filter(None, [f"Nothing is due{named}.", listed]))


def _span(core: str, today: date) -> tuple[date, date, str]:
    """The days a question about due times means, first and last, and how to name them."""
    try:
        if core.endswith((" today", " now")):
            return today, today, " today"
        if core.endswith(" tomorrow"):
            return today + timedelta(days=1), today + timedelta(days=1), " tomorrow"
        sunday = today + timedelta(days=6 - today.weekday())
        if core.endswith(" this week"):
            # On a Sunday, those whose week begins then mean the days to come: a week ahead holds both readings.
            last = sunday if sunday != today else today + timedelta(days=7)
            return today, last, f" up to {say_weekday(last)} {say_day(last, today)}"
        if core.endswith(" next week"):
            first, last = sunday + timedelta(days=1), sunday + timedelta(days=7)
            return first, last, f" from {say_weekday(first)} {say_day(first, today)} to {say_weekday(last)} {say_day(last, today)}"
    except OverflowError:  # the calendar ends
        pass
    return today, date.max, ""


def _rules(asked: _Asked) -> str:
    directives = asked.view.directives
    if not directives.active:
        return "You have given me no standing rules."
    older = [f"and {directives.dropped} older"] if directives.dropped else []
    return "\n".join(["Rules in force:", *(f"- {quote(rule.text, 200)} [#{rule.did}]" for rule in directives.active), *older])


def _events(asked: _Asked) -> str:
    head = asked.view.head
    return f"My log holds {head:,} event{'' if head == 1 else 's'}."


def _day(asked: _Asked) -> str:
    today = asked.today
    return f"Today is {say_weekday(today)}, {say_day(today, date.min)}."


def _time(asked: _Asked) -> str:
    here = local(asked.now, asked.zone)
    return f"It is {here.hour:02}:{here.minute:02} on {say_weekday(here.date())}, {say_day(here.date(), date.min)} ({asked.zone})."


def _year(asked: _Asked) -> str:
    return f"It is {asked.today.year}."


def _fact(asked: _Asked) -> str | None:
    facts = asked_for(asked.view, asked.core)
    return " ".join(f"{say_fact(asked.view, fact, asked.now, asked.zone)} [#{fact.id}]." for fact in facts) or None


_ANSWERS: dict[str, Callable[[_Asked], str | None]] = {
    "name": _name,
    "who": _who,
    "user": _user,
    "both": _both,
    "yours": _yours,
    "mine": _mine,
    "due": _due,
    "remind": _remind,
    "rules": _rules,
    "events": _events,
    "day": _day,
    "time": _time,
    "year": _year,
    "fact": _fact,
}
