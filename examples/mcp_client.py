"""An MCP client asks a mind: `pip install mcp`, then `python mcp_client.py mind.db "where is the key?"`."""

import asyncio
import sys

from mcp import Client, StdioServerParameters, stdio_client


async def main(db: str, question: str) -> None:
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=["-m", "pmm", "mcp", "--db", db]))) as mind:
        await mind.call_tool("remember", {"text": "The key hangs behind the clock."})
        for memory in (await mind.call_tool("recall", {"query": question})).structured_content["result"]:
            print(f"#{memory['id']} {memory['who']}: {memory['excerpt']}")


asyncio.run(main(*sys.argv[1:3]))
