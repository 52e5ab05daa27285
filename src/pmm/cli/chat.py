"""`pmm chat`: a conversation at the terminal, or read line by line from a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pmm.cli.options import Db, ModelName, Session, examples

if TYPE_CHECKING:
    from pmm.config import Settings
    from pmm.runtime.mind import Mind
    from pmm.runtime.turn import Reply

EXAMPLES = examples(
    "pmm chat",
    "pmm chat --db echo.db --model ollama:llama3.2",
    "printf 'I live in Lyon.\\nWhere do I live?\\n' | pmm chat",
)


def chat(db: Db = None, model: ModelName = None, session: Session = "main") -> None:
    """Talk with the mind. It is created if it is new, and remembers when you come back.

    Type /help there for what else can be typed. Ctrl-C stops a reply, and at an empty line it leaves; Esc Enter begins a new line.
    Without a terminal, each line that comes in is one message.
    """
    from pmm.cli.minds import mind_path, open_mind, settings_for
    from pmm.runtime.models import choose

    settings, path = settings_for(model), mind_path(db)
    choice = choose(settings)
    chosen = settings_for(choice.name)
    with Chat(lambda named: open_mind(db, named), chosen, path, session) as talk:
        talk.welcome(choice.why, choice.how_to_change)
        interactive = sys.stdin.isatty() and sys.stdout.isatty()
        if interactive:
            from pmm.cli.prompt import typed

            lines = typed(talk.meanwhile)
        else:
            lines = _piped()
        for line in lines:
            if not talk.take(line):
                break
            if talk.stopped and not interactive:
                raise typer.Exit(130)
            if not interactive:
                talk.meanwhile.show()
    if talk.failed and not interactive:
        raise typer.Exit(1)


def _piped() -> Iterator[str]:
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")


class Chat:
    """One conversation: takes lines, prints replies. failed: whether any turn failed. stopped: whether the last one was, by Ctrl-C.

    meanwhile: what the mind does by itself, to be shown between turns.
    """

    def __init__(self, opener: Callable[[Settings], Mind], settings: Settings, path: Path, session: str) -> None:
        from pmm.cli.meanwhile import Meanwhile

        self.meanwhile = Meanwhile()
        self.failed = False
        self.stopped = False
        self._over = False
        self._open = opener
        self._settings = settings
        self._path = path
        self._session = session
        self._last: Reply | None = None
        self._noticed: tuple[str, ...] = ()
        self._mind = opener(settings)
        self._listen()

    def _listen(self) -> None:
        """From now on the mind does by itself what is due, and that is heard."""
        mind = self._mind
        mind.start_loop(lambda event: self.meanwhile.hear(mind, event))

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *exc: object) -> None:
        self._mind.close()

    def welcome(self, why: str, how_to_change: str) -> None:
        """Which mind, which model, why that one, and how to change it."""
        from pmm.cli.screen import bold, dim, number, one_line, say

        view = self._mind.view()
        who = one_line(view.identity.name or "A mind without a name", 60) if view.head > 1 else "A new mind"
        size = f", {number(view.head, 'event')}" if view.head > 1 else ""
        say(f"{bold(who)} {dim(f'in {one_line(str(self._path), 500)}{size}')}")
        say(f"{bold('Model')} {one_line(self._settings.model)}: {dim(one_line(why + '. ' + how_to_change, 500))}")
        if self._settings.model == "offline":
            say(dim("No language model speaks here: it keeps what you tell it, and answers from that alone."))
        say(dim("/help shows what you can type. Ctrl-C stops a reply; Ctrl-D leaves."))
        say()

    def take(self, line: str) -> bool:
        """Deal with one line. False: it was a goodbye."""
        from pmm.cli import screen
        from pmm.errors import PMMError

        self.stopped = False
        if not line.strip():
            return True
        try:
            if _COMMAND.match(line):
                self._command(line)
            else:
                self._speak(line)
        except PMMError as error:
            self.failed = True
            screen.error(error.message, error.hint)
        except KeyboardInterrupt:
            # While waiting for another chat's turn, or when one Ctrl-C was not enough: back to the prompt all the same.
            self.stopped = True
            screen.say(screen.dim("(stopped)"))
        if not self._over:
            screen.say()
        return not self._over

    def _speak(self, text: str, *, record: bool = True) -> None:
        from pmm.cli import screen
        from pmm.cli.speaking import Wrapped, speak

        wrapped = Wrapped(screen.columns())
        with screen.Waiting() as waiting:

            def show(piece: str) -> None:
                waiting.over()
                screen.say(wrapped(screen.safe(piece)), end="")

            try:
                spoken = speak(self._mind, text, show, session=self._session, record=record)
            finally:
                if waiting.ended:
                    screen.say()
        self.stopped = spoken.stopped
        if spoken.reply is not None:
            self._last = spoken.reply
            for claim in spoken.reply.contradicted:
                screen.say(screen.dim(f"(not so: {screen.one_line(claim.truth)})"))
        self._notice()
        if spoken.stopped:
            screen.say(screen.dim("(stopped)" if not record else "(stopped; your message and what was shown are kept)"))

    def _notice(self) -> None:
        """Show once what there is to know of the model."""
        from pmm.cli import screen

        notices = self._mind.model.notices
        for notice in notices:
            if notice not in self._noticed:
                screen.say(screen.dim(f"({screen.one_line(notice, 500)})"))
        self._noticed = notices

    # -- what can be typed besides messages ----------------------------------------------------------------------------------------

    def _command(self, line: str) -> None:
        from difflib import get_close_matches

        from pmm.cli.screen import one_line, say

        word, _, rest = line[1:].strip().partition(" ")
        name = ALIASES.get(word, word)
        if name in COMMANDS:
            COMMANDS[name][1](self, rest.strip())
        else:
            close = get_close_matches(word, COMMANDS, 1)
            meant = f"Did you mean /{close[0]}?" if close else "/help shows what there is."
            say(f"There is no /{one_line(word, 40)}. {meant} To send it as a message, begin with a space.")

    def _help(self, rest: str) -> None:
        from pmm.cli.screen import bold, say

        for name, (told, _) in COMMANDS.items():
            what, _, why = told.partition(": ")
            say(f"  {bold(f'/{name} {what}'.strip()):<18} {why}")

    def _model(self, rest: str) -> None:
        from pmm.cli.minds import settings_for
        from pmm.cli.screen import one_line, say
        from pmm.runtime.models import choose

        if not rest:
            say(f"{one_line(self._settings.model)} speaks. /model NAME switches for this chat; `pmm models` lists what is here.")
            return
        choice = choose(settings_for(rest))
        settings = settings_for(choice.name)
        mind = self._open(settings)  # before the old one is closed: a name that can't be used changes nothing
        self._mind.close()
        self._mind, self._settings = mind, settings
        self._listen()
        say(f"From now on {one_line(choice.name)} speaks.")

    def _status(self, rest: str) -> None:
        from pmm.cli.status import show

        show(self._mind, self._settings, self._path)

    def _commitments(self, rest: str) -> None:
        from pmm.cli.commitments import show_open

        show_open(self._mind)

    def _done(self, rest: str) -> None:
        from pmm.cli.commitments import number, tell
        from pmm.cli.screen import say

        if not rest:
            say("Which one is done? /done CID (/commitments lists them)")
            return
        self._mind.close_commitment(number(rest), "kept")
        tell(self._mind, number(rest))

    def _snooze(self, rest: str) -> None:
        from pmm.cli.commitments import moment, number, tell
        from pmm.cli.screen import say

        cid, _, until = rest.partition(" ")
        if not until:
            say("Which one, and until when? /snooze CID UNTIL, such as /snooze 12 2h or /snooze 12 2026-03-06")
            return
        self._mind.snooze_commitment(number(cid), moment(self._mind, until))
        tell(self._mind, number(cid))

    def _directives(self, rest: str) -> None:
        from pmm.cli.directives import show

        show(self._mind)

    def _facts(self, rest: str) -> None:
        from pmm.cli.facts import show

        show(self._mind)

    def _reflections(self, rest: str) -> None:
        from pmm.cli.reflections import show

        show(self._mind)

    def _mind_page(self, rest: str) -> None:
        from pmm.cli.mind import show

        show(self._mind)

    def _why(self, rest: str) -> None:
        from pmm.cli.recall import reasons
        from pmm.cli.screen import bold, dim, one_line, say

        if self._last is None or not self._last.sources:
            say("Nothing has been said yet." if self._last is None else "The last reply used nothing that was recalled.")
            return
        for source in self._last.sources:
            event = self._mind.log.get(source.id)
            said = one_line(event.content, 160) if event is not None else ""
            place = dim(f" ({one_line(source.ref, 60)})") if source.ref else ""
            say(f"  {bold(f'#{source.id}')}{place} {said}")
            say(f"     {dim(reasons(source.score, source.why))}")

    def _trace(self, rest: str) -> None:
        from pmm.cli.screen import say
        from pmm.cli.trace import lines

        latest = self._mind.traces(1, session=self._session)
        if not latest:
            say("No turn has left a trace here yet.")
        for found in latest:
            for line in lines(self._mind, self._mind.trace(found.id)):
                say(line)

    def _recall(self, rest: str) -> None:
        from pmm.cli.recall import show
        from pmm.cli.screen import say

        if rest:
            show(self._mind, rest, 5)
        else:
            say("What should be recalled? /recall TEXT")

    def _undo(self, rest: str) -> None:
        from pmm.cli.undo import show

        show(self._mind, self._mind.undo(self._session))

    def _zone(self, rest: str) -> None:
        from pmm.cli.zone import show

        if rest:
            self._mind.set_zone(rest)
        show(self._mind)

    def _events(self, rest: str) -> None:
        from pmm.cli.commitments import number
        from pmm.cli.events import show_latest

        show_latest(self._mind, min(number(rest), 1000) if rest else 10)

    def _private(self, rest: str) -> None:
        from pmm.cli.screen import say

        if rest:
            self._speak(rest, record=False)
        else:
            say("/private TEXT: answered, and neither is recorded.")

    def _quit(self, rest: str) -> None:
        self._over = True


COMMANDS: dict[str, tuple[str, Callable[[Chat, str], None]]] = {
    "help": (": what you can type", Chat._help),
    "model": ("[NAME]: what speaks; with a name, switch for this chat", Chat._model),
    "status": (": the mind at a glance", Chat._status),
    "commitments": (": what is owed, by whom, until when", Chat._commitments),
    "done": ("CID: that commitment is kept", Chat._done),
    "snooze": ("CID UNTIL: put it off, until 2h, 3d, tomorrow, 2026-03-06 ...", Chat._snooze),
    "directives": (": your standing rules", Chat._directives),
    "facts": (": what it knows about you and your world", Chat._facts),
    "reflections": (": what it has observed about itself", Chat._reflections),
    "mind": (": who it is: traits, scores, stage, and what it may do", Chat._mind_page),
    "why": (": what the last reply drew on, with each signal's share", Chat._why),
    "trace": (": what the last turn looked at, what it left out, and how long it took", Chat._trace),
    "recall": ("TEXT: what it remembers about something", Chat._recall),
    "undo": (": take back what your last message asserted; the messages stay in the log", Chat._undo),
    "zone": ("[NAME]: the time zone you live in; with a name such as Europe/Lisbon, change it", Chat._zone),
    "events": ("[N]: the last things that happened, 10 if not said", Chat._events),
    "private": ("TEXT: say it without any record", Chat._private),
    "quit": (": leave (so does Ctrl-D)", Chat._quit),
}
ALIASES = {"exit": "quit", "metrics": "mind", "q": "quit", "h": "help", "?": "help"}

_COMMAND = re.compile(r"/[a-z?]*(?=\s|$)", re.IGNORECASE)
"""not a path such as /etc/hosts"""
