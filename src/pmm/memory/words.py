"""From text to the words it is found by: the index, the counts and the query all go through `Words.of`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import apsw

from pmm.memory import kinds
from pmm.storage.door import Door

QUESTION_WORDS = frozenset(
    """what when where which who whom whose why how did do does is are was were be am been being can could would should will shall may might
    must have has had having""".split()
)
"""say that something is asked"""

WEAK_WORDS = frozenset(
    """done doing tell told know remember say said says much many long often kind type ever please think any some there about give me list
    describe name conversation discuss mention throughout across different various aspect order bring summary summarize comprehensive
    provide walk specific particular something someone thing lot item help suggest recommend""".split()
)
"""say how something is asked rather than what about: they count for little"""

FUNCTION_WORDS = frozenset(
    """a an the of to and or but if in on at by for with from as into than then so not no nor it its this that these those i me my mine
    myself you your yours yourself he him his she her hers they them their theirs we us our ours s t re ve ll d m""".split()
)
"""not indexed: they are in nearly every message and find nothing"""

_IRREGULAR = """be was were been; begin began begun; bring brought; build built; buy bought; catch caught; choose chose chosen;
come came; cost cost; draw drew drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feel felt; find found;
fly flew flown; forget forgot forgotten; get got gotten; give gave given; go went gone; grow grew grown; hear heard; hold held;
keep kept; know knew known; lead led; leave left; lend lent; lose lost; make made; meet met; pay paid; read read; ride rode ridden;
run ran; say said; see saw seen; sell sold; send sent; sing sang sung; sit sat; sleep slept; speak spoke spoken; spend spent;
stand stood; swim swam swum; take took taken; teach taught; tell told; think thought; throw threw thrown; understand understood;
wear wore worn; win won; write wrote written; child children; foot feet; man men; mouse mice; person people; tooth teeth; woman women"""

_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
TEXT_MAX = 100_000
"""characters of one text that are indexed; the rest of a longer one is stored, and found by what comes before"""


class Words:
    """Stemmed words of a text, lower case and without accents; irregular verbs and plurals as their base form.

    Chinese, Japanese and Korean text has no spaces to split at: each character is a word.
    """

    def __init__(self, door: Door) -> None:
        self._tokenize: Callable[..., list[str]] = door.tokenizer("porter", ["unicode61", "remove_diacritics", "2"])
        self.function_words = frozenset(stem for word in FUNCTION_WORDS for stem in self._stems(word))
        self._base: dict[str, str] = {}
        for line in _IRREGULAR.split(";"):
            base, *forms = (self._stems(word)[0] for word in line.split())
            self._base.update({form: base for form in forms if form != base and form not in self.function_words})
        self.question_words = self.function_words | {stem for word in QUESTION_WORDS for stem in self.all(word)}
        self.weak_words = frozenset(stem for word in WEAK_WORDS for stem in self.all(word)) - self.question_words

    def _stems(self, text: str) -> list[str]:
        data = text.encode("utf-8", "replace")
        return self._tokenize(data, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)

    def all(self, text: str) -> list[str]:
        """Every word of the text, in order, function words too."""
        text = text[:TEXT_MAX].replace(" ate ", " eat ")  # the stem of "ate" is that of "at"
        if not text.isascii():
            text = _CJK.sub(" \\g<0> ", text)
        base = self._base
        return [base.get(stem, stem) for stem in self._stems(text)]

    def of(self, text: str) -> list[str]:
        """The words a text is found by, in order."""
        skip = self.function_words
        return [word for word in self.all(text) if word not in skip]

    def asked(self, text: str) -> list[str]:
        """The different words of a query that say what it is about; all of its words if none does."""
        words = list(dict.fromkeys(self.all(text)))
        skip = self.question_words
        return [word for word in words if word not in skip] or [word for word in words if word not in self.function_words]

    @cached_property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """The word for a kind of thing -> words for things of that kind."""
        found: dict[str, tuple[str, ...]] = {}
        for kind, things in kinds.table().items():
            (stem,) = self.all(kind)
            found[stem] = tuple(dict.fromkeys((*found.get(stem, ()), *(self.all(thing)[0] for thing in things))))
        return found
