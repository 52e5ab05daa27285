"""docs/server.md: its lines run as they are, in order; what it lists is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Running
from serving import TOKEN

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_run_as_they_are(fresh: Callable[..., Running]) -> None:
    server = fresh("create")
    environment = {**os.environ, "AUTH": f"Authorization: Bearer {TOKEN}", "JSON": "Content-Type: application/json"}
    lines = re.findall(r"```bash\n(curl .*?)\n```", PAGE, re.DOTALL)
    assert len(lines) >= 10
    for line in lines:
        here = line.replace("127.0.0.1:8377", f"127.0.0.1:{server.port}")
        done = subprocess.run(["bash", "-c", here], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode in ((0, 28) if "--max-time" in line else (0,)), f"{line}\n{done.stderr}"
        if "-sN" in line:
            assert "event: reply" in done.stdout or "id: 1\n" in done.stdout, line
        else:
            assert ("urn:pmm" in json.loads(done.stdout).get("type", "")) == ("999999" in line), f"{line}\n{done.stdout}"
    assert "Scott" in server.http.get("/api/state").text
    assert "Rex" in server.http.get("/api/recall", params={"q": "dog"}).text


def test_every_path_is_listed(server: Running) -> None:
    paths = {path for path in server.get("/openapi.json")["paths"] if not path.startswith(("/api/minds/{mind}", "/v1"))}
    heads = {re.sub(r"/\{\w+\}.*", "", path) for path in paths}
    assert {head for head in heads if f"`{head}" not in PAGE} == set()


def test_the_examples_name_options_that_exist() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "pmm", "serve", "--help"], capture_output=True, text=True, timeout=30, env={**os.environ, "COLUMNS": "200"}
    ).stdout
    for name in ("pmm.service", "Containerfile"):
        text = (ROOT / "examples" / name).read_text(encoding="utf-8")
        for option in re.findall(r"(?<!-)--(?:data|port|host|allow-host|model|create|cors|rate)\b", text):
            assert option in said
