"""`pmm ask`: one turn, for people in a hurry and for scripts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, ModelName, Session, examples

if TYPE_CHECKING:
    from pmm.runtime.turn import Reply

EXAMPLES = examples(
    'pmm ask "My sister Ana lives in Porto."',
    'pmm ask "Where does Ana live?" --json',
    "git diff | pmm ask - --model openai:gpt-4o-mini --private",
)


def ask(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", show_default=False, help="What to say; - or nothing reads stdin.")] = None,
    db: Db = None,
    model: ModelName = None,
    session: Session = "main",
    private: Annotated[bool, typer.Option("--private", help="Answer, and record neither the message nor the reply.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", show_default=False, help="Sent again with the same key, it is said only once.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say one thing and print the reply as it comes.

    The mind is created if it is new. Ctrl-C stops the reply; the message and what was shown of the reply are kept.
    """
    from pmm.cli import screen
    from pmm.cli.minds import open_mind, settings_for
    from pmm.cli.speaking import Wrapped, speak

    wrapped = Wrapped(screen.columns())
    message = _message(text)
    shown = False

    def show(piece: str) -> None:
        nonlocal shown
        if not as_json:
            screen.say(wrapped(screen.safe(piece)), end="")
            shown = True

    with open_mind(db, settings_for(model)) as mind:
        try:
            spoken = speak(mind, message, show, session=session, key=key, record=not private)
        finally:
            if shown:
                screen.say()
    if as_json and spoken.reply is not None:
        screen.say(screen.to_json(as_dict(spoken.reply)))
    if spoken.stopped:
        kept = "nothing was recorded" if private else "your message and what was shown are kept"
        screen.note(f"stopped; {kept}.")
        raise typer.Exit(130)


def as_dict(reply: Reply) -> dict[str, Any]:
    """What --json prints of a reply."""
    usage, timing = reply.usage, reply.timing
    return {
        "reply": reply.text,
        "route": reply.route,
        "model": reply.model,
        "finish": reply.finish,
        "user_event": reply.user_event,
        "reply_event": reply.reply_event,
        "sources": [{"id": s.id, "ref": s.ref, "why": s.why, "score": s.score} for s in reply.sources],
        "usage": {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion},
        "timing": {"first_token_ms": timing.first_token_ms, "total_ms": timing.total_ms},
    }


def _message(text: str | None) -> str:
    if text is not None and text != "-":
        return text
    if text is None and sys.stdin.isatty():
        raise typer.BadParameter("there is nothing to say. Write it after `pmm ask`, in quotes, or pipe it in.")
    from pmm.errors import InvalidInput

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput("what was piped in is not UTF-8 text.", hint="Convert it first, with iconv for example.") from None
