"""Directives: standing rules that the user gives the mind, and takes back.

A rule is an order: "always answer in French". "I never eat meat", "you always forget" and "never mind" are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pmm.agent.extract.known import Known
from pmm.agent.extract.names import gives_name
from pmm.agent.extract.text import NEW_RULE, REPORTED, Clause, normalise, pattern, stem, stems
from pmm.agent.extract.words import BROAD_VERBS, LANGUAGES, PROVERBS, SENTIMENTS, SUPERSEDING_VERBS, VERBS
from pmm.events import DirectiveRevoked, DirectiveSet, Event

_TEXT_MAX = 300

_FROM_NOW = (
    r"(?:from (?:now|here|this (?:point|moment|day)|today)(?: on(?:wards?)?(?: out)?)?|starting (?:now|today)|going forward|moving forward"
    r"|in (?:the )?future|henceforth|as of (?:now|today))"
)
_YOU_MUST = (
    r"(?:you are(?= (?:never|always) to)|you (?:must|should|need to|have to|are to|shall|will|ought to|may)|i(?:'d| would) (?:like|prefer"
    r"|love)(?: it if)? you(?: to| would)?|i (?:want|need|expect|ask) you to|(?:please )?(?:make sure|be sure|remember|see to it)(?:"
    r" that)?(?: you| to)?)"
)
_HEAD = pattern(
    rf"(?:(?P<now>{_FROM_NOW}),? )?(?:please |just |kindly |ok |so )*(?:(?P<must>{_YOU_MUST}) )?(?:please )?"
    r"(?P<how>always to|never to|always|never,? ever|never|(?:don't|do not) ever(?: again)?|stop|quit|refrain from"
    r"|(?:don't|do not|no longer)|only)? ?(?P<what>.+)"
)
_WHENEVER = pattern(
    rf"(?:{_FROM_NOW},? )?(?:(?:when|if) (?:i|you) [^,]{{3,120}}, (?:please )?(?P<how>always|never)|(?:whenever"
    rf"|(?:every|each|any) time) (?:i|you) [^,]{{3,120}},"
    r"(?: please)?(?: always| never)?) (?P<verb>[\w-]+)\b"
)
_MOTTO = pattern(r", (?:that's|that is|as (?:they|we|you) say|they say|or so they say|is what)\b")
# "Never quote me on that" is about what was just said: no standing rule.
_POINTING = pattern(r"\b(?:it|that|this)(?: again| any ?more)?$")
_NEW_RULE = pattern(NEW_RULE + r": (?P<what>.+)")
_STYLE = pattern(
    r"no(?: more)? (?:\w+ )?(?:emojis?|smileys|exclamation marks?|bullet points?|lists|headings|apologies|jokes|puns|small talk|jargon"
    r"|slang|disclaimers|follow-up questions|filler|flattery|compliments|metaphors|hashtags|swearing|markdown|clichés)(?:,? please)?$"
)
_START = pattern(r"start (?:each|every|your|all|with)\b")
_ONWARDS = pattern(rf",? (?:{_FROM_NOW})(?:,? please)?\s*$")
_NO_MORE = pattern(r",? (?:any ?more|any longer|again|ever again|ever)(?:,? please)?\s*$")
_POLITE = pattern(r",? (?:please|thanks?(?: you)?|ok(?:ay)?|bitte|merci|gracias|por favor|s'il te plaît)\s*$")
_VERB = re.compile(r"(?:(?:also|only|again|just|even) )?([a-z][a-z-]*)\b")
_GERUND = re.compile(r"(?:(?:always|constantly|being|with) )?([a-z][a-z-]*ing)\b")
_AFTER_STOP = frozenset(
    "worrying kidding joking laughing crying smoking drinking raining whining dreaming wasting waiting bothering working".split()
)
_ORDERED = pattern(
    r"(?:please |always |never |don't |do not |stop |only |from now on|be |use |answer |call me|write |my name|your name|i(?:'m| am) )"
)

_ELSEWHERE = pattern(
    r"\b(?:immer|nie|niemals|stets|ab|von nun|künftig|zukunft|mehr|auf|toujours|jamais|plus|désormais|dorénavant|partir|avenir|arrête"
    r"|siempre|nunca|jamás|ahora|deja)\b"
)
_LANGUAGE_FORMS = (
    pattern(
        r"(?:bitte )?(?:antworte|benutze?|verwende|schreibe?|sprich|nenne?|sage?|gib|sei|frage?|erkläre?|mache?|duze?|sieze?"
        r"|zitiere|fasse|halte) (?:.{1,80} )?(?:immer|nie|niemals|stets|nie wieder|ab jetzt|ab sofort|nicht mehr)\b.*"
    ),
    pattern(r"(?:bitte )?(?:immer|nie|niemals) (?:\S+ ){1,12}(?-i:[a-zäöüß]+)en\W*$"),
    pattern(
        r"(?:ab jetzt|ab sofort|von nun an|in zukunft|künftig),? (?:bitte )?(?!ich|du hei|hei|nenn|bin|ist|gibt|wird"
        r"|werde)(?P<what>(?:antworte|benutze?|verwende|schreibe?|sprich|sage?|gib|sei|frage?|erkläre?|mache?|duze?|sieze?|nur"
        r"|immer|nie|keine?)\b.+)"
    ),
    pattern(r"hör (?:bitte )?(?:damit )?auf,? .{3,80}\bzu \w+.*"),
    pattern(
        r"(?:s'il te plaît,? )?(?:réponds|répondez|utilise|écris|parle|dis|donne|sois|explique|cite|tutoie|vouvoie)(?:[- ]moi)?"
        r" (?:.{1,60} )?toujours\b.*"
    ),
    pattern(r"n(?:e |')\S+(?:[- ]moi)? (?:.{1,30} )?(?:jamais|plus)\b.*"),
    pattern(
        r"(?:désormais|dorénavant|à partir de maintenant|à l'avenir),? (?P<what>(?:réponds|répondez|utilise|écris|parle|dis"
        r"|donne|sois|explique|cite|tutoie|vouvoie|n)\b.+)"
    ),
    pattern(r"arrête (?:de |d')(?:me |[tm]'|te )?\w+(?:er|ir|re)\b.*"),
    pattern(
        r"(?:por favor,? )?(?:responde|contesta|usa|utiliza|escribe|habla|di|da|sé|explica|cita|tutéame)(?:me)? (?:.{1,60} )?siempre\b.*"
    ),
    pattern(r"siempre (?:responde|contesta|usa|utiliza|escribe|habla|di|da|sé|explica|cita)(?:me)?\b.+"),
    pattern(
        r"(?:nunca|jamás) (?:me |le |te )?(?:uses|utilices|respondas|contestes|escribas|hables|digas|des|seas|menciones|hagas"
        r"|llames|repitas|olvides)\b.*"
    ),
    pattern(
        r"(?:a partir de ahora|de ahora en adelante|desde ahora),? (?P<what>(?:responde|contesta|usa|utiliza|escribe|habla|di"
        r"|da|sé|explica|cita|no)\b.+)"
    ),
    pattern(r"deja de \w+r(?:me)?\b.*"),
)

_REVOKE_VERB = (
    r"(?:i take back|forget|drop|revoke|remove|delete|cancel|scrap|lift|undo|ignore|disregard|discard|withdraw|clear|retire|abandon"
    r"|erase|get rid of|you can (?:forget|drop|ignore)|take back)"
)
_RULE_NOUN = r"(?:rules?|directives?|instructions?|standing orders?)"
_ABOUT_REMINDING = pattern(r"\blet me forget\b|\bremind(?:ing)? me (?:to|about|of)\b")
_BY_NUMBER = pattern(rf"(?:please )?{_REVOKE_VERB} (?:about )?(?:the )?{_RULE_NOUN} (?:no\.? |number |#)?(?P<did>\d{{1,18}})\b")
_BY_TOPIC = pattern(
    rf"(?:please |just )?{_REVOKE_VERB} (?:about )?(?:the|that|this|my|your) {_RULE_NOUN} (?:about|on|regarding|concerning"
    rf"|for|of|that says|against|to|not to|that you)(?: (?:always|never))? (?P<topic>.+)"
)
_BY_NAME = pattern(
    rf"(?:please |just )?{_REVOKE_VERB} (?:the|that|my|your) (?P<topic>(?!last|previous|latest|most)[\w-]+(?: [\w-]+)?) {_RULE_NOUN}\b"
)
_THAT_RULE = pattern(
    rf"(?:please |just )?{_REVOKE_VERB} (?:about )?(?P<which>that|this|the|(?:the|your|my) (?:last|latest|previous|most"
    rf" recent)|my|your) {_RULE_NOUN}(?: (?:now|again|please|i (?:gave|just gave|told) you))?\s*$"
)
_ALL_RULES = pattern(rf"(?:please |just )?{_REVOKE_VERB} (?:all|every one)(?: of)?(?: the| my| your| these| those)? {_RULE_NOUN}\s*$")
_NO_LONGER = pattern(
    rf"the (?P<topic>[\w -]{{2,60}}?) {_RULE_NOUN} (?:no longer applies|(?:is|are) (?:off|over|void|gone|cancelled"
    rf"|lifted|history)|(?:doesn't|does"
    r" not) apply any ?more)$"
)
_VERGISS = pattern(
    r"(?:bitte )?(?:vergiss|streich|oublie|annule|olvida|borra) (?:bitte )?(?:(?:die|diese|la|cette|esa|esta) (?:letzte )?(?:regel|règle"
    r"|regla))(?: (?:mit|über|zu|sur|de|sobre)(?: den| der| dem| les| la| los)? (?P<topic>.+))?$"
)
_NO_NEED = pattern(
    r"(?:you (?:don't|do not) (?:have|need) to|there's no need to|no need to|you no longer (?:have|need) to|you needn't|you"
    r" can stop) (?:always )?(?P<topic>.+)"
)
_AGAIN = pattern(r"you (?:can|may|are allowed to) (?P<topic>.+?) (?:again|now)\s*$")
_WORD = re.compile(r"\w+")


def find_rules(said: Iterable[Clause], known: Known) -> list[Event]:
    """The rules a message sets and revokes. One that contradicts an older rule supersedes it."""
    events: list[Event] = []
    active = dict(known.directives)
    for clause in said:
        if clause.question:
            continue
        revoked = _revoked(clause, active)
        for did in revoked:
            del active[did]
            events.append(DirectiveRevoked(did=did, reason="the user said so"))
        rule = None if revoked else _rule(clause)
        if not rule or any(_body(rule) == _body(old) and _forbids(rule) == _forbids(old) for old in _all(active, events)):
            continue
        for did in [did for did, old in active.items() if _contradicts(rule, old)]:
            del active[did]
            events.append(DirectiveRevoked(did=did, reason="superseded"))
        events.append(DirectiveSet(content=rule))
    return events


def _all(active: dict[int, str], events: list[Event]) -> list[str]:
    return [*active.values(), *(event.content for event in events if isinstance(event, DirectiveSet))]


# -- setting ---------------------------------------------------------------------------------------------------------------------


def _rule(clause: Clause) -> str | None:
    """The rule that a clause gives, as one would list it."""
    text = clause.text.rstrip(" .!…;,:")
    if gives_name(clause) or _ABOUT_REMINDING.search(text):
        return None
    if _MOTTO.search(text):
        return None
    rule = _conditional(clause)
    if rule is None and _may_follow(clause):
        rule = _english(text) or _elsewhere(text)
    if not rule:
        return None
    rule = clause.restore(_POLITE.sub("", rule)).strip(" .!,;:…")
    return rule if 4 <= len(rule) <= _TEXT_MAX else None


def _may_follow(clause: Clause) -> bool:
    """After "and", an order may go on somebody's story ("they lie and never call"), unless the story was an order itself."""
    before = clause.before.strip()
    if not before:
        return True
    if REPORTED.search(before):
        return False
    if _ORDERED.match(before) or before.endswith((".", "!")):
        return True
    return bool(re.search(r"please|bitte|from now|[;–—-]|,", clause.link)) and not re.match(
        r"(?:they|he|she|it|you|we|people)\b", before, re.IGNORECASE
    )


def _conditional(clause: Clause) -> str | None:
    """ "Whenever I ask about code, always include tests": the whole of it is the rule."""
    m = _WHENEVER.match(clause.sentence.text)
    if not m or clause.text not in clause.sentence.text or m["verb"].lower() not in VERBS:
        return None
    return clause.sentence.text


def _english(text: str) -> str | None:
    m = _NEW_RULE.match(text)
    if m:
        return m["what"]
    m = _HEAD.match(text)
    if not m:
        return None
    what, how = m["what"], (m["how"] or "").lower()
    lasting = bool(m["now"])
    if _ONWARDS.search(what):
        what, lasting = _ONWARDS.sub("", what), True
    if how in ("stop", "quit", "refrain from"):
        return _stopped(what)
    if how in ("always", "never") and what[:1].isupper() and not text.isupper():
        return None  # a title
    verb = _VERB.match(what.lower())
    if not verb or what.lower() in SENTIMENTS or what.lower().startswith(PROVERBS):
        return None
    if _POINTING.search(what):
        return None
    base = verb[1]
    order = f"{m['how']} {what}" if how else what
    if how.startswith(("always", "never", "don't ever", "do not ever")):
        allowed = VERBS if m["must"] else BROAD_VERBS
        if base not in allowed or _statement(base, what):
            return None
        return order
    if how in ("don't", "do not"):
        if lasting or _NO_MORE.search(what):
            return order if base in VERBS else None
        return None
    if _STYLE.match(text):
        return text
    if lasting:
        return (
            order
            if base in VERBS and base != "have" and (base != "start" or _START.match(what)) and not _statement(base, what)
            else _from_now_else(what, bool(m["now"]))
        )
    return None


def _from_now_else(what: str, first: bool) -> str | None:
    """ "From now on you are a pirate", "from now on no emojis"."""
    if first and re.match(
        r"(?:no (?:more )?\w+|max(?:imum)?\b|at most|short|brief|only \w+|you(?:'re| are) (?:a|an|my|to|not|allowed|only|in charge)\b)",
        what,
        re.IGNORECASE,
    ):
        return what
    return None


def _statement(verb: str, what: str) -> bool:
    """Whether the verb is really the subject: "never work is ...", "always test results"."""
    return bool(re.match(rf"{re.escape(verb)} (?:is|are|was|were|has|have|will)\b", what, re.IGNORECASE))


def _stopped(what: str) -> str | None:
    m = _GERUND.match(what.lower())
    if not m or m[1] in _AFTER_STOP:
        return None
    base = stem(m[1])
    if base not in _VERB_STEMS and m[1] not in ("being", "doing", "saying", "making"):
        return None
    if re.match(
        r"reminding me (?:to|about|of)\b|\w+ing (?:is|was|are|has|would|will|can|should|myself|me laugh|him|her|them)\b",
        what,
        re.IGNORECASE,
    ):
        return None
    if _NO_MORE.fullmatch(" " + what):
        return None
    return "Stop " + what if what else None


_VERB_STEMS = frozenset(stem(verb) for verb in VERBS)


def _elsewhere(text: str) -> str | None:
    for expression in _LANGUAGE_FORMS if _ELSEWHERE.search(text) else ():
        m = expression.match(text)
        if m:
            return m.groupdict().get("what") or m[0]
    return None


# -- comparing -------------------------------------------------------------------------------------------------------------------

_LEADING = frozenset(
    "always never ever please stop dont don do not t immer nie niemals toujours jamais siempre nunca you must should any"
    " more anymore again longer".split()
)
_SAME = dict.fromkeys("answer answering reply replying respond responding speak speaking talk talking".split(), "answer")
_NEGATIVE = pattern(r"\b(?:never|don't|do not|stop|no|nie|niemals|kein\w*|jamais|n'|ne|nunca|jamás|arrête|deja de|hör)\b|^n'")


def _body(rule: str) -> list[str]:
    """What a rule is about, whether it demands or forbids it."""
    return [_SAME.get(word, stem(word)) for word in _WORD.findall(normalise(rule)) if word not in _LEADING]


def _forbids(rule: str) -> bool:
    m = _NEGATIVE.search(" ".join(rule.split()[:5]))
    return m is not None


def _contradicts(new: str, old: str) -> bool:
    one, other = _body(new), _body(old)
    if one == other:
        return _forbids(new) != _forbids(old)
    # "Answer in German" takes the place of "answer in French".
    return (
        len(one) == len(other) > 1
        and not _forbids(new)
        and not _forbids(old)
        and one[0] in SUPERSEDING_VERBS
        and other[0] in SUPERSEDING_VERBS
        and _language(new) != _language(old) != ""
        and _language(new) != ""
    )


def _language(rule: str) -> str:
    return next((word for word in _WORD.findall(rule.lower()) if word in LANGUAGES), "")


# -- revoking --------------------------------------------------------------------------------------------------------------------


def _revoked(clause: Clause, active: dict[int, str]) -> list[int]:
    if not active or (clause.before and REPORTED.search(clause.before)):
        return []
    text = _POLITE.sub("", clause.text.rstrip(" .!…;,:"))
    m = _BY_NUMBER.match(text)
    if m:
        return [int(m["did"])] if int(m["did"]) in active else []
    if _ALL_RULES.match(text):
        return list(active)
    m = _THAT_RULE.match(text)
    if m:
        vague = m["which"].lower() in ("the", "my", "your")
        return [max(active)] if not vague or len(active) == 1 else []
    m = _VERGISS.match(text)
    if m and not m["topic"]:
        return [max(active)]
    for expression in (_BY_TOPIC, _BY_NAME, _NO_LONGER, _VERGISS):
        m = expression.match(text)
        if m:
            return _about(clause.restore(m["topic"]), active, 0.6)
    m = _NO_NEED.match(text)
    if m and (_NO_MORE.search(m["topic"]) or "no longer" in text.lower() or "can stop" in text.lower()):
        return [did for did in _about(_NO_MORE.sub("", m["topic"]), active, 0.6) if not _forbids(active[did])]
    m = _AGAIN.match(text)
    return [did for did in _about(m["topic"], active, 0.6) if _forbids(active[did])] if m else []


def _about(topic: str, active: dict[int, str], enough: float) -> list[int]:
    """The one rule that a topic names: its words are the topic's. None if two fit equally."""
    wanted = set(stems(topic)) - _SAYS_LITTLE
    scores = {did: len(wanted & set(_body(rule))) / len(wanted) for did, rule in active.items()} if wanted else {}
    best = max(scores.values(), default=0.0)
    fit = [did for did, score in scores.items() if score == best]
    return fit if best >= enough and len(fit) == 1 else []


_SAYS_LITTLE = frozenset(stem(word) for word in "always never any more anymore again longer ever using rule".split())
