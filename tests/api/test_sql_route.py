"""`/api/sql`: rows for whoever bears the token, of the mind that is named and no other."""

from __future__ import annotations

from running import Running

from pmm.api.sql import TABLES
from pmm.storage.query import TABLES as ALLOWED


def test_rows_of_one_mind(server: Running) -> None:
    server.post("/api/minds", name="asked")
    server.say("The heron stands in the pond", "asked")
    server.say("The kestrel hovers")
    found = server.post("/api/minds/asked/sql", query="select content from events where kind = 'user_message'")
    assert found == {"columns": ["content"], "rows": [["The heron stands in the pond"]], "more": False}
    assert server.post("/api/sql", query="select id from events", limit=1)["more"] is True


def test_what_is_not_allowed_is_told_as_a_problem(server: Running) -> None:
    for query in ("drop table events", "attach 'minds/asked.db' as other", "pragma database_list", "select 1; select 2"):
        answer = server.http.post("/api/sql", json={"query": query})
        assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] and str(server.folder) not in answer.text
    assert server.http.post("/api/sql", json={"query": "select 1", "limit": 10**6}).status_code == 422
    assert server.http.post("/api/sql", json={"query": "select 1"}, headers={"authorization": "Bearer no"}).status_code == 401


def test_what_is_said_of_the_tables_is_so(server: Running) -> None:
    assert tuple(TABLES) == ALLOWED
    for name, (_, columns) in TABLES.items():
        assert server.post("/api/sql", query=f"select * from {name}", limit=1)["columns"] == columns.split()
