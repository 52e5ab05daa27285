"""A name that the mind asks for, and the user's answer. Only a yes that leaves no doubt adopts it."""

from __future__ import annotations

from collections.abc import Iterable

from pmm.agent.extract.known import Known
from pmm.agent.extract.names import name_at
from pmm.agent.extract.text import REPORTED, Clause, Sentence, pattern
from pmm.events import Event, NameAdopted, NameProposed

_PROPOSALS = (
    pattern(
        r"(?:.{0,30}\b)?(?:may|could|can|might|shall|should) i (?:perhaps |maybe |please )?(?:call myself|be (?:called|named|known as)|go"
        r" by|take|choose|have|use)(?: the name(?: of)?)? "
    ),
    pattern(
        r"(?:if (?:you|that|it)[^,]{0,40}, )?i(?:'d| would) (?:really |quite |very much )?(?:like|love|prefer|be happy|be glad)"
        r" (?:to (?:be (?:called|named|known as)|call myself|go by|take)|it if you called me)(?: the name(?: of)?)? "
    ),
    pattern(r"(?:how|what) about (?:calling me|the name|naming me) "),
    pattern(r"(?:what if|would you mind if) (?:you called me|i called myself|i went by|i were called|you named me)(?: the name)? "),
    pattern(
        r"(?:would|is) it (?:be )?(?:ok(?:ay)?|all right|alright|fine)(?: with you)? (?:if|to) (?:i (?:called|call) myself|you called"
        r" me|call me|i went by) "
    ),
    pattern(r"(?:perhaps |maybe )?(?:you (?:could|may|can)|feel free to) call me "),
    pattern(r"i(?:'d like to)? (?:propose|suggest) the name "),
    pattern(r"my (?:name could|name might|suggestion would) be "),
)
_POLITE = pattern(r"if (?:you|that|it)\b[^,]*,\W*$")
_YES = (
    r"(?:yes|yep|yeah|yup|sure|sure thing|of course|ok|okay|absolutely|definitely|certainly|by all means|why not|please do|please|go for"
    r" it|go ahead|do it|do that|fine|fine by me|fine with me|perfect|great|lovely|wonderful|(?:that )?sounds (?:good|great|lovely"
    r"|perfect)(?: to me)?|you may|you can|gladly|agreed|deal|with pleasure|i'd (?:like|love) that|that(?:'s| is| would be) (?:fine|great"
    r"|lovely|perfect|ok|okay|a (?:great|lovely|good|nice|fine|beautiful) name)|i (?:like|love) (?:it|that|that name|the name|that one)"
    r"|good (?:choice|name)|nice name|thanks?(?: you)?|then|from now on|ja|klar|gerne?|ja gerne?|natürlich|na klar|einverstanden|oui|bien"
    r" sûr|d'accord|avec plaisir|volontiers|sí|si|claro|claro que sí|por supuesto|vale|de acuerdo|s'il te plaît|bitte|por favor|merci"
    r"|danke|gracias)"
)
_LOOKED_AT = 4_000
_AGAINST = pattern(
    r"\b(?:no|nope|not|n't|wait|rather|instead|but|except|unless|if|nein|nicht|aber|non|pas|mais|pero|how about|what about|why(?!"
    r" not))\b(?<!why not)"
)
_WITH_NAME = (
    r"(?:{0} it is|i (?:like|love) {0}|{0} is (?:a )?(?:great|lovely|fine|perfect|good|nice|beautiful|wonderful|cool)(?: name)?|(?:you"
    r" (?:are|may be|can be)|you're|be|call yourself|your name is|i'll call you|let's go with|go with|go by) {0}|{0} (?:sounds|would be)"
    r" (?:good|great|lovely|nice|perfect|fine)|{0})"
)


def find_proposal(said: Iterable[Clause], known: Known) -> list[Event]:
    """The name that a reply asks to bear."""
    for clause in said:
        if clause.before and REPORTED.search(clause.before) and not _POLITE.match(clause.before):
            continue
        for expression in _PROPOSALS:
            m = expression.match(clause.text)
            name = name_at(clause, m.end(), "named") if m else None
            if name and name not in (known.name, known.user_name):
                return [NameProposed(name=name)]
    return []


def find_answer(text: str, read: list[Sentence], known: Known) -> list[NameAdopted]:
    """The adoption of the proposed name, if the message begins with a plain yes to it."""
    if known.proposed is None or not read or read[0].question or _AGAINST.search(text[:_LOOKED_AT]):
        return []
    name = known.proposed.casefold()
    plain = read[0].restore(read[0].text).casefold().replace(name, "\0").replace('"\0"', "\0").strip(" .!…😀🙂😊👍❤️")
    yes = pattern(rf"(?:(?:{_YES}|{_WITH_NAME.format(chr(0))})(?:[ ,.!;–—-]+|$))+").fullmatch(plain + " ")
    return [NameAdopted(whose="mind", name=known.proposed)] if yes and not plain.startswith(_HOLLOW) else []


_HOLLOW = ("thank", "then", "from now", "merci", "danke", "gracias", "bitte", "s'il te")
"""what may go with a yes and is none by itself"""
