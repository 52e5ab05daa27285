"""`pmm mcp`: a mind for programs that speak the Model Context Protocol over standard input and output."""

from __future__ import annotations

from pmm.cli.options import Db, ModelName, examples

EXAMPLES = examples("pmm mcp", "pmm mcp --db echo.db --model ollama:llama3.1", "claude mcp add echo -- pmm mcp --db echo.db")


def mcp(db: Db = None, model: ModelName = None) -> None:
    """Serve one mind to the program that started this, over MCP.

    Over standard input and output, until that program ends. Tools: recall, remember, ask, commitments, why, state. Resources: pmm://state,
    pmm://events, pmm://events/ID.
    """
    import asyncio

    from pmm.cli.minds import open_mind, settings_for
    from pmm.errors import ConfigError

    try:
        import mcp.server.mcpserver  # noqa: F401 - whether it is there

        from pmm.api.mcp import over_stdio
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs {error.name}, which is not installed.", hint="`pip install 'pmm[server]'`.") from None
    with open_mind(db, settings_for(model)) as mind:
        mind.start_loop()
        asyncio.run(over_stdio(mind))
