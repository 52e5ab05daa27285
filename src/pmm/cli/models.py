"""`pmm models`: what can be spoken with here."""

from __future__ import annotations

from pmm.cli.options import AsJson, examples

EXAMPLES = examples("pmm models", "pmm chat --model ollama:llama3.2", "OPENAI_BASE_URL=http://127.0.0.1:8080/v1 pmm models --json")


def models(as_json: AsJson = False) -> None:
    """List the models that can be used here.

    Those of reachable servers are among them. The last line says which one would speak, and why.
    """
    from pmm.cli import screen
    from pmm.cli.minds import settings_for
    from pmm.runtime.models import choose, list_models

    settings = settings_for()
    rows = list_models(settings)
    if as_json:
        screen.say(screen.to_json([{"name": row.name, "where": row.where, "note": row.note} for row in rows]))
        return
    screen.table(("name", "where", "note"), [(row.name, row.where, row.note) for row in rows])
    choice = choose(settings)
    screen.say()
    screen.say(screen.one_line(f"{choice.name} would speak: {choice.why}. {choice.how_to_change}", 1000))
