"""OpenAI's own client talks to a mind: `pmm serve`, then `PMM_TOKEN=... python openai_client.py "Hello"`."""

import os
import sys

from openai import OpenAI

mind = OpenAI(base_url=os.environ.get("PMM_URL", "http://127.0.0.1:8377") + "/v1", api_key=os.environ["PMM_TOKEN"])
said = [{"role": "user", "content": " ".join(sys.argv[1:]) or "What do you know about me?"}]
for chunk in mind.chat.completions.create(model="default", messages=said, stream=True):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
