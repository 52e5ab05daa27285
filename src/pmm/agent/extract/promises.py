"""Commitments: what somebody promised, in so many words.

In a message "I will" is the user's promise and "remind me" the mind's. In a reply both are the mind's, and most of what it
announces ("I'll explain") it does at once, so an undated one counts only for what can't be done in the reply itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from pmm.agent.extract.dates import Found, find_due
from pmm.agent.extract.known import Known
from pmm.agent.extract.names import gives_name
from pmm.agent.extract.text import Clause, normalise, pattern, stems, words_of
from pmm.agent.extract.words import (
    ANNOUNCED,
    DEEDS,
    DEEDS_NOW,
    FUTURES,
    GERMAN_DEEDS,
    HEDGING_ADVERBS,
    PROMISED_IN_REPLY,
    ROMANCE_DEEDS,
    SKIPPED_ADVERBS,
    STRONG,
)
from pmm.events import CommitmentOpened, Event

Owner = Literal["mind", "user"]
_TEXT_MAX = 300

# -- reminders

_ASK = (
    r"(?:(?:can|could|would|will) (?:you|u|ya) (?:please |kindly |just )?|i(?:'d| would) (?:like|love|appreciate) (?:it if"
    r" you(?: could| would)? |you to )|i (?:want|need) you to "
    r"|(?:you (?:should|must|have to|can) )|please |just |be sure to |don't forget to |make sure (?:to |you )|and |also )*"
)
_REMIND = (
    r"(?:(?:remind|nudge|ping|alert|notify) (?:me|us)|(?:set|create|add|make|schedule|give me|i want|i need|i'd like)(?: me)?(?: up)? (?:a"
    r"|an|another) (?:\w+ )?(?:reminder|nudge|heads[- ]up)|(?:don't|do not|never) let me forget|make sure (?:that )?i (?:don't forget"
    r"|remember)|help me (?:to )?remember|i(?:'d like| would like| want| need) to be reminded)"
)
_REMINDERS = (
    pattern(rf"{_ASK}{_REMIND}\b(?P<when>[^?]{{0,60}}?)(?: ?\b(?P<how>not to|to|about|that|(?<=me |er |ge )of)|:) (?P<what>.+)"),
    pattern(rf"{_ASK}(?:{_REMIND} for|(?:don't|do not|never) let me forget)(?P<when>)(?P<how>) (?P<what>.+)"),
    pattern(r"(?:bitte )?erinner(?:e|n sie)? mich\b(?P<when>.{0,40}?) ?(?:bitte )?\b(?P<how>daran|dran|an),? (?P<what>.+)"),
    pattern(r"(?:kannst|könntest|würdest) du mich\b(?P<when>.{0,40}?) ?\b(?P<how>daran) erinnern,? (?P<what>.+)"),
    pattern(r"(?:kannst|könntest|würdest) du mich\b(?P<when>.{0,40}?) ?\ban (?P<how>)(?P<what>.+) erinnern\W*$"),
    pattern(r"erinnerst du mich\b(?P<when>.{0,40}?) ?\b(?P<how>daran|an),? (?P<what>.+)"),
    pattern(r"recu[eé]rdame\b(?P<when>.{0,30}?) ?\bque (?P<how>)(?P<what>.+)"),
    pattern(r"rappelle[- ]moi\b(?P<when>.{0,40}?) ?\b(?P<how>de |d'|que |qu')(?P<what>.+)"),
    pattern(r"(?:peux-tu|tu peux|pourrais-tu) me rappeler\b(?P<when>.{0,40}?) ?\b(?P<how>de |d')(?P<what>.+)"),
    pattern(
        r"recu[eé]rdame\b(?P<when>.{0,30}?) ?\b(?P<how>que |de )?(?P<what>(?:\w+[aei]r(?:me|le|lo|la|les|te)?|(?<!todos"
        r" )(?:el|la|los|las)(?! (?:\d|lunes|martes|miércoles|jueves|viernes|sábado|domingo)))\b.+)"
    ),
    pattern(r"(?:puedes|podrías) recordarme\b(?P<when>.{0,30}?) ?\b(?P<how>que |de )?(?P<what>\w+[aei]r(?:me|le|lo|la)?\b.+)"),
)
_REMINDING = pattern(r"remind|reminder|remember|forget|nudge|ping|alert|notify|heads|erinner|rappel|recu[eé]rda|recordar")
_FILL = pattern(r"\b(?:again|please|also|bitte|for|then|later|once more|s'il te plaît|por favor)\b|[\s,]")
_CALLED = re.compile(r"^([^,]*), [A-Z]\w+$")  # "..., Echo"
_FOR = pattern(r"^\s*for ")
_POLITE = pattern(
    r"[,\s]+(?:please|pls|plz|thanks?(?: you)?|ok(?:ay)?|will you|would you|bitte|danke|s'il te plaît|merci|por favor|gracias|then"
    r"|too|as well|i promise|promise)\s*$"
)

# -- entries of the user's own list

_LIST = r"(?:(?:my|our) list|(?:my |our |the )?(?:to-?do|task)s?[- ]list)"
_ENTRIES = (
    pattern(rf"{_ASK}(?:add|put) (?P<what>.+?) (?:to|on|onto) {_LIST}(?P<when>[^?]*)"),
    pattern(rf"{_ASK}(?:add|put) (?:this )?(?:to|on|onto) {_LIST}: ?(?P<what>.+)(?P<when>)"),
    pattern(
        rf"{_ASK}(?:(?:add|create|make) )?(?:an? |another |new )*(?:task|to-?do)(?: item)?(?:: ?| to | for me to )"
        r"(?P<what>.+)(?P<when>)"
    ),
)

# -- promises of the speaker

_WILL = pattern(r"i(?:'ll| will| shall) (?P<what>.+)")
_PROMISE = (
    pattern(
        r"i (?:hereby |do |really |solemnly |can )?(?:promise|swear|vow|pledge|commit|guarantee)(?: you| to you)?(?: that|,|:)?"
        r" (?:to |i(?:'ll| will| shall) )(?P<what>.+)"
    ),
    pattern(r"i(?:'m| am) committing to (?P<what>.+)"),
    pattern(r"you have my word(?: that|,|:)? i(?:'ll| will) (?P<what>.+)"),
    pattern(r"i (?:won't|will not|shall not) forget to (?P<what>.+)"),
    pattern(r"ich versprech(?:e|')(?: dir| euch| ihnen)?(?:,? dass ich|,)? (?P<what>.+)"),
    pattern(r"je (?:te |vous )?promets (?:de |d')(?P<what>.+)"),
    pattern(r"(?:te |le |os )?prometo (?:que )?(?P<what>.+)"),
)
_GOING = pattern(r"(?:i(?:'m| am) )?(?:going to|gonna) (?P<what>.+)")
_DATED_LEAD = pattern(
    r"(?P<lead>.{3,40}?),? (?=i(?:'ll| will| shall|'m (?:going to|gonna)| am going to) |ich werde |je vais |voy a |te |je t|ich |(?:"
    + "|".join(DEEDS_NOW)
    + r") ich |(?:please )?remind me )"
)
_GERMAN_NEVER = pattern(r"\b(?:nie|niemals|nicht|wohl|wahrscheinlich|vielleicht|sicher|immer)\b")
_TO_WHOM = r"(?:(?:te|vous|lui|leur|les?|la|lo) |[tl]')*"
_ROMANCE = rf"{_TO_WHOM}(?:{'|'.join(ROMANCE_DEEDS)})(?:te|les?|l[oa]s?)?\b.*"
_FOREIGN = (
    pattern(rf"ich werde (?P<what>(?P<undated>.*(?:{'|'.join(GERMAN_DEEDS)}))\W*)$"),
    pattern(rf"(?:je vais|voy a) (?P<what>{_ROMANCE})"),
    pattern(rf"(?:je )?(?P<what>{_TO_WHOM}(?P<undated>{'|'.join(FUTURES)})\b.+)"),
    pattern(rf"(?P<what>(?:{'|'.join(DEEDS_NOW)}) ich .+)"),
    pattern(rf"(?:ich |(?:je )?(?=te |t'|vous )|yo )(?P<what>{_TO_WHOM}(?:{'|'.join(DEEDS_NOW)})\b.+)"),
)
"""What must be dated to be a promise, unless a group says that it need not."""

_CONDITION = pattern(
    r"\b(?:if|unless|whether|in case|otherwise|or else|maybe|perhaps|possibly|probably|hopefully|might|i guess|i suppose|i think|i hope"
    r"|who knows|not sure|just kidding|kidding|lol|haha|provided|assuming|as long as|depending|whenever|wenn|falls|vielleicht|si|s'il"
    r"|peut-être|quizás|tal vez|or maybe|or not|someday|one day|some day|or so help me|apparently|supposedly|allegedly)\b"
)
_UNREAL = pattern(
    r"\b(?:says?|said|told|tells?|writes?|wrote|asks?|asked|claims?|claimed|thinks?|thought|replied|texted|sings?|sang|imagine|suppose"
    r"|supposing|pretend|if|unless|si|whether|when|once(?! an?\b)|whenever|while|maybe|perhaps|probably|what|would|could|wish|hope|hoping"
    r"|dream|lyrics?|quote|example|translate|mean|means|wenn|falls|sagt|sagte|dass|dit|dice|dijo)\b"
)
_MY_TIME = pattern(r"(?:when|once|after|as soon as|before) (?:i|i'm|i've|lunch|dinner|work|the meeting|breakfast|school|class)\b")
_MY_TIME_LEAD = pattern(
    r"(?:when|once|after|as soon as) i(?:'m| am|'ve| have)? (?:get|got|finish\w*|done|home|back|there|off|wake|leave|arrive|return|land"
    r"|eat|eaten|reach|free|at|out|through|read|had|have)\b.{0,60}? (?=i(?:'ll| will) )"
)
_STRONG_PHRASE = pattern(
    r"(?:take (?:out|care)|pick up|follow up|get back to|look into (?!it\b|that\b|this\b)|hand in|set up|make sure|check in|work on the"
    r"|drop off|back up|put together|turn in (?:the|my|your|our)|fill (?:in|out)|clear out|give you (?!a|an|the)|let you know)\b"
)
_DEED = pattern(
    r"(?:(?:speak|talk) (?:to|with)\b|ask (?!you|again|for|myself)|answer (?:the|your|his|her|their|[A-Z]\S+'s) (?!door|phone)|check"
    r" (?:the|my|your|our|his|her|with|if|whether|on)\b|file (?:the|my|our)\b|change the (?!subject|topic|channel|world|rules)|give \S+"
    r" (?:\S+ )?(?:back|the|his|her|their|your|my|an? (?:call|ring|lift|hand|tour))\b|(?:pick|drop) (?:\S+ ){1,3}(?:up|off)\b|get (?:\S+"
    r" ){1,5}(?:to you|done|ready|\w\w+ed)\b|get you (?:the|your|an?)\b|draw up|show (?:you|him|her|them|my|the|our)\b|do (?:the|my|your"
    r"|our|it|that)\b|make (?:you )?(?:an?|the|dinner|lunch|breakfast)\b(?! (?:difference|killing|fool|mistake|mess|move|fortune))|share"
    r" (?:my|the|our)\b|take (?:the (?!train|bus|tube|metro|ferry|plane|tram|taxi|boat|stairs|time)|my |your |our |him |her |them "
    r"|(?-i:[A-Z]\w+ ))(?:\w+ )?(?:to|out|back|in|for a walk)\b|work on (?:the|my|your|our|it)\b|walk (?:the|your|my) dog|drive (?:you|him"
    r"|her|them|\w+) to\b|run (?:the|your|those|these) (?:tests?|scripts?|numbers|analysis|backups?|errands?|experiments?)|put (?:up"
    r"|together|away)|(?:stop|swing|come|drop) by\b|go (?:to|through|over|shopping|running|jogging|swimming|and)\b|look (?:up|over|after"
    r"|into)\b|wrap up|hand (?:in|over|out)|show up|set up|sign up)"
)
# "Call in sick", "sign off": with a particle and no object a verb means something else.
_PARTICLE = pattern(r"\S+ (?:in|off|out|away|around|down|on)\b(?! (?:the|my|your|our|his|her|their|an?|that|this|those|these|\d))")
# One promises to meet somebody; new people one just meets.
_EVENT = pattern(
    r"\w+ (?:before i|while|like|as|because|whenever)\b|meet (?!(?:you|him|her|them|up|with|the|my|our|your|a client|(?-i:[A-Z])\S*)\b)"
    r"|bring (?:my|our) (?-i:A)[ -]game|finish (?:high )?(?:school|college|university|work)\b"
)
_LABELLING = pattern(
    r"call (?:you|him|her|them|it|that|this) (?!(?:about|back|on|at|from|with|when|once|after|before|to|in|for|and|or|as|regarding|first"
    r"|right|again|wednesday|monday|tuesday|thursday|friday|saturday|sunday)\b)\w"
)
_ANOTHER_SUBJECT = pattern(r",? (?:and(?: then)?|then) (?:you|he|she|they|we)(?:'ll)? \w+.*$")
_VAGUE = pattern(
    r"(?:call|text|message|email|ping|ring|phone|write) (?:you|u|him|her|them)?(?: back)?\W*$|\w+ (?:it|that|this|them|him|her|one)\b"
    r"|.*\b(?:later|soon|sometime|some day|some time)\W*$"
)
_ORDER = pattern(
    r"(?:please |just )?(?:send|give(?! me (?:an?|one|two|until|till)\b)|tell|let (?!me\b(?! know))|show|share|say|provide|paste|ask"
    r"|upload|drop|ping|message|describe|type|choose|pick|feel free|wait|hold|hang|help|do|write|call|make|take|get|pay|come|stop|keep"
    r"|leave|put|go|trust|touch|click|reply|answer|try|check|look|read|attach|point|remind)\b"
)
# Turns of phrase with a verb that would otherwise count.
_IDIOM = pattern(
    r"(?:call in\b|call it\b|call (?:your|his|her|their) bluff|call the shots|call (?:him|her|them|it|that|this|you|myself) (?:a|an|crazy"
    r"|out|names)\b|call (?:back )?later|pay (?:attention|heed|dearly|the price|my respects|for (?:this|that|it))|buy (?:that|it|into)\b"
    r"|drop (?:that|it|the subject)|have (?!(?:\S+ ){1,6}(?:ready|done|sent|written|\w+ed|for you)\b)|take (?:it|that|your word|my time)\b"
    r"|get (?:lost|used|over|out of|rid|through|away|by|better|worse)\b|go (?:to (?:hell|bed|sleep)|through (?:hell|the roof))|give (?:you"
    r" that|up|in|it|this|that)\b|make (?:it|do|a fool)\b|tell you (?:what|one|something|a)|text back|write (?:that|it|him|her) (?:off"
    r"|down)|write (?:in|about|like|as|a (?:lot|bit))|fix (?:him|her|you)\b|send (?:\S+ ){1,2}to (?:hell|bed)|send (?:chills|shivers)"
    r"|remind you(?: tomorrow| later| soon)?\W*$|clean up at|return to (?:this|that)|return (?:the favou?r|your (?:call|smile|love))|bring"
    r" (?:it|that) up|bring (?:down|out|about|on|around)\b|share your|look over my shoulder|forward to|message received|report (?:back"
    r"|you)|test (?:you|your)|meet (?:my|your) maker|read (?:you|between)|paint you|remind you that|write off|send (?:my|our) (?:regards"
    r"|love|best|condolences)|call \w+ on (?:your|his|her|their))"
)
_GO_AHEAD = pattern(r"^(?:of course |go ahead and |be sure to )")
_WORD = re.compile(r"[\w'’-]+")


def find_promises(said: Iterable[Clause], known: Known) -> list[Event]:
    """What a message promises, or asks to be reminded of."""
    found: list[CommitmentOpened] = []
    for clause in said:
        opened = _reminder(clause, known) or _entry(clause, known) or (None if clause.question else _promise(clause, known))
        if opened and not _is_open(opened, known, found):
            found.append(opened)
    return list(found)


def find_promises_in_reply(said: Iterable[Clause], known: Known) -> list[Event]:
    """What a reply promises."""
    found: list[CommitmentOpened] = []
    for clause in said:
        if clause.question:
            continue
        opened = _promise_in_reply(clause, known)
        if opened and not _is_open(opened, known, found) and not _resembles_open(opened, known):
            found.append(opened)
    return list(found)


def _is_open(new: CommitmentOpened, known: Known, found: list[CommitmentOpened]) -> bool:
    same = normalise(new.content)
    return any(owner == new.owner and normalise(text) == same for _, owner, text in known.commitments) or any(
        other.owner == new.owner and normalise(other.content) == same for other in found
    )


def _resembles_open(new: CommitmentOpened, known: Known) -> bool:
    """Whether a reply only confirms what the mind has promised already: "I'll remind you to call her" after "call Ana"."""
    fresh = set(stems(new.content))
    for _, owner, text in known.commitments:
        old = set(stems(text))
        if owner == "mind" and fresh and old and len(fresh & old) / min(len(fresh), len(old)) >= 0.6:
            return True
    return False


# -- reminders -------------------------------------------------------------------------------------------------------------------


def _reminder(clause: Clause, known: Known) -> CommitmentOpened | None:
    if not _REMINDING.search(clause.text) or (clause.before and _UNREAL.search(clause.before)):
        return None
    lead, text = _dated_lead(clause, known)
    for expression in _REMINDERS:
        m = expression.match(text)
        if m:
            return _reminded(clause, m, known, lead)
    return None


def _reminded(clause: Clause, m: re.Match[str], known: Known, lead: str = "") -> CommitmentOpened | None:
    when, how, what = f"{lead} {m['when'] or ''}".strip(), (m["how"] or "").lower().strip(), m["what"]
    if clause.question and not re.match(
        r"can|could|would|will|erinnerst|kannst|könntest|würdest|peux|tu peux|pourrais|puedes|podrías", clause.text, re.IGNORECASE
    ):
        return None
    when = _FOR.sub("", when)
    early = find_due(when, known, reminder=True) if when.strip() else None
    if early and _FILL.sub("", early.rest):
        return None
    found = find_due(_bare(what), known, reminder=True)
    if early and early.due:
        # "Remind me tomorrow to be there at 5": when to remind has been said.
        found = (
            Found(early.due, early.repeat, _bare(what))
            if found.due is None or early.due.time or found.repeat
            else _joined(when, what, known)
        )
    content = _content(clause, found.rest)
    if how == "not to":
        content = "not to " + content
    if not content or not stems(content) or (how in ("that", "of") and not found.due) or words_of(content) <= _PRONOUNS:
        return None
    if re.match(r"(?:never|not to|why|how|what|who)\b", content, re.IGNORECASE) and how != "not to":
        return None
    return CommitmentOpened(content=content, owner="mind", due=found.due, repeat=found.repeat)


def _entry(clause: Clause, known: Known) -> CommitmentOpened | None:
    """What the user wants on their own list."""
    if clause.before and _UNREAL.search(clause.before):
        return None
    for expression in _ENTRIES:
        if m := expression.match(clause.text):
            when = _FOR.sub("", _bare(m["when"]))
            if _FILL.sub("", find_due(when, known).rest):
                return None  # "to my list component"
            found = find_due(f"{_bare(m['what'])} {when}".strip(), known)
            content = _content(clause, found.rest).strip("'\"‘’“”")
            if content and stems(content) and not words_of(content) <= _PRONOUNS:
                return CommitmentOpened(content=content, owner="user", due=found.due, repeat=found.repeat)
    return None


_PRONOUNS = frozenset("it that this you him her them me us who i what".split())


def _joined(when: str, what: str, known: Known) -> Found:
    """A day said before and a time said after belong together."""
    late = find_due(_bare(what), known, reminder=True)
    both = find_due(f"{when.strip()} {_bare(what)}", known, reminder=True)
    return Found(both.due, both.repeat, late.rest)


def _bare(text: str) -> str:
    for _ in range(3):
        shorter = _POLITE.sub("", text.rstrip(" .!?,;:…"))
        if shorter == text:
            break
        text = shorter
    return text


def _content(clause: Clause, text: str) -> str:
    text = _CALLED.sub(r"\1", clause.restore(_bare(text))).strip(" ,;:")
    return text if len(text) <= _TEXT_MAX else ""


# -- promises --------------------------------------------------------------------------------------------------------------------


def _promise(clause: Clause, known: Known) -> CommitmentOpened | None:
    if _CONDITION.search(clause.text) or not _stands(clause) or gives_name(clause):
        return None
    what = _explicit(clause.text)
    if what:
        return _opened(clause, what, known, "user")
    when = _MY_TIME_LEAD.match(clause.text)
    lead, text = ("", clause.text[when.end() :]) if when else _dated_lead(clause, known)
    m = _WILL.match(text)
    if m:
        verb, what = _verb(m["what"])
        opened = _opened(clause, f"{lead} {what}" if lead else what, known, "user") if verb and not _IDIOM.match(what) else None
        return opened if opened and (_may_promise(verb, what, opened)) else None
    m = _GOING.match(text)
    if m:
        verb, what = _verb(m["what"])
        opened = (
            _opened(clause, f"{lead} {what}" if lead else what, known, "user") if _is_deed(verb, what) and not _IDIOM.match(what) else None
        )
        return opened if opened and opened.due else None
    return _foreign(clause, f"{lead} ", text, known, "user")


def _may_promise(verb: str, what: str, opened: CommitmentOpened) -> bool:
    """A date, or a verb that says what will be done. "Have" only as in "have it ready"; _IDIOM has seen to that."""
    if verb == "have":
        return opened.due is not None
    if opened.due is None:
        return not _VAGUE.match(what) and (verb in STRONG or bool(_STRONG_PHRASE.match(what)))
    return _is_deed(verb, what)


def _is_deed(verb: str, what: str) -> bool:
    """Whether it is something one sets out to do: with a date, much more counts than "send" and "buy"."""
    if _STRONG_PHRASE.match(what) or _DEED.match(what):
        return True
    known = STRONG | DEEDS
    return (verb in known or verb.removeprefix("re") in known) and not _PARTICLE.match(what) and not _EVENT.match(what)


_NO_DEED = frozenset("be not try love remember promise nicht no ne".split())
_REFRAIN = pattern(r"(?:stop|quit) \w+ing\b")


def _explicit(text: str) -> str | None:
    """What follows "I promise to" and the like. A promise to refrain can't be carried out, so it is none."""
    for expression in _PROMISE:
        m = expression.match(text)
        if m:
            verb, what = _verb(m["what"])
            hollow = verb in HEDGING_ADVERBS or verb in _NO_DEED or _REFRAIN.match(what)
            return None if hollow or not verb else what
    return None


def _dated_lead(clause: Clause, known: Known) -> tuple[str, str]:
    """ "Tomorrow I'll ...", "Tomorrow, I'll ...": the date, and the promise."""
    text, before = clause.text, clause.before.strip(" ,")
    if before and len(before) <= 40:
        found = find_due(before, known)
        if found.due and not found.rest.strip():
            return before, text
    m = _DATED_LEAD.match(text)
    if m and not re.match(r"i\b|je\b|ich\b|voy\b", text, re.IGNORECASE):
        found = find_due(m["lead"], known)
        if found.due and not found.rest.strip():
            return m["lead"], text[m.end() :]
    return "", text


def _verb(what: str) -> tuple[str, str]:
    """The verb of what will be done, and the text from it on. "" if there is doubt."""
    what = _GO_AHEAD.sub("", what)
    words = list(_WORD.finditer(what))
    for at, word in enumerate(words[:4]):
        lower = word[0].lower()
        if lower in HEDGING_ADVERBS:
            return "", what
        if lower in SKIPPED_ADVERBS and at + 1 < len(words):
            continue
        return lower, what[word.start() :]
    return "", what


def _opened(clause: Clause, what: str, known: Known, owner: Owner) -> CommitmentOpened | None:
    found = find_due(_ANOTHER_SUBJECT.sub("", _bare(what)), known)
    content = _content(clause, found.rest)
    if not content or not stems(content) or len(content) < 4 or _LABELLING.match(content):
        return None
    return CommitmentOpened(content=content, owner=owner, due=found.due, repeat=found.repeat)


def _stands(clause: Clause) -> bool:
    """Whether what precedes the clause leaves it standing: no condition, nobody else's words, no order with "and I'll ..." after it."""
    if not clause.before:
        return True
    before = clause.before.strip()
    if _UNREAL.search(before):
        return bool(_MY_TIME.match(before)) and not re.search(r"\b(?:if|unless|said|says)\b", before, re.IGNORECASE)
    return not (_ORDER.match(before) and not before.endswith((".", "!")) and not before.lower().startswith("remind me"))


def _foreign(clause: Clause, lead: str, text: str, known: Known, owner: Owner) -> CommitmentOpened | None:
    """Promises in German, French and Spanish: by a verb that says what will be done; in the last two, with a date."""
    if _GERMAN_NEVER.search(text):
        return None
    for expression in _FOREIGN:
        m = expression.match(text)
        if m:
            opened = _opened(clause, lead + m["what"], known, owner)
            return opened if opened and (opened.due or m.groupdict().get("undated")) else None
    return None


# -- promises in a reply ---------------------------------------------------------------------------------------------------------

_REMIND_YOU = pattern(r"(?:make sure to )?remind you\b(?P<when>.{0,60}?) ?\b(?P<how>to|about|that|of) (?P<what>.+)")
_AT_ONCE = pattern(r"\b(?:right away|right now|now|immediately|below|here|in a (?:moment|second|minute)|shortly|at once|momentarily)\b")
_TOLD = frozenset("have discuss continue cover walk help give".split())
"""what only a reply can promise for a later day"""
_YOUR_TURN = pattern(r"\b(?:as soon as|once|when|after|until) (?:you|i|we|they|the)\b")
_LATER = pattern(
    r"(?:check (?:in|back)|follow up|get back to you|report back|let you know|look into (?!it\b|that\b|this\b)|come back to"
    r" you|(?:come back|return|circle back) to|revisit|bring (?:this|that|it|the \w+) up again|ask you|keep an eye on)\b"
)
_LATER_TODAY = pattern(r"\b(?:tonight|this evening|later today)\b")
_LATER_DATED = pattern(r"(?:come back|return|circle back|revisit|bring|ask|keep)\b(?! to you)")


def _promise_in_reply(clause: Clause, known: Known) -> CommitmentOpened | None:
    before = clause.before.strip()
    if _CONDITION.search(clause.text) or _YOUR_TURN.search(clause.text) or (before and (_UNREAL.search(before) or _ORDER.match(before))):
        return None
    what = _explicit(clause.text)
    lead, text = _dated_lead(clause, known)
    m = _WILL.match(text)
    if what is None and m is None:
        return _foreign(clause, f"{lead} ", text, known, "mind")
    if what is None and m is not None:
        if re.match(r"(?:now|first|begin|start|also|always|never)\b", m["what"], re.IGNORECASE):
            return None
        verb, rest = _verb(m["what"])
        deed = verb in _TOLD or verb in PROMISED_IN_REPLY or _is_deed(verb, rest) or _LATER.match(rest)
        if not verb or not deed or (_IDIOM.match(rest) and not _LATER.match(rest)):
            return None
    else:
        verb, rest = "", what or ""
    return _told(clause, rest, known) if _REMIND_YOU.match(rest) else _own(clause, lead, verb, rest, known)


def _told(clause: Clause, rest: str, known: Known) -> CommitmentOpened | None:
    """ "I'll remind you to call Ana" is the same commitment as the user's "remind me to call Ana"."""
    m = _REMIND_YOU.match(rest)
    return _reminded(clause, m, known) if m else None


def _own(clause: Clause, lead: str, verb: str, rest: str, known: Known) -> CommitmentOpened | None:
    opened = _opened(clause, f"{lead} {rest}" if lead else rest, known, "mind")
    if opened is None:
        return None
    if opened.due is None and (_AT_ONCE.search(rest) or len(stems(opened.content)) < 2):
        return None
    if verb == "" or verb in PROMISED_IN_REPLY or (_LATER.match(rest) and not _LATER_DATED.match(rest)):
        return opened
    if opened.due is None:
        return None
    later = opened.due.date > known.local.date() or opened.due.time or _LATER_TODAY.search(rest)
    return opened if verb not in ANNOUNCED or later else None
