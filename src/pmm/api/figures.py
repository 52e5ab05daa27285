"""Figures for Prometheus, in its text form: those of the server, and those of every mind that is open, told apart by a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmm.api.minds import Hosted, Minds


class Figures:
    """Counts what is answered, and asks the minds for theirs."""

    def __init__(self, minds: Minds) -> None:
        self._minds = minds
        self._answered: Counter[int] = Counter()

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Counts every answer of the application."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._answered[message["status"]] += 1
                await send(message)

            await app(scope, receive, told if scope["type"] == "http" else send)

        return counted

    def text(self) -> str:
        """All of them."""
        minds = self._minds.opened()
        families = together({hosted.name: hosted.mind.prometheus() for hosted in minds})
        return "".join(f"{line}\n" for line in (*self._lines(minds), *families))

    def _lines(self, minds: list[Hosted]) -> Iterator[str]:
        yield "# HELP pmm_http_responses_total Answers by status."
        yield "# TYPE pmm_http_responses_total counter"
        for status, count in sorted(self._answered.items()):
            yield f'pmm_http_responses_total{{status="{status}"}} {count}'
        for name, says, figure in _FIGURES:
            yield f"# HELP {name} {says}"
            yield f"# TYPE {name} gauge"
            for hosted in minds:
                yield f'{name}{{mind="{hosted.name}"}} {figure(hosted)}'


_FIGURES: tuple[tuple[str, str, Callable[[Hosted], int]], ...] = (
    ("pmm_turns_waiting", "Turns in line.", lambda hosted: len(hosted.turns)),
    ("pmm_turns_speaking", "Turns that are spoken now.", lambda hosted: int(hosted.turns.now is not None)),
    ("pmm_listeners", "Open streams of events.", lambda hosted: hosted.feed.listeners),
)


def together(texts: dict[str, str]) -> Iterator[str]:
    """Several expositions as one: each family once, and every sample with the label of the mind whose it is."""
    families: dict[str, list[str]] = {}
    for mind, text in texts.items():
        family: list[str] = []
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = families.setdefault(line.split()[2], [])
            if line.startswith("#"):
                family += [line] if line not in family else []
            elif line:
                name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
                family.append(f'{name}{{mind="{mind}",{rest}' if "{" in line else f'{name}{{mind="{mind}"}} {rest}')
    for family in families.values():
        yield from family
