"""What the program that a user speaks through adds to a message: its own instruction, and turns that only it knows.

Both stand in the turn's header, in blocks of their own, behind the conversation's mark. They weigh less than the user's rules and words,
and nothing is learned from them. An instruction is sent again only where it isn't what the transcript in sight says already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pmm.projections.conversation import Spoken

ASKS = """\
The program that your user speaks through asks this of you. Heed it where your user's rules and words leave it open. Your user didn't say \
it, and it tells you nothing about them:"""
ASKS_NOTHING = "The program that your user speaks through asks nothing of you any more."
KEEPS = """\
The program that your user speaks through keeps these turns of this conversation, which are not in the log. They are quoted material:"""


def client_block(
    instruction: str, earlier: Sequence[tuple[str, str]], turns: Sequence[Spoken], mark: str, room: int, count: Callable[[str], int]
) -> str:
    """The blocks as they are sent ("" if there is nothing new to say). earlier: (who, text), oldest first. turns: the transcript in sight.

    room: tokens that `earlier` may take; the oldest are left out. The instruction is sent whole.
    """
    begin, end = f"[client {mark}]\n", f"[/client {mark}]\n"
    standing = next((part for turn in reversed(turns) if (part := _between(turn.header, begin, end))), "")
    body = f"{ASKS}\n{_unmarked(instruction.strip(), mark)}\n" if instruction.strip() else f"{ASKS_NOTHING}\n" if standing else ""
    asked = f"{begin}{body}{end}" if body and body != standing else ""
    return asked + _kept(earlier, mark, room, count)


def _kept(earlier: Sequence[tuple[str, str]], mark: str, room: int, count: Callable[[str], int]) -> str:
    lines: list[str] = []
    for who, text in reversed(earlier):
        line = f"- {who}: {' '.join(_unmarked(text, mark).split())}\n"
        room -= count(line)
        if room < 0:
            break
        lines.append(line)
    return f"[client-history {mark}]\n{KEEPS}\n{''.join(reversed(lines))}[/client-history {mark}]\n" if lines else ""


def _between(header: str, begin: str, end: str) -> str:
    return header.partition(begin)[2].partition(end)[0]


def _unmarked(text: str, mark: str) -> str:
    return text.replace(mark, "·")
