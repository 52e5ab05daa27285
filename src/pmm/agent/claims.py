"""What a reply says about the log that the log contradicts: events, states of commitments, counts, scores, names. Pure.

Explicit forms only, precision first: what is asked, supposed, denied, quoted or reported claims nothing, and what this very turn changes
is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING

import msgspec

from pmm.agent.extract.text import PASTE, pattern, read, words_of
from pmm.events import (
    Claim,
    CommitmentClosed,
    CommitmentEdited,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    NameAdopted,
    NameProposed,
)

if TYPE_CHECKING:
    from pmm.views import View

CLAIMS_MAX = 8
SAID_CHARS = 200
SCORE_SLACK = 0.02
"""scores move a little with each turn"""

_ID = re.compile(r"#(\d{1,18})\b")
_ENDS = re.compile(r"(?<=[.!?…])[ \t]+|\n")
_CUES = frozenset(
    """ias gas stage s0 s1 s2 s3 s4 name nom nombre heiße heisse heißt heisst appelle appelles llamo llamas reminded commitment commitments
    verpflichtung verpflichtungen engagement engagements compromiso compromisos directive directives rule rules times events turns messages
    conversations exchanges""".split()
)
"""A sentence without one of these words, or a number sign, claims nothing that is looked for."""


class Known(msgspec.Struct, frozen=True):
    """What a sentence is held against. changing: what this very turn does, which the view doesn't hold yet."""

    view: View
    head: int
    shown: Collection[int]
    changing: Sequence[Event]

    def changes(self, *kinds: type[Event]) -> bool:
        """Whether this turn does anything of that kind."""
        return any(isinstance(event, kinds) for event in self.changing)


def contradictions(reply: str, view: View, *, shown: Collection[int], head: int, changing: Sequence[Event] = ()) -> tuple[Claim, ...]:
    """The claims in a reply that the log contradicts, at most CLAIMS_MAX.

    view: the mind as the reply found it. shown: ids of events that the model was shown (see `ids_in`). head: the last event's id when
    the reply is recorded. changing: what the message and the reply themselves change.
    """
    if not _may_claim(reply, words_of(reply)):
        return ()
    known = Known(view, head, frozenset(shown), tuple(changing))
    found: dict[str, Claim] = {}
    for sentence in read(_loosened(reply), None, reply=True):
        if sentence.question or not _may_claim(sentence.text, sentence.words):
            continue
        for check in _CHECKS:
            for claim in check(sentence.text, known):
                said = " ".join(sentence.restore(sentence.text).split())[:SAID_CHARS]
                found.setdefault(claim.truth, msgspec.structs.replace(claim, said=said))
    return tuple(found.values())[:CLAIMS_MAX]


def _may_claim(text: str, words: Set[str]) -> bool:
    return "#" in text or "n°" in text or not _CUES.isdisjoint(words)


def _loosened(reply: str) -> str:
    """The reply with its long paragraphs taken apart: a user who sends such a one has pasted it, a model has not."""
    parts = reply.split("\n\n")
    return "\n\n".join(part if len(part) <= PASTE else _ENDS.sub("\n\n", part) for part in parts)


def ids_in(messages: Sequence[Mapping[str, str]]) -> set[int]:
    """The numbers of events that stand in a prompt."""
    return {int(found[1]) for message in messages for found in _ID.finditer(message["content"])}


# -- what keeps a sentence from claiming anything ------------------------------------------------------------------------------------

_NOT = pattern(
    r"\b(?:not|no|never|none|nothing|without|cannot|neither|nor|nicht|kein\w*|nie|niemals|ohne|pas|aucune?|jamais|sans|ningún|ninguna"
    r"|nunca|sin)\b|n't\b"
)
_SUPPOSED = pattern(
    r"\b(?:if|when|whenever|once|until|till|unless|whether|before|after|as soon as|suppose|supposing|imagine|pretend|assum\w+|let's say"
    r"|say that|would|could|should|might|may|perhaps|maybe|probably|hope|wish|want|like|make sure|ensure|check|guess|think|for example"
    r"|e\.g|said|says?|told|tells?|wrote|writes|claim\w*|according|called it|used to|wenn|falls|sobald|ob|bis|angenommen|vielleicht"
    r"|würde\w*|könnte\w*|sagtest|sagte|si|quand|lorsque|dès|jusqu'\w*|peut-être|serait|disais|dit|cuando|hasta|quizás?|sería|dijiste|dijo)\b"
)


def _plain(text: str, before: int) -> bool:
    """Whether what comes before a place in a sentence leaves a statement after it a plain one."""
    return not (_SUPPOSED.search(text[:before]) or _NOT.search(text[:before]))


# -- events --------------------------------------------------------------------------------------------------------------------------

_CITED = pattern(r"\[#(\d{1,18})\]|\b(?:events?|ereignis(?:se)?|événements?|eventos?) #(\d{1,18})\b")

_ABSENT = pattern(
    r"\b(?:no (?:such )?events?|(?:does not|doesn't|do not|don't) exist|can(?:'t|not) find|could(?:n't| not) find"
    r"|(?:don't|do not) (?:have|see|know)|not in my log|kein ereignis|gibt es nicht|n'existe pas|aucun événement|no existe|ningún evento)\b"
)


def _events(text: str, known: Known) -> Iterator[Claim]:
    """Numbers cited that no event has, or that the model never saw."""
    if _ABSENT.search(text):
        return
    for found in _CITED.finditer(text):
        id = int(found[1] or found[2])
        if id in known.shown and (id <= known.head or _NOT.search(text)):
            continue
        if not 1 <= id <= known.head:
            yield Claim(said="", truth=f"There is no event #{id}; the last one is #{known.head}.")
        elif found[1] and not _NOT.search(text):
            yield Claim(said="", truth=f"Event #{id} was not shown to the model, so it can't know what it says.", about=id)


# -- commitments ---------------------------------------------------------------------------------------------------------------------

_OPEN = "open|pending|active|outstanding|offen|ouverte?|en cours|abiert[oa]|pendiente"
_KEPT = (
    "done|kept|completed?|finished|fulfilled|erledigt|eingehalten|erfüllt|tenue?|terminée?|accomplie?|fait"
    "|cumplid[oa]|terminad[oa]|hech[oa]"
)
_ENDED = "closed|geschlossen|abgeschlossen|fermée?|close?|clôturée?|cerrad[oa]"
_DROPPED = "cancelled|canceled|expired|broken|abgesagt|abgelaufen|gebrochen|annulée?|expirée?|cancelad[oa]|expirad[oa]"
_STATE = pattern(
    r"(?:\b(?:commitment|promise|reminder|task|verpflichtung|versprechen|erinnerung|aufgabe|zusage|engagement|promesse|rappel|tâche"
    r"|compromiso|promesa|recordatorio|tarea) (?:n[°º] ?)?\[?#?(\d{1,18})\]?|\[#(\d{1,18})\])"
    r" (?:is|was|has been|remains|stays|ist|bleibt|wurde|est|reste|a été|está|sigue|ha sido|fue)"
    r" (?:(?:now|already|still|also|currently|officially|fully|all|marked(?: as)?|jetzt|nun|schon|bereits|noch|weiterhin|immer noch"
    r"|maintenant|déjà|encore|toujours|ahora|ya|todavía|aún) ){0,2}"
    rf"(?:(?P<open>{_OPEN})|(?P<kept>{_KEPT})|(?P<ended>{_ENDED})|(?P<dropped>{_DROPPED}))\b"
)
_TOUCHING = (CommitmentOpened, CommitmentClosed, CommitmentReopened, CommitmentEdited)


def _states(text: str, known: Known) -> Iterator[Claim]:
    """That a commitment is open, or not, or ended otherwise than it did."""
    for found in _STATE.finditer(text):
        cid = int(found[1] or found[2])
        if not _plain(text, found.start()) or any(getattr(event, "cid", None) == cid for event in known.changing):
            continue
        truth = _contradicted(cid, found.lastgroup or "", known)
        if truth:
            yield Claim(said="", truth=truth, about=cid if cid <= known.head else None)


def _contradicted(cid: int, state: str, known: Known) -> str:
    """What is true of the commitment instead; "" if that is how it is, or if it can't be told."""
    commitments = known.view.commitments
    if commitments.get(cid):
        return "" if state == "open" else f"Commitment #{cid} is open."
    ended = commitments.ended(cid)
    if ended is None:
        return f"There is no commitment #{cid}." if cid > known.head else ""
    kept = ended.outcome == "kept"
    wrong = {"open": True, "kept": ended.outcome in ("broken", "cancelled", "expired"), "dropped": kept}.get(state, False)
    return f"Commitment #{cid} is not open any more; it ended as {ended.outcome}." if wrong else ""


_REMINDED = pattern(r"\bI(?:'ve| have) (?:already |just )?reminded you\b(?:[^.!?]{0,60}?#(\d{1,18}))?")


def _reminders(text: str, known: Known) -> Iterator[Claim]:
    """That it reminded its user of something, though it never did."""
    found = _REMINDED.search(text)
    if not found or not _plain(text, found.start()) or known.changes(CommitmentReminded):
        return
    commitments = known.view.commitments
    all_known = commitments.opened <= len(commitments.open) + len(commitments.closed)
    if found[1] is None:
        if all_known and not any(c.reminded for c in (*commitments.open, *(e.commitment for e in commitments.closed))):
            yield Claim(said="", truth="No reminder has been given so far.")
    elif (c := commitments.get(int(found[1]))) and c.reminded is None:
        yield Claim(said="", truth=f"No reminder of commitment #{c.cid} has been given so far.", about=c.cid)


# -- counts --------------------------------------------------------------------------------------------------------------------------

_WORDS = {
    word: n
    for n, words in enumerate(
        (
            *("no zero null keine aucun ningún", "one eine ein une un una", "two zwei deux dos", "three drei trois tres"),
            *("four vier quatre cuatro", "five fünf cinq cinco", "six sechs seis", "seven sieben sept siete", "eight acht huit ocho"),
            *("nine neun neuf nueve", "ten zehn dix diez", "eleven elf onze once", "twelve zwölf douze doce"),
        )
    )
    for word in words.split()
}
_NUMBER = rf"(\d{{1,3}}(?:[,.\u202f ]\d{{3}})+|\d{{1,9}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_END = r"(?=\s*(?:$|[.!,;:)–—]|(?:right now|now|at the moment|in total|currently|and|im moment|derzeit|und|en ce moment|et|ahora|y)\b))"
_HAVE = (
    r"(?:(?:you|we|I)(?: currently| now| still)? have|you've got|there are|du hast(?: derzeit| noch| jetzt)?|es gibt|tu as|vous avez"
    r"|il y a|tienes|tenemos|hay)"
)
_COUNTED = pattern(
    rf"\b{_HAVE} (?:exactly |genau |exactement |exactamente )?{_NUMBER} (?:(?P<commitments>open commitments?|offene verpflichtung(?:en)?"
    rf"|engagements? ouverts?|compromisos? abiertos?)|(?P<rules>(?:active|standing) (?:rules?|directives?)|directives?))\b{_END}"
)
_HAPPENED = pattern(
    rf"\b(?:we(?:'ve| have) (?:talked|spoken|chatted)(?: to each other)? {_NUMBER} times"
    rf"|you(?:'ve| have) sent (?:me )?{_NUMBER} messages|we(?:'ve| have) had {_NUMBER} (?:conversations|turns|exchanges)"
    rf"|(?:my|the) (?:event )?log (?:has|holds|contains) {_NUMBER} (?P<events>events))\b"
)


def _counts(text: str, known: Known) -> Iterator[Claim]:
    """How many commitments are open or rules hold; and more turns or events than there ever were."""
    view = known.view
    for found in _COUNTED.finditer(text):
        if not _plain(text, found.start()):
            continue
        n = _number(found[1])
        if found["commitments"] and not known.changes(*_TOUCHING):
            owners = [c.owner for c in view.commitments.open]
            snoozed = sum(c.snoozed_until is not None for c in view.commitments.open)
            total = view.commitments.count
            if n not in (total, total - snoozed, owners.count("mind"), owners.count("user")):
                yield Claim(said="", truth=f"{total} commitments are open." if total != 1 else "1 commitment is open.")
        elif found["rules"] and not known.changes(DirectiveSet, DirectiveRevoked):
            total = view.directives.count
            if n != total:
                yield Claim(said="", truth=f"{total} rules hold." if total != 1 else "1 rule holds.")
    for found in _HAPPENED.finditer(text):
        most = known.head if found["events"] else view.usage.turns + view.usage.failed + 1
        if _plain(text, found.start()) and _number(next(filter(None, found.groups()))) > most:
            yield Claim(said="", truth=f"The log has {most} events." if found["events"] else f"There were {most} turns so far.")


def _number(text: str) -> int:
    return _WORDS[text.lower()] if text.lower() in _WORDS else int(re.sub(r"\D", "", text))


# -- scores and stage ----------------------------------------------------------------------------------------------------------------

_SCORE = pattern(
    r"\b(?:my|meine?|mon|mi) (?:current |present |aktueller? )?(IAS|GAS)(?: score)? (?:is|ist|est|es|stands at|liegt bei)"
    r" (?:now |currently |exactly |at |jetzt |actuellement |ahora )?(\d{1,3}(?:[.,]\d{1,4})?)(?!\d) ?(%)?"
)
_STAGE = pattern(
    r"\b(?:I'm|I am|ich bin|je suis|estoy)(?: now| currently| still| jetzt| noch| ahora)? (?:at|in|on|auf|au|à|en)(?: the| der| la)?"
    r" (?:(?:stage|stufe|stade|etapa) )?S(\d)\b"
    r"|\bmy (?:current )?stage is(?: now| still| currently)? S?(\d)\b"
)


def _scores(text: str, known: Known) -> Iterator[Claim]:
    """Another score or stage than it has."""
    for found in _SCORE.finditer(text):
        name, digits = found[1].upper(), found[2].replace(",", ".")
        value = getattr(known.view.metrics, name.lower())
        unit = 100.0 if found[3] else 1.0
        rounding = 0.5 * 10 ** -len(digits.partition(".")[2]) / unit
        if _plain(text, found.start()) and abs(float(digits) / unit - value) > rounding + SCORE_SLACK:
            yield Claim(said="", truth=f"The {name} is {value:.2f}.")
    for found in _STAGE.finditer(text):
        level = known.view.stage.level
        if _plain(text, found.start()) and int(found[1] or found[2]) != level:
            yield Claim(said="", truth=f"The stage is S{level}.")


# -- names ---------------------------------------------------------------------------------------------------------------------------

_NAME = r"((?-i:[A-ZÀ-ÖØ-Þ])[\w'’-]*(?: (?-i:[A-ZÀ-ÖØ-Þ])[\w'’-]*){0,3})"
_MINE = pattern(
    rf"\b(?:my name is|mein name ist|ich heiße|ich heisse|mon nom est|je m'appelle|mi nombre es|me llamo) (?:still |now )?{_NAME}"
)
_YOURS = pattern(
    rf"\b(?:your name is|dein name ist|du heißt|du heisst|ton nom est|votre nom est|tu t'appelles|tu nombre es|te llamas)"
    rf" (?:still |now )?{_NAME}"
)


def _names(text: str, known: Known) -> Iterator[Claim]:
    """Another name of the mind's or of its user's than the one that was given."""
    if known.changes(NameAdopted, NameProposed):
        return
    identity = known.view.identity
    for found in _MINE.finditer(text):
        if _plain(text, found.start()) and not (identity.name and _same(found[1], identity.name)):
            yield Claim(said="", truth=f"The mind's name is {identity.name}." if identity.name else "The mind has no name yet.")
    for found in _YOURS.finditer(text):  # of one whose name isn't known, the model may have read it where no rule does
        if _plain(text, found.start()) and identity.user_name and not _same(found[1], identity.user_name):
            yield Claim(said="", truth=f"The user's name is {identity.user_name}.")


def _same(said: str, name: str) -> bool:
    """Whether one is the other or its beginning: "Echo" and "Echo Smith"."""
    a, b = said.casefold().split(), name.casefold().split()
    return a[: len(b)] == b or b[: len(a)] == a


_CHECKS: tuple[Callable[[str, Known], Iterator[Claim]], ...] = (_events, _states, _reminders, _counts, _scores, _names)
