"""Which model a mind would speak with, for whoever shows or chooses it."""

from __future__ import annotations

from pmm.config import Settings
from pmm.llm.selection import Choice, ModelRow, choose, list_models

__all__ = ["Choice", "ModelRow", "choose", "expected", "list_models"]


def expected(settings: Settings, last: str | None) -> str:
    """The model's name as far as it can be told without asking any server. last: the one last spoken with.

    With "auto" and no API key it is the one that spoke last, else "auto": only looking for servers would tell.
    """
    if settings.model not in ("auto", ""):
        return settings.model
    if settings.openai_api_key:
        return f"openai:{settings.openai_model}"
    known = last is not None and last.partition(":")[0] in ("offline", "openai", "ollama")
    return last if known and last is not None else "auto"
