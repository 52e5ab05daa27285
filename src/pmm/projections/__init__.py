"""What the mind is: pure folds over events, one file each. They know events; they do no I/O and read no clock.

Every module here that defines `PROJECTION` takes part.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pmm.projections.projection import Projection


def all_projections() -> tuple[Projection[Any], ...]:
    """One of each, in order of their names."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return tuple(sorted((m.PROJECTION() for m in modules if hasattr(m, "PROJECTION")), key=lambda p: p.name))
