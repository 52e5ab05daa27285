"""Praise, and corrections of tone: what the user says of how the mind speaks. Explicit forms only, and at most one a message."""

from __future__ import annotations

from collections.abc import Iterable

from pmm.agent.extract.text import REPORTED, Clause, Sentence, pattern
from pmm.events import Event, TraitAdjusted
from pmm.projections.traits import SAID_STEP

_VERY = r"(?:so |really |very |just |truly |absolutely |incredibly |quite )*"
_THANKED = pattern(r"\b(?:thank you|thanks)\b")
_THAT = pattern(
    rf"(?:that|this|it)(?:'s| was| is| has been) {_VERY}(?:lovely|great|wonderful|brilliant|perfect|excellent|amazing|awesome|fantastic"
    r"|beautiful|kind|sweet|good|nice|helpful|useful|exactly what i needed)(?: of you| advice| answer| help| explanation| reply| idea)?$"
)
_HELPFUL = pattern(
    rf"that(?: was| is|'s) {_VERY}(?:(?:kind|sweet|nice|lovely|good) of you|helpful|useful|exactly what i needed|(?:a )?(?:great|lovely"
    r"|perfect|excellent) (?:answer|explanation|reply))$"
)
_WELL_DONE = pattern(
    r"(?:(?:very |really )?(?:good|great|nice|excellent|amazing|awesome|fantastic|brilliant) (?:job|work|answer|explanation|reply)|well"
    r" done)\b(?: on (?:that|this|it))?(?:,? (?:there|again|thanks?(?: you)?|buddy|mate))?[ .!…😀🙂😊👍❤️]*$"
)
_PRAISED = (
    _HELPFUL,
    pattern(
        rf"you(?:'re| are|'ve been| have been) {_VERY}(?:helpful|kind|lovely|sweet|wonderful|brilliant|amazing|awesome|great|the best|a"
        r" (?:great|big|huge) help)$"
    ),
    pattern(r"i (?:really )?(?:love|like|appreciate) (?:the way you|how you|your (?:tone|style|answers?|warmth|kindness|honesty|help))\b"),
    pattern(r"(?:das hast du )?(?:gut|toll|super) gemacht|bien joué|(?:bon|beau) travail|bien hecho|buen trabajo"),
)
_MANNERS = pattern(r",? (?:thank you|thanks|though|please)(?: so much| a lot)?$")
_TRAILING = " .!…😀🙂😊👍❤️"
_LIVELY = pattern(r"you(?:'re| are) (?:so |really |very |hilariously )*(?:funny|hilarious|witty|entertaining|fun)$")
_TOO = pattern(
    r"you(?:'re| are| were| sound| seem| come across as)(?: being| getting)?(?: a bit| a little| much| way| far| sometimes| often)* too"
    r" (?P<how>[a-z-]+)(?: (?:with me|for me|today|here|lately|sometimes))?$"
)
_TOO_ELSEWHERE = pattern(r"(?:du bist (?:mir )?(?:viel )?zu|tu es (?:beaucoup )?trop|eres demasiado) (?P<how>\w+)$")
_MOVES: dict[str, tuple[str, int]] = {
    word: (trait, sign)
    for trait, sign, words in (
        (
            "A",
            1,
            "formal cold blunt harsh rude curt distant stiff impersonal robotic strict brusque critical unfriendly mean förmlich kalt"
            " formelle froid fría frío",
        ),
        ("A", -1, "nice sweet flattering sycophantic polite sugary cloying gushing agreeable soft höflich gentil amable"),
        (
            "E",
            -1,
            "chatty loud wordy verbose talkative enthusiastic energetic excited exuberant hyper cheerful bubbly geschwätzig bavard"
            " hablador",
        ),
        ("E", 1, "quiet reserved dry boring terse laconic withdrawn flat still silencieux callado"),
    )
    for word in words.split()
}


def find_tone(said: Iterable[Clause], typed: Iterable[Sentence]) -> list[Event]:
    """The move of a trait that a message asks for. Whoever appends it puts the message in as its evidence."""
    # "Good job" and "well done" whole: as clauses they would have lost a greeting.
    moves = ["A" for sentence in typed if not sentence.question and _WELL_DONE.match(sentence.text)]
    for clause in said:
        if clause.question or (clause.before and REPORTED.search(clause.before)):
            continue
        text = _MANNERS.sub("", clause.text.rstrip(_TRAILING))
        m = _TOO.match(text) or _TOO_ELSEWHERE.match(text)
        if m and m["how"].lower() in _MOVES:
            trait, sign = _MOVES[m["how"].lower()]
            return [TraitAdjusted(trait=trait, delta=sign * SAID_STEP, cause="corrected", evidence=0)]  # type: ignore[arg-type]
        if _LIVELY.match(text):
            moves.append("E")
        elif (_THANKED.search(clause.sentence.text) and _THAT.match(text)) or any(expression.match(text) for expression in _PRAISED):
            moves.append("A")
    return [TraitAdjusted(trait=trait, delta=SAID_STEP, cause="praised", evidence=0) for trait in moves[:1]]  # type: ignore[arg-type]
