"""Check a log that `pmm export --output log.jsonl` wrote: python docs/check_export.py log.jsonl

Nothing of PMM is needed, so that you can read for yourself what is proved.
"""

import json
import sys
from hashlib import sha256

link, count = bytes(32), 0
with open(sys.argv[1], encoding="utf-8") as lines:
    *events, end = map(json.loads, lines)
for event in events:
    content, meta = event["content"].encode(), event["meta"].encode()
    key = event["key"]
    name = b"\x00" if key is None else b"\x01" + len(key.encode()).to_bytes(8, "big") + key.encode()
    seal = sha256(b"\x01" + bytes.fromhex(event["salt"]) + name + len(content).to_bytes(8, "big") + content + meta).digest()
    place = json.dumps([end["format"], event["id"], event["ts"], event["kind"]], separators=(",", ":")).encode()
    link, count = sha256(link + place + seal).digest(), count + 1
    if event["id"] != count or event["hash"] != link.hex() or len(event["salt"]) != 32:
        sys.exit(f"event {count} is missing or was changed")
if (end["head"], end["hash"]) != (count, link.hex()):
    sys.exit("the end is missing or was changed")
print(f"{count} events, whole. The log's head is {link.hex()}")
