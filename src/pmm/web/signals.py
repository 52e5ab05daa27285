"""Why something was recalled, as a person says it: each signal, and its share of what spoke for it."""

from __future__ import annotations

from pmm.web.parts import share_bar, tag, text

SIGNALS = {
    "words": "words",
    "passage": "words around it",
    "beside": "words nearby",
    "sitting": "same conversation",
    "kinds": "kind of thing",
    "opening": "news at the start",
    "meaning": "meaning",
    "who": "you said it",
    "role": "own words",
    "name": "a name",
    "number": "a number",
    "rule": "a rule",
    "date": "the date",
    "recent": "recent",
    "fact": "known fact",
}
"""what recall heeds -> how it is said"""
SHARES_MAX = 4


def shares_of(why: dict[str, float]) -> list[tuple[str, float]]:
    """Each signal's share of what spoke for it, the largest first; the small ones together."""
    speaks = sorted(((SIGNALS.get(name, name), part) for name, part in why.items() if part > 0), key=lambda one: -one[1])
    total = sum(part for _, part in speaks) or 1.0
    first = [(label, part / total) for label, part in speaks[: SHARES_MAX - (len(speaks) > SHARES_MAX)]]
    rest = 1.0 - sum(share for _, share in first)
    return [*first, ("other", rest)] if len(first) < len(speaks) else first


def share_line(why: dict[str, float]) -> None:
    """The shares, as a bar and in words."""
    parts = shares_of(why)
    with tag("div", "shares"):
        share_bar([(label, share, f"share-{n}") for n, (label, share) in enumerate(parts, 1)], 1.0)
        text("span", ", ".join(f"{label} {share:.0%}" for label, share in parts), "muted small")
