"""LangChain talks to a mind: `pip install langchain-openai`, `pmm serve`, then `PMM_TOKEN=... python langchain_client.py "Hello"`."""

import os
import sys

from langchain_openai import ChatOpenAI

url, token = os.environ.get("PMM_URL", "http://127.0.0.1:8377"), os.environ["PMM_TOKEN"]
mind = ChatOpenAI(model="default", base_url=f"{url}/v1", api_key=token, default_headers={"X-Session-Id": "langchain"})
print(mind.invoke(" ".join(sys.argv[1:]) or "What do you know about me?").content)
