"""What reaches the terminal. Text from the log came from elsewhere: everything that prints it goes through `safe` or `to_json`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

BRIEF_CHARS = 300
"""of a text that is shown on one line"""

NO_LIMIT = 100_000
"""columns of what is no terminal"""

_BEYOND_JSON = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    """The text without anything a terminal would obey. Piece by piece gives the same as the whole, line ends aside."""
    from pmm.runtime.plain import safe as plain

    return plain(text)


def one_line(text: str, limit: int = BRIEF_CHARS) -> str:
    """The text on one line, safe, cut to about `limit` characters."""
    line = " ".join(safe(text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """JSON of builtins, structs, dates and paths. Readable in any language, and nothing in it can steer a terminal."""
    import json

    import msgspec

    text = json.dumps(msgspec.to_builtins(value, enc_hook=str), ensure_ascii=False, indent=indent)
    return _BEYOND_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


# -- writing -----------------------------------------------------------------------------------------------------------------------


def say(text: str = "", *, end: str = "\n") -> None:
    """Write to stdout at once."""
    print(text, end=end, flush=True)


def note(text: str) -> None:
    """A word beside the output, on stderr."""
    print(text, file=sys.stderr, flush=True)


def error(message: str, hint: str = "") -> None:
    """One line that says what went wrong; one more that says what to do."""
    note(f"error: {one_line(message, 1000)}")
    if hint:
        note(f"hint: {one_line(hint, 1000)}")


def is_terminal(stream: IO[str]) -> bool:
    """Whether somebody watches who can be shown more than plain lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def styled(text: str, *codes: int) -> str:
    """The text for stdout in a style (ANSI codes: 1 bold, 2 dim ...), plain where colours are not wanted."""
    if os.environ.get("NO_COLOR") or not is_terminal(sys.stdout):
        return text
    return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m"


def dim(text: str) -> str:
    """What matters less."""
    return styled(text, 2)


def bold(text: str) -> str:
    """What the eye should find."""
    return styled(text, 1)


def columns() -> int:
    """How wide a line of stdout may be; no limit where it isn't a terminal."""
    import shutil

    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else NO_LIMIT


def cells(text: str) -> int:
    """How many places the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def fit(text: str, width: int) -> str:
    """The text, cut to `width` places."""
    if cells(text) <= width:
        return text
    kept = 0
    for at, char in enumerate(text):
        kept += cells(char)
        if kept > width - 1:
            return text[:at] + "…"
    return text


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under headings. The last one is cut to the terminal's width; where there is no terminal, nothing is."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(cells(row[n]) for row in [list(headings), *shown]) for n in range(len(headings) - 1)]
    say(bold(_row(headings, widths)))
    for row in shown:
        say(_row(row, widths))


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    line = "".join(cell + " " * (width - cells(cell) + 2) for cell, width in zip(row, widths, strict=False)) + row[-1]
    return fit(line, columns()).rstrip()


def fields(told: Iterable[tuple[str, Any]], width: int = 14) -> None:
    """Names and values, a line each, the values in a column. What is empty or not so is left out."""
    for name, value in told:
        if value not in (None, "", ()) and value is not False:
            say(f"  {name:<{width}} {one_line(value.isoformat() if hasattr(value, 'isoformat') else str(value))}")


def bar(share: float, places: int) -> str:
    """0 to 1 as a little bar of so many places."""
    full, rest = divmod(round(max(0.0, min(1.0, share)) * places * 8), 8)
    return f"{'█' * full}{' ▏▎▍▌▋▊▉'[rest] if rest else ''}".ljust(places, "·")


def stamp(moment: datetime, zone: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """When it was, by the clocks of a zone."""
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo(zone)).strftime(form)


def sparkline(values: Sequence[float], most: float | None = None) -> str:
    """A row of little columns, from 0 to `most` (else to the greatest of them)."""
    top = max(values, default=0.0) if most is None else most
    return "".join("▁▁▂▃▄▅▆▇█"[round(max(0.0, min(1.0, value / top)) * 8)] if top else "▁" for value in values)


def size(count: int) -> str:
    """Bytes as a person says them."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def number(count: int, noun: str) -> str:
    """ "1 event", "1,200 events"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


class Waiting:
    """A dim "..." on a terminal until the first word comes. ended: whether it came."""

    def __init__(self) -> None:
        self.ended = False
        self._drawn = is_terminal(sys.stdout)

    def over(self) -> None:
        """The first word is here (or none will be)."""
        if self._drawn:
            say("\r\x1b[K", end="")
            self._drawn = False
        self.ended = True

    def __enter__(self) -> Waiting:
        if self._drawn:
            say(dim("..."), end="")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.over()


class Bar:
    """A progress bar on stderr that appears with the first report, and only on a terminal. Call it with (done, of)."""

    def __init__(self, label: str, *, bytes: bool = False) -> None:
        self._label = label
        self._bytes = bytes
        self._progress: Any = None
        self._task: Any = None

    def __call__(self, done: int, of: int | None = None) -> None:
        if not is_terminal(sys.stderr):
            return
        if self._progress is None:
            self._start()
        self._progress.update(self._task, completed=done, total=of)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        amount = DownloadColumn() if self._bytes else MofNCompleteColumn()
        parts = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
        self._progress = Progress(*parts, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(self._label, total=None)
        self._progress.start()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()
