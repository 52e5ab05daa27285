"""`pmm backup`: a whole copy, while the mind goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmm.cli.options import Db, examples

EXAMPLES = examples("pmm backup mind-today.db", "pmm backup /mnt/usb/echo.db --db echo.db && pmm verify --db /mnt/usb/echo.db")


def backup(
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="The new file; one that exists is never overwritten.")], db: Db = None
) -> None:
    """Write a whole copy of the mind to a new file. Others may go on using it meanwhile.

    A plain copy of a mind in use may lack its latest events, which can still be in the file beside it; this one doesn't.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    target = dest.expanduser()
    with looked_at(db) as mind:
        mind.backup(target)
    screen.say(f"{target}: {screen.size(target.stat().st_size)}")
