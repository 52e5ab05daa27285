"""Closings: the user says that something is done, or need not be done.

Only what is named closes: most of the commitment's words must be there, and the words must fit one commitment best.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from pmm.agent.extract.known import Known
from pmm.agent.extract.text import LIST, Clause, pattern, stem, stems
from pmm.events import CommitmentClosed, Event

_ENOUGH = 0.75
"""The part of a commitment's words that must be named."""

_DONE = pattern(
    r"(?:i(?:'ve| have)? )?(?:just |already |finally |now |actually |also |successfully "
    r"|went and )*(?P<managed>managed to )?(?P<verb>[a-z-]+)(?P<what>(?: .+)?)"
)
_DONE_WITH = pattern(
    r"(?:i(?:'m| am|'ve been|'ve)? )?(?:just |now |already |finally )?(?:all )?(?:done with|finished with|done|finished"
    r"|completed) (?:with )?(?P<what>.+)"
)
_IS_DONE = pattern(
    r"(?:(?:the|my|your|our|that) )?(?P<what>[^,;]{2,80}?)(?P<is> is| are| has been| have been| was| were|'s)?(?: now| finally| already|"
    r" all| just)* (?P<verb>done|complete|sent|paid|bought|written|made|\w+ed)(?: now| already| today| yesterday| this morning| last night"
    r"| off| out|,? as promised|,? finally|,? at last| (?:to|for) (?P<whom>[\w ]{2,40}))?\s*$"
)
_UNAIDED = frozenset("done sent finished submitted completed booked delivered posted fixed ordered renewed paid".split())
"""what "invoice sent" may leave its "is" out of; "Ana called" says something else"""
_CROSSED = pattern(
    r"(?:you can |please |just )*(?:(?:cross|tick|check|strike) (?=.*\boff\b)(?:off )?(?P<what>.+?)(?: off(?: (?:the|my|your) list)?)?"
    r"|mark (?P<what2>.+?) (?:as )?(?:done|complete|completed|finished))(?:,.*)?$"
)
_WHEN = frozenset(
    map(stem, "today yesterday morning evening night last week earlier monday tuesday wednesday thursday friday saturday sunday".split())
)
_ELSEWHERE = (
    pattern(r"ich habe? (?P<what>.+?) (?P<verb>(?:ge|be|ver|er|an|ab|ein)\w+(?:t|en))$"),
    pattern(r"(?:j'ai|ya he|he|ya)(?: déjà| ya| enfin)? (?P<verb>\w+) (?P<what>.+)"),
)
_ENDING = re.compile(r"^ge(?=\w{4})|(?:en|er|ar|ir|ado|ido|ée?|í|t)$")
_NOT_DONE = pattern(
    r"\b(?:\w+n't|almost|nearly|not|n't|haven't|hasn't|didn't|never|half|partly|partially|most of|some of|part of|wrong|should|could|would"
    r"|wish|if|unless|until|when|soon|tried|try|trying|want|wanted|need|needed|plan(?:ned|s)? (?:to|on)|called (?:\w+ ){1,3}an?|meant|hope"
    r"|hoped|forgot|started|begun|began|thought|think|dreamt|dreamed|dream|imagine|said|told|will|'ll|going to|about to|except|but not"
    r"|except for|first (?:half|part|draft of)|supposed|might|may|maybe|probably|asked|yet|nicht|noch|fast|how)\b"
)
_GENERIC = frozenset(
    "done did finished complete completed handled sorted finalised finalized accomplished wrapped managed took tackled checked"
    " crossed ticked closed".split()
)
# "I finished the report" doesn't show that it was sent.
_NAME = re.compile(r"(?<!^)\b(?!Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|I\b)[A-Z][a-z]+")
_GERUND = pattern(r"\s*(\w+ing)\b")
_HANDED_OVER = frozenset(
    stem(word)
    for word in "send email mail submit give return pay deliver share bring call phone text message tell show post publish upload"
    " forward hand present ask invite meet".split()
)
_ACQUIRED = frozenset(map(stem, "buy get grab fetch order purchase".split()))
"""with these verbs a thing that only its name stands for ("milk") is done"""
_PRONOUN = pattern(r"\b(?:you|your)\b")

_CANCEL_REMINDER = pattern(
    r"(?:please |just |you (?:can|may) |ok )*(?:cancel|delete|drop|remove|scrap|scratch|clear|forget|ignore|turn off|never mind) (?:about"
    r" )?(?:the|that|my|this) "
    r"(?:(?P<kind>[\w' -]{2,40}?) )?(?:reminder|commitment|promise|task|to-?do)(?: (?:about|to|for|of|on|regarding) (?P<what>.+))?\s*$"
)
_UNNEEDED = pattern(
    r"i (?:don't|do not|no longer) need (?:the|that|my|a) reminder (?:about|to|for|of) (?P<what>.+)"
    r"|i (?:don't|do not|no longer) need (?:the|that|my|a) (?P<what3>[\w -]{2,40}?) reminder(?: any ?more| any longer)?$"
    r"|i (?:don't|do not|no longer) need (?:you to remind me|to be reminded|reminding) (?:about|to|of) (?P<what2>.+)"
)
_OFF_LIST = pattern(rf"(?:please |just |can you |could you )*(?:remove|delete|drop|take|scratch) (?P<what>.+?) (?:from|off) {LIST}")
_CANCEL_ALL = pattern(r"(?:please |just )*(?:cancel|delete|drop|remove|clear|forget) all (?:of )?(?:the |my |your |those )?reminders\s*$")
_NO_NEED = pattern(
    r"(?:please )?(?:you (?:don't|do not) (?:have|need) to|you no longer (?:have|need) to|no need to|there's no need to|you needn't|please"
    r" don't|don't|do not|stop) remind(?:ing)? me (?:any ?more )?(?:to|about) (?P<what>.+)"
)
_FORGET_ABOUT = pattern(
    r"(?:please |just |let's |you can |we can )*(?:forget|never mind|scratch|skip|scrap) (?:about )?(?P<what>.*\w+ing" r" .+)"
)
_WONT = pattern(
    r"i(?:'m not going to| am not going to|'m no longer going to| won't(?: be)?| will not(?: be)?|'ve decided not to| no longer need to|"
    r" don't need to| don't have to) (?P<what>.+?) (?:after all|any ?more|any longer)\s*$"
)
_MORE = pattern(r",? (?:any ?more|any longer|again|after all|please|now|thanks?)\s*$")
_GENITIVE = pattern(r"\b(\w+)'s (\w+)")
_POLITE = pattern(r",? (?:please|thanks?(?: you)?|ok(?:ay)?|now)\s*$")
_REPORTED = pattern(r"\b(?:says?|said|told|wrote|asked|claims?|thinks?|if|unless|when|once|after|imagine|suppose|pretend|wish)\b")

_PERFECT = pattern(r"i(?:'ve| have) ")
_HERE = re.compile(
    r"^(?:[^\n.!?:>]{0,60}[.!,] )?(?:as promised,|here(?:'s|’s| is| are)|hier (?:ist|sind)|voici|aquí (?:está|están|tienes))"
    r" (?P<what>[^:;.!?\n]{3,120})(?::|[.!]|$)",
    re.IGNORECASE | re.MULTILINE,
)
HERE_CHARS = 4_000
_GIVEN = frozenset(
    stem(word)
    for word in "send write give show draft prepare list make compose share tell summarise summarize translate outline sketch put"
    " compile collect gather plan create generate produce find look work design schicken"
    " schreiben envoyer écrire enviar escribir".split()
)
_PREPOSITION = pattern(r"\b(?:for|about|on|of|with|to|from|in|how|what|who|that)\b")
_PROMISED = pattern(
    r"\b(?:(?:that )?(?:you|i)(?:'d| had)? (?:asked|wanted|promised|requested)(?: (?:for|you|to \w+))*|versprochenen?"
    r"|(?:que )?je t'avais promise?|prometid[oa]|as promised|for you)\b"
)
"""what is done by saying it"""

Outcome = Literal["kept", "cancelled"]
Item = tuple[int, str, str]


def find_closings(said: Iterable[Clause], known: Known) -> list[Event]:
    """The commitments that a message of the user closes."""
    if not known.commitments:
        return []
    closed: dict[int, Outcome] = {}
    for clause in said:
        if clause.question:
            continue
        left = [item for item in known.commitments if item[0] not in closed]
        closed.update(dict.fromkeys(_cancelled(clause, left), "cancelled") or dict.fromkeys(_kept(clause, left, "user"), "kept"))
    return [CommitmentClosed(cid=cid, outcome=outcome) for cid, outcome in closed.items()]


def find_closings_in_reply(said: Iterable[Clause], known: Known) -> list[Event]:
    """The mind's own commitments that a reply says are done, in the perfect: "I have sent you the draft"."""
    closed: dict[int, Outcome] = {}
    for clause in said:
        if clause.question or not _PERFECT.match(clause.text):
            continue
        left = [item for item in known.commitments if item[1] == "mind" and item[0] not in closed]
        closed.update(dict.fromkeys(_kept(clause, left, "mind"), "kept"))
    return [CommitmentClosed(cid=cid, outcome=outcome) for cid, outcome in closed.items()]


# -- kept ------------------------------------------------------------------------------------------------------------------------


def _kept(clause: Clause, items: list[Item], speaker: Literal["mind", "user"]) -> list[int]:
    """The commitment that a clause says is done, if it names one."""
    text = clause.restore(clause.text).rstrip(" .!…;,:")
    if not items or len(text) > 200:
        return []
    m = _CROSSED.match(text)
    if m:
        return _mentioned(m["what"] or m["what2"], items)
    for expression in (_DONE_WITH, _DONE, _IS_DONE, *_ELSEWHERE):
        m = expression.match(text)
        verb = m.groupdict().get("verb", "done").lower() if m else ""
        if (
            not m
            or (expression is _DONE and not m["managed"] and not _past(verb))
            or (expression is _IS_DONE and not m["is"] and verb not in _UNAIDED)
        ):
            continue
        if _NOT_DONE.search(text) or _REPORTED.search(clause.before):
            return []
        if expression in _ELSEWHERE:
            return _only_best({cid: 1 for cid, _, task in items if _roots(task) == _roots(f"{verb} {m['what']}")})
        # What the mind promised to do for "you", the user can't have done.
        fit = _best(
            verb,
            f"{m['what']} {m.groupdict().get('whom') or ''}",
            [item for item in items if item[1] == speaker or not _PRONOUN.search(item[2])],
        )
        if fit:
            return fit
    return []


def _roots(text: str) -> set[str]:
    """The words of a text in German, French or Spanish without what a verb's forms differ in: "geschickt" and "schicken" are one."""
    return {_ENDING.sub("", _ENDING.sub("", word)) for word in stems(text)}


def find_delivered(text: str, known: Known) -> list[Event]:
    """The mind's own commitments that a reply carries out by saying it: "Here is the poem about the heron: ..."."""
    items = [item for item in known.commitments if item[1] == "mind"]
    cids = {cid for m in _HERE.finditer(text[:HERE_CHARS]) for cid in _delivered(m["what"], items)} if items else set()
    return [CommitmentClosed(cid=cid, outcome="kept") for cid in sorted(cids)]


def _delivered(what: str, items: list[Item]) -> list[int]:
    plain, promised = _PROMISED.subn("", what)
    if _NOT_DONE.search(plain):
        return []
    said, head, scores = set(stems(plain)), set(stems(_PREPOSITION.split(plain)[0])), {}
    for cid, _, text in items:
        words = stems(text)
        verb = next((word for word in words if word in _GIVEN), "")
        wanted = set(words) - {verb, stem("together")}
        if verb and wanted & head and not _other_names(text, what):
            scores[cid] = 1.0 if promised and said and said <= wanted else len(wanted & said) / len(wanted)
    return _only_best({cid: score for cid, score in scores.items() if score >= _ENOUGH})


def _past(verb: str) -> bool:
    return verb.endswith("ed") or stem(verb) != verb.rstrip("e") or verb in ("read", "put", "set", "cut", "did", "done")


def _best(verb: str, what: str, items: list[Item]) -> list[int]:
    """The one commitment that fits best, if it fits well."""
    gerund = _GERUND.match(what) if verb in _GENERIC else None
    if gerund:  # "finished reading the report" is about reading
        verb = gerund[1].lower()
    said = set(stems(f"{verb} {what}")) - _WHEN
    owners = [(stem(m[1].lower()), stem(m[2].lower())) for m in _GENITIVE.finditer(what)]
    scores: dict[int, float] = {}
    for cid, _, text in items:
        words = stems(text)
        wanted = set(words)
        if verb in _GENERIC and words and words[0] not in _HANDED_OVER and len(wanted) > 1:
            wanted.discard(words[0])
        elif verb not in _GENERIC and stem(verb) not in wanted and not (stem(verb) in _ACQUIRED and wanted <= said):
            continue
        if any(owner in wanted and owned not in wanted for owner, owned in owners):
            continue  # Ana's brother isn't Ana
        if _other_names(text, what):
            continue  # what was sent to Bob wasn't sent to "you", nor to Miller
        score = len(wanted & said) / len(wanted) if wanted else 0.0
        if score >= _ENOUGH or (len(said) > 1 and said <= wanted):
            scores[cid] = score
    return _only_best(scores)


def _other_names(text: str, what: str) -> bool:
    """Whether what was done names somebody else than the commitment does."""
    wanted, said = set(_NAME.findall(" " + text)), set(_NAME.findall(" " + what))
    return bool(said - wanted) and (bool(wanted - said) or bool(_PRONOUN.search(text)))


def _only_best(scores: dict[int, float]) -> list[int]:
    best = max(scores.values(), default=0.0)
    fit = [cid for cid, score in scores.items() if score == best]
    return fit if len(fit) == 1 else []


# -- cancelled -------------------------------------------------------------------------------------------------------------------


def _cancelled(clause: Clause, items: list[Item]) -> list[int]:
    if clause.before and _REPORTED.search(clause.before):
        return []
    text = _POLITE.sub("", clause.restore(clause.text).rstrip(" .!…;,:"))
    reminders = [item for item in items if item[1] == "mind"]
    if _CANCEL_ALL.match(text):
        return [cid for cid, _, _ in reminders]
    m = _CANCEL_REMINDER.match(text)
    if m:
        mention = m["what"] or m["kind"]
        if mention and stems(mention):
            return _mentioned(mention, items)
        return [reminders[0][0]] if len(reminders) == 1 else []
    m = _NO_NEED.match(text) or _UNNEEDED.match(text)
    if m:
        return _mentioned(_MORE.sub("", next(what for what in m.groups() if what)), items)
    if m := _OFF_LIST.fullmatch(text):
        return _mentioned(m["what"], items)
    m = _FORGET_ABOUT.match(text) or _WONT.match(text)
    if m:
        return _whole(_MORE.sub("", m["what"]), items)
    return []


def _mentioned(mention: str, items: list[Item]) -> list[int]:
    """The one commitment that has all the words of a mention."""
    said = set(stems(mention))
    fit = [cid for cid, _, text in items if said and len(said & set(stems(text))) / len(said) >= 0.75]
    return fit if len(fit) == 1 else []


def _whole(mention: str, items: list[Item]) -> list[int]:
    """The commitment of which nearly all words are mentioned."""
    said = set(stems(mention))
    return _only_best(
        {cid: score for cid, _, text in items if (wanted := set(stems(text))) and (score := len(wanted & said) / len(wanted)) >= 0.75}
    )
