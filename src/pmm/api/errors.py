"""Errors as they are told over HTTP: problem+json (RFC 9457), with the hint of the error tree.

What a storage error says about files stays on this side: it is logged, and the client reads that the mind can't be used now.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pmm.errors import (
    ConfigError,
    DiskFull,
    HeadMoved,
    InvalidInput,
    KeyConflict,
    MindBusy,
    MindClosed,
    ModelError,
    PMMError,
    StorageError,
    TurnFailed,
    Unstorable,
)

log = logging.getLogger("pmm.api")

RETRY_S = 2
"""after which it is worth trying again where a mind is busy"""
ERRORS_MAX = 20


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. type: a name for this kind of problem. detail: one sentence. hint: what to do about it.

    partial, user_event, reason: of a failed turn, what was said before, the kept message, and why in a word.
    """

    type: str
    title: str
    status: int
    detail: str = ""
    hint: str = ""
    reason: str = ""
    partial: str = ""
    user_event: int | None = None
    errors: tuple[dict[str, Any], ...] = ()


class Refused(PMMError):
    """A request that can't be answered with this status."""

    def __init__(self, status: int, message: str, *, hint: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after_s = retry_after_s


def absent(what: str, hint: str = "") -> Refused:
    """404."""
    return Refused(404, f"there is no {what}.", hint=hint)


_TITLES = {
    400: "Malformed request",
    401: "Not allowed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    421: "Addressed to somebody else",
    422: "Can't be used",
    429: "Too many requests",
    500: "Failed",
    502: "The model failed",
    503: "Not now",
    504: "The model took too long",
    507: "No space left",
}
_REASONS = {"timeout": 504, "unavailable": 503, "too_long": 422, "cancelled": 409, "stopped": 409}
"""why a turn failed -> status; anything else was the model's fault"""
_STATUS: tuple[tuple[type[PMMError], int], ...] = (
    (InvalidInput, 422),
    (Unstorable, 422),
    (KeyConflict, 409),
    (HeadMoved, 409),
    (DiskFull, 507),
    (MindBusy, 503),
    (MindClosed, 503),
    (ModelError, 502),
)


def problem_of(error: PMMError) -> Problem:
    """The problem that tells of an error."""
    match error:
        case Refused():
            return _problem(error, error.status)
        case TurnFailed():
            status = _REASONS.get(error.reason, 502)
            more = {"reason": error.reason, "partial": error.partial, "user_event": error.user_event}
            return msgspec.structs.replace(_problem(error, status), **more)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, (ConfigError, StorageError)) and status >= 500:
        log.error("%s", error.message)
        return Problem(_name(error), _TITLES[status], status, "this mind can't be used now.", hint="The server's own log says why.")
    return _problem(error, status)


def _problem(error: PMMError, status: int) -> Problem:
    return Problem(_name(error), _TITLES.get(status, "Failed"), status, error.message, error.hint)


def _name(error: PMMError) -> str:
    if isinstance(error, Refused):
        return f"urn:pmm:{_TITLES[error.status].lower().replace(' ', '-').replace(chr(39), '')}"
    return "urn:pmm:" + re.sub(r"(?<!^)(?=[A-Z][a-z])", "-", type(error).__name__).lower()


def respond(error: PMMError) -> Response:
    """The answer to a request that failed so."""
    problem = problem_of(error)
    headers = {"cache-control": "no-store"}
    wait = error.retry_after_s if isinstance(error, Refused) else RETRY_S if problem.status == 503 else None
    if wait is not None:
        headers["retry-after"] = str(wait)
    if problem.status == 401:
        headers["www-authenticate"] = 'Bearer realm="pmm"'
    return _response(problem, headers)


def _response(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(problem), problem.status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have every error told this way."""

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, PMMError)
        return respond(error)

    async def unusable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = tuple({"at": [str(part) for part in e["loc"]], "says": e["msg"]} for e in error.errors()[:ERRORS_MAX])
        where = ".".join(found[0]["at"][1:]) if found else ""
        detail = f"{where}: {found[0]['says']}" if found else ""
        malformed = any(e["type"] == "json_invalid" for e in error.errors())
        status = 400 if malformed else 422
        return _response(
            Problem("urn:pmm:invalid-input", _TITLES[status], status, detail, "/openapi.json says what is taken.", errors=found), {}
        )

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        says = {404: "there is nothing at this path.", 405: f"this path does not take {request.method}."}
        detail = says.get(error.status_code, str(error.detail))
        problem = Problem(
            "about:blank", _TITLES.get(error.status_code, "Failed"), error.status_code, detail, "/openapi.json lists what there is."
        )
        return _response(problem, dict(error.headers or {}))

    async def failed(request: Request, error: Exception) -> Response:
        return _response(Problem("about:blank", "Failed", 500, "something went wrong here.", "The server's own log says what."), {})

    app.add_exception_handler(PMMError, told)
    app.add_exception_handler(RequestValidationError, unusable)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, failed)
