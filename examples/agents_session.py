"""An agent of the OpenAI Agents SDK whose conversation a mind keeps: `pip install openai-agents`, then `python agents_session.py mind.db`.

The agent's model is any that OPENAI_BASE_URL, OPENAI_API_KEY and AGENT_MODEL name.
"""

import asyncio
import os
import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI

from pmm import Mind, MindSession


async def main(db: str) -> None:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel(model=os.environ["AGENT_MODEL"], openai_client=AsyncOpenAI())
    with Mind.open(db) as mind:
        for text in ("My boat is called Kittiwake.", "What is my boat called?"):
            result = await Runner.run(Agent(name="Helper", model=model), text, session=MindSession(mind, "harbour"))
            print(result.final_output)
        print(mind.recall("what is the boat called?")[0].text)


asyncio.run(main(sys.argv[1]))
