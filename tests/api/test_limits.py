"""How much one may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
from running import BEARER, Running

from pmm.api.limits import BODY_MAX, Bucket

JSON = {**BEARER, "content-type": "application/json"}


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(server: Running) -> None:
    large = b'{"text": "' + b"x" * BODY_MAX + b'"}'

    def chunks() -> Iterator[bytes]:
        yield from (large[n : n + 65536] for n in range(0, len(large), 65536))

    for body in (large, chunks()):
        try:
            answer = httpx2.post(f"{server.url}/api/turns", content=body, headers=JSON)
        except httpx2.TransportError:
            continue  # it hung up before everything was sent
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
    assert server.get("/api/state")["head"] == 1


def test_a_body_that_fits_is_taken_in_any_pieces(server: Running) -> None:
    def chunks() -> Iterator[bytes]:
        for byte in b'{"text": "hello there"}':
            yield bytes([byte])

    assert httpx2.post(f"{server.url}/api/turns", content=chunks(), headers=JSON, timeout=60).status_code == 200


def test_too_many_requests_are_told_when_to_come_back(fresh: Callable[..., Running]) -> None:
    server = fresh(RATE="2")
    answers = [server.http.get("/api/minds") for _ in range(30)]
    refused = [a for a in answers if a.status_code == 429]
    assert [a.status_code for a in answers[:15]] == [200] * 15
    assert len(refused) >= 5
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["hint"]
    assert server.http.get("/healthz").status_code == 200


def test_a_bucket_lets_so_many_through_at_once_and_fills_again() -> None:
    bucket = Bucket(rate=1000, size=3)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 0 < bucket.take() <= 0.001
    slow = Bucket(rate=0.001, size=1)
    assert slow.take() == 0.0
    assert slow.take() > 900
