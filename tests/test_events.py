"""The catalogue: what every kind's meta looks like to the byte, and that what goes in comes out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import BrokenLog, InvalidInput, Unstorable
from pmm.events import (
    KINDS,
    Claim,
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    CommitmentSnoozed,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    EpochOpened,
    Event,
    FactAsserted,
    FactRetracted,
    FollowedUp,
    MessageImported,
    MindCreated,
    ModelCalled,
    ModelSwitched,
    NameAdopted,
    NameProposed,
    PolicyChanged,
    Reflection,
    ReplyContradicted,
    ReplyEvent,
    SceneCompacted,
    Source,
    StageChanged,
    TimezoneChanged,
    Timing,
    TraitAdjusted,
    TurnFailedEvent,
    TurnSuperseded,
    Usage,
    UserMessage,
    decode,
    encode_meta,
    microseconds,
    moment,
)

AT = datetime(2023, 5, 8, 13, 56, 0, 250000, tzinfo=timezone(timedelta(hours=2)))
DUE = Due(date(2026, 3, 5), time(12, 0), "Europe/Paris")

PINNED: list[tuple[Event, str]] = [
    (MindCreated(format=1, timezone="Europe/Paris", software="pmm 0.1.0"), '{"format":1,"software":"pmm 0.1.0","timezone":"Europe/Paris"}'),
    (MindCreated(format=1, timezone="UTC", software="pmm", name="Écho"), '{"format":1,"name":"Écho","software":"pmm","timezone":"UTC"}'),
    (UserMessage(content="x", source="cli", session="main", key="k"), '{"session":"main","source":"cli"}'),
    (
        ReplyEvent(content="x", to=1, route="offline", model="offline", finish="stop"),
        '{"finish":"stop","model":"offline","route":"offline","to":1}',
    ),
    (
        ReplyEvent(
            to=7,
            route="model",
            model="openai:gpt-x",
            finish="interrupted",
            usage=Usage(prompt=640, cached=0, completion=12),
            timing=Timing(first_token_ms=80.25, total_ms=900.0),
        ),
        '{"finish":"interrupted","model":"openai:gpt-x","route":"model","timing":{"first_token_ms":80.25,'
        '"total_ms":900.0},"to":7,"usage":{"cached":0,"completion":12,"prompt":640}}',
    ),
    (TurnFailedEvent(to=3, reason="timeout"), '{"reason":"timeout","to":3}'),
    (TurnFailedEvent(to=3, reason="model", hint="Start it."), '{"hint":"Start it.","reason":"model","to":3}'),
    (TurnFailedEvent(to=3, reason="model", detail='it said "no"\n'), '{"detail":"it said \\"no\\"\\n","reason":"model","to":3}'),
    (
        ContextBuilt(
            content="[notes]",
            to=3,
            session="main",
            epoch=2,
            digest="ab" * 32,
            budget=6000,
            tokens=640,
            sections={"transcript": 300, "header": 20, "äö": 1},
            sources=(
                Source(id=2, score=0.5, why={"words": 0.25, "who": 0.25}, place="header"),
                Source(id=1, score=1e-07, why={}, place="transcript", ref="D1:3"),
            ),
            left_out=("scene", "fact"),
        ),
        '{"budget":6000,"digest":"abababababababababababababababababababababababababababababababab","epoch":2,'
        '"left_out":["scene","fact"],"sections":{"header":20,"transcript":300,"äö":1},"session":"main",'
        '"sources":[{"id":2,"in":"header","score":0.5,"why":{"who":0.25,"words":0.25}},{"id":1,"in":"transcript",'
        '"ref":"D1:3","score":1e-7,"why":{}}],"to":3,"tokens":640}',
    ),
    (
        ContextBuilt(to=3, session="", epoch=0, digest="", budget=0, tokens=0, sections={}),
        '{"budget":0,"digest":"","epoch":0,"sections":{},"session":"","to":3,"tokens":0}',
    ),
    (
        EpochOpened(content="You are ...", session="main", epoch=1, marker="0badcafe", first=3),
        '{"epoch":1,"first":3,"marker":"0badcafe","session":"main"}',
    ),
    (
        MessageImported(content="x", origin="locomo", speaker="Ana", role="other", session="1"),
        '{"origin":"locomo","role":"other","session":"1","speaker":"Ana"}',
    ),
    (
        MessageImported(origin="o", speaker="你好", role="user", session="s", ref="D1:1", at=AT, caption="a \x00 cat / 👩‍👩‍👧 \u2028 \x7f"),
        '{"at":"2023-05-08T13:56:00.250000+02:00","caption":"a \\u0000 cat / 👩‍👩‍👧 \u2028 \x7f","origin":"o",'
        '"ref":"D1:1","role":"user","session":"s","speaker":"你好"}',
    ),
    (
        MessageImported(origin="o", speaker="s", role="assistant", session="s", at=datetime(2023, 5, 8, 13, 56, tzinfo=UTC)),
        '{"at":"2023-05-08T13:56:00Z","origin":"o","role":"assistant","session":"s","speaker":"s"}',
    ),
    (ModelSwitched(after="ollama:x"), '{"to":"ollama:x"}'),
    (ModelSwitched(before="offline", after="ollama:x"), '{"from":"offline","to":"ollama:x"}'),
    (NameAdopted(whose="mind", name="Echo", evidence=2), '{"evidence":2,"name":"Echo","whose":"mind"}'),
    (NameAdopted(whose="user", name="Zoë"), '{"name":"Zoë","whose":"user"}'),
    (CommitmentOpened(content="x", owner="mind"), '{"owner":"mind"}'),
    (
        CommitmentOpened(owner="user", due=DUE, repeat="FREQ=WEEKLY", priority=-2, project="garden", source=9223372036854775807),
        '{"due":{"date":"2026-03-05","time":"12:00:00","zone":"Europe/Paris"},"owner":"user","priority":-2,'
        '"project":"garden","repeat":"FREQ=WEEKLY","source":9223372036854775807}',
    ),
    (CommitmentOpened(owner="mind", due=Due(date(9999, 12, 31))), '{"due":{"date":"9999-12-31"},"owner":"mind"}'),
    (CommitmentClosed(cid=4, outcome="kept"), '{"cid":4,"outcome":"kept"}'),
    (
        CommitmentClosed(cid=4, outcome="superseded", evidence=9, note="see 5"),
        '{"cid":4,"evidence":9,"note":"see 5","outcome":"superseded"}',
    ),
    (
        CommitmentOpened(owner="mind", repeat="FREQ=DAILY;COUNT=2", source=2, follows=3),
        '{"follows":3,"owner":"mind","repeat":"FREQ=DAILY;COUNT=2","source":2}',
    ),
    (CommitmentEdited(cid=4), '{"cid":4}'),
    (
        CommitmentEdited(cid=4, content="y", due=DUE, clear_due=True, priority=0, project=""),
        '{"cid":4,"clear_due":true,"due":{"date":"2026-03-05","time":"12:00:00","zone":"Europe/Paris"},"priority":0,"project":""}',
    ),
    (CommitmentSnoozed(cid=4, until=datetime(2026, 3, 8, 9, 30, tzinfo=UTC)), '{"cid":4,"until":"2026-03-08T09:30:00Z"}'),
    (CommitmentReopened(cid=4), '{"cid":4}'),
    (CommitmentReopened(cid=4, reason="again"), '{"cid":4,"reason":"again"}'),
    (CommitmentReminded(cid=4, due=DUE), '{"cid":4,"due":{"date":"2026-03-05","time":"12:00:00","zone":"Europe/Paris"}}'),
    (CommitmentExpired(cid=4, reason="lapsed"), '{"cid":4,"reason":"lapsed"}'),
    (DirectiveSet(content="Be brief."), "{}"),
    (DirectiveSet(content="Be brief.", scope="session", source=2), '{"scope":"session","source":2}'),
    (DirectiveRevoked(did=5), '{"did":5}'),
    (DirectiveRevoked(did=5, reason="asked", source=8), '{"did":5,"reason":"asked","source":8}'),
    (TraitAdjusted(trait="C", delta=-0.02, cause="broken", evidence=7), '{"cause":"broken","delta":-0.02,"evidence":7,"trait":"C"}'),
    (Reflection(content="Few promises.", trigger="cadence", action="none"), '{"action":"none","trigger":"cadence"}'),
    (
        Reflection(content="More tea.", trigger="asked", action="open_commitment", evidence=(3, 7), model="m"),
        '{"action":"open_commitment","evidence":[3,7],"model":"m","trigger":"asked"}',
    ),
    (StageChanged(before=0, after=1, ias=0.35, gas=0.5), '{"from":0,"gas":0.5,"ias":0.35,"to":1}'),
    (
        SceneCompacted(content="They met.", session="main", first=2, last=30, method="extract"),
        '{"first":2,"last":30,"method":"extract","session":"main"}',
    ),
    (
        SceneCompacted(content="They met.", session="main", first=2, last=30, method="model", model="m"),
        '{"first":2,"last":30,"method":"model","model":"m","session":"main"}',
    ),
    (ModelCalled(purpose="scene", model="m", outcome="ok"), '{"model":"m","outcome":"ok","purpose":"scene"}'),
    (
        ModelCalled(purpose="reply", model="m", outcome="failed", usage=Usage(prompt=3), error="cut off", attempts=3),
        '{"attempts":3,"error":"cut off","model":"m","outcome":"failed","purpose":"reply","usage":{"prompt":3}}',
    ),
    (NameProposed(name="Écho", evidence=4), '{"evidence":4,"name":"Écho"}'),
    (TimezoneChanged(zone="Asia/Tokyo"), '{"zone":"Asia/Tokyo"}'),
    (
        FactAsserted(content="I live in Lyon.", subject="user", relation="lives in", value="Lyon", source=3),
        '{"relation":"lives in","source":3,"subject":"user","value":"Lyon"}',
    ),
    (
        FactAsserted(
            content="x",
            subject="Rex",
            relation="kind",
            value="dog",
            source=3,
            evidence=(2, 1),
            confidence=0.75,
            valid_from=date(2026, 5, 1),
            origin="model",
        ),
        '{"confidence":0.75,"evidence":[2,1],"origin":"model","relation":"kind","source":3,"subject":"Rex",'
        '"valid_from":"2026-05-01","value":"dog"}',
    ),
    (FactRetracted(fact=5), '{"fact":5}'),
    (FactRetracted(fact=5, reason="undone", superseded_by=9, source=8), '{"fact":5,"reason":"undone","source":8,"superseded_by":9}'),
    (
        PolicyChanged(policy="cadence", old=0, new=1, cause="reflection", evidence=7),
        '{"cause":"reflection","evidence":7,"new":1,"old":0,"policy":"cadence"}',
    ),
    (
        PolicyChanged(policy="permit.speak_first", old=True, new=False, cause="user"),
        '{"cause":"user","new":false,"old":true,"policy":"permit.speak_first"}',
    ),
    (FollowedUp(content="How did it go?", session="main", about=4), '{"about":4,"session":"main"}'),
    (FollowedUp(content="x", session="main"), '{"session":"main"}'),
    (TurnSuperseded(turn=4, by=9), '{"by":9,"turn":4}'),
    (
        ReplyContradicted(
            reply=6, claims=(Claim(said="event 900", truth="there is no event 900"), Claim(said="done", truth="open", about=4))
        ),
        '{"claims":[{"said":"event 900","truth":"there is no event 900"},{"about":4,"said":"done","truth":"open"}],"reply":6}',
    ),
]


@pytest.mark.parametrize(("event", "meta"), PINNED, ids=lambda value: value.kind if isinstance(value, Event) else "")
def test_the_meta_of_an_event_is_these_bytes(event: Event, meta: str) -> None:
    """The canonical JSON of a kind is pinned: sorted keys, UTF-8, nothing escaped that need not be, defaults left out."""
    assert encode_meta(event) == meta
    assert decode(5, 0, event.kind, event.content, meta, event.key) == msgspec.structs.replace(event, id=5)


def test_every_kind_is_pinned() -> None:
    """A kind that is added to the catalogue must be added to the pinned bytes."""
    assert {event.kind for event, _ in PINNED} == set(KINDS)


def test_the_names_of_kinds_are_plain() -> None:
    """Kinds are hashed as JSON strings without escapes, so they hold lower-case letters and underscores alone."""
    for kind, cls in KINDS.items():
        assert kind == cls.kind and kind.isascii() and kind.replace("_", "a").isalpha() and kind == kind.lower()
        assert set(cls.refs) <= set(cls.__struct_fields__)


# -- in and out ----------------------------------------------------------------------------------------------------------------------

_text = st.text(max_size=20)
_int64 = st.integers(-(2**63), 2**63 - 1)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_zones = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"])
_minutes = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
_dues = st.builds(Due, date=st.dates(), time=st.none() | st.times(), zone=_zones)
_times = st.datetimes(timezones=st.none() | _minutes)
_usages = st.builds(Usage, prompt=st.none() | _int64, cached=st.none() | _int64, completion=st.none() | _int64)
_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: _text,
    int: _int64,
    float: _floats,
    Due: _dues,
    Usage: _usages,
    datetime: _times,
    Timing: st.builds(Timing, first_token_ms=st.none() | _floats, total_ms=_floats),
    Claim: st.builds(Claim, said=_text, truth=_text, about=st.none() | _int64),
    Source: st.builds(
        Source,
        id=_int64,
        score=_floats,
        why=st.dictionaries(_text, _floats, max_size=3),
        place=st.sampled_from(["header", "transcript"]),
        ref=st.none() | _text,
    ),
}


def _values(type: Any) -> st.SearchStrategy[Any]:
    match type:
        case msgspec.inspect.StrType():
            return _text
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.DateType():
            return st.dates()
        case msgspec.inspect.FloatType():
            return _floats
        case msgspec.inspect.IntType():
            return _int64
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.DateTimeType():
            return _times
        case msgspec.inspect.StructType(cls=cls):
            return _BY_TYPE[cls]
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=3).map(tuple)
        case msgspec.inspect.DictType():
            return st.dictionaries(_text, _int64, max_size=3)
    raise AssertionError(f"no strategy for {type}")


def events_of(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of a kind, every field anything its type allows."""
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)
    fields = {f.name: _values(f.type) for f in info.fields if f.name not in ("id", "ts", "content", "key")}
    return st.builds(cls, content=_text, key=st.none() | st.text(min_size=1, max_size=10), **fields)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_what_is_encoded_is_decoded(kind: str, data: st.DataObject) -> None:
    """For every kind and any values, the decoded event equals the one encoded, and encodes to the same bytes again."""
    event = data.draw(events_of(KINDS[kind]))
    meta = encode_meta(event)
    back = decode(3, 17, kind, event.content, meta, event.key)
    assert back == msgspec.structs.replace(event, id=3, ts=moment(17))
    assert encode_meta(back) == meta


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_its_microseconds(when: datetime) -> None:
    """Times are stored as integers without loss, over all years a datetime can hold."""
    assert moment(microseconds(when)) == when


def test_what_can_not_be_stored_can_not_be_encoded() -> None:
    """NaN, infinities, integers beyond 64 bits, lone surrogates and deep nesting raise Unstorable."""
    deep: Any = 1
    for _ in range(70):
        deep = {"a": deep}
    receipt = ContextBuilt(to=1, session="s", epoch=1, digest="", budget=1, tokens=1, sections={})
    for wrong in (
        msgspec.structs.replace(receipt, tokens=2**63),
        msgspec.structs.replace(receipt, tokens=-(2**63) - 1),
        msgspec.structs.replace(receipt, sections={"\ud800": 1}),
        msgspec.structs.replace(receipt, session="\udc00"),
        msgspec.structs.replace(receipt, sections=deep),
        msgspec.structs.replace(receipt, sources=(Source(id=1, score=float("nan"), why={}, place="header"),)),
        msgspec.structs.replace(receipt, sources=(Source(id=1, score=0.0, why={"a": float("inf")}, place="header"),)),
        msgspec.structs.replace(receipt, session=object()),
    ):
        with pytest.raises(Unstorable):
            encode_meta(wrong)


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        ("no_such_kind", "{}"),
        ("user_message", ""),
        ("user_message", "{"),
        ("user_message", "{}"),
        ("user_message", '{"session":1,"source":"cli"}'),
        ("user_message", '{"session":"s","source":"pigeon"}'),
    ],
)
def test_stored_bytes_that_are_no_event_are_a_broken_log(kind: str, meta: str) -> None:
    """What can't be decoded raises BrokenLog and names the event."""
    with pytest.raises(BrokenLog, match="event 4"):
        decode(4, 0, kind, "", meta, None)


# -- due -----------------------------------------------------------------------------------------------------------------------------


def _due(text: str, zone: str) -> str:
    return Due.parse(text, zone).instant.isoformat()


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-03-05T12:00", "UTC", "2026-03-05T12:00:00+00:00"),
        ("2026-03-05T12:00", "Europe/Paris", "2026-03-05T11:00:00+00:00"),
        ("2026-07-05T12:00", "Europe/Paris", "2026-07-05T10:00:00+00:00"),
        # 02:00-03:00 doesn't exist: the next time that does is 03:00 summer time.
        ("2026-03-29T02:00", "Europe/Paris", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T02:30", "Europe/Paris", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T02:59", "Europe/Paris", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T01:59", "Europe/Paris", "2026-03-29T00:59:00+00:00"),
        ("2026-03-29T03:00", "Europe/Paris", "2026-03-29T01:00:00+00:00"),
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:00:00+00:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),  # half an hour is skipped there
        # 02:00-03:00 comes twice: the first.
        ("2026-10-25T02:30", "Europe/Paris", "2026-10-25T00:30:00+00:00"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00+00:00"),
        # A date is until its end, there.
        ("2026-03-06", "UTC", "2026-03-07T00:00:00+00:00"),
        ("2026-03-06", "Europe/Paris", "2026-03-06T23:00:00+00:00"),
        ("2026-03-06", "America/New_York", "2026-03-07T05:00:00+00:00"),
        ("2026-12-31", "Pacific/Auckland", "2026-12-31T11:00:00+00:00"),
        ("2024-02-28", "UTC", "2024-02-29T00:00:00+00:00"),
        ("2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00:00+00:00"),  # no midnight on the 4th: clocks went to 01:00
        ("2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),  # no 30th at all
        ("9999-12-31", "UTC", "9998-01-01T00:00:00+00:00"),
        ("9999-12-31", "America/New_York", "9998-01-01T00:00:00+00:00"),
        ("9999-12-30", "Asia/Tokyo", "9998-01-01T00:00:00+00:00"),
        ("9999-12-31T12:00", "UTC", "9998-01-01T00:00:00+00:00"),
        ("0001-01-01", "UTC", "0002-01-01T00:00:00+00:00"),
    ],
)
def test_a_due_time_falls_due_at_this_instant(text: str, zone: str, instant: str) -> None:
    """Summer time's gaps and repeats, ends of days, and the ends of the calendar."""
    assert _due(text, zone) == instant


_ENDS = [("9999-12-31T23:00", "America/New_York"), ("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-30", "Etc/GMT+12")]


@pytest.mark.parametrize(("text", "zone"), _ENDS)
def test_a_due_time_at_the_ends_of_the_calendar_has_an_instant(text: str, zone: str) -> None:
    """Near the ends an instant is given that still bears a zone and some days: a mind that holds such a date must still tick."""
    due = Due.parse(text, zone)
    assert abs(due.instant - datetime(due.date.year, due.date.month, due.date.day, tzinfo=UTC)) <= timedelta(days=2 * 366)
    assert (due.instant + timedelta(days=300)).astimezone(ZoneInfo(zone)) > (due.instant - timedelta(days=300)).astimezone(ZoneInfo(zone))


@given(_dues.filter(lambda due: 2 < due.date.year < 9998))
def test_an_instant_is_the_first_moment_that_local_clocks_show_it_or_more(due: Due) -> None:
    """No earlier moment shows that local time or a later one of the same hours; told back in the zone, it is at or after what was asked."""
    zone = ZoneInfo(due.zone)
    wanted = datetime.combine(due.date, due.time) if due.time else datetime.combine(due.date + timedelta(days=1), time())
    shown = due.instant.astimezone(zone).replace(tzinfo=None, fold=0)
    assert wanted <= shown or shown == wanted.replace(microsecond=0)
    assert shown - wanted <= timedelta(hours=24)
    if shown == wanted:
        earlier = (due.instant - timedelta(minutes=30)).astimezone(zone).replace(tzinfo=None)
        assert earlier < wanted


@pytest.mark.parametrize("text", ["2026-03-06", "2026-03-05T12:00", "2026-03-05T00:00", "9999-12-31", "0001-01-01", "2024-02-29T23:59"])
def test_a_due_prints_as_it_is_parsed(text: str) -> None:
    """What it prints as is what it is made from."""
    due = Due.parse(text, "Europe/Paris")
    assert str(due) == text and Due.parse(str(due), "Europe/Paris") == due and due.zone == "Europe/Paris"


@given(_dues.map(lambda d: Due(d.date, d.time and d.time.replace(second=0, microsecond=0, tzinfo=None), d.zone)))
def test_any_due_prints_as_it_is_parsed(due: Due) -> None:
    """To the minute, for every date, time and zone."""
    assert Due.parse(str(due), due.zone) == due


def test_parsing_allows_seconds_spaces_and_other_offsets() -> None:
    """Seconds are kept but not printed; a space may stand for the T; an offset is told in the mind's zone."""
    assert Due.parse(" 2026-03-06 ", "UTC") == Due(date(2026, 3, 6))
    assert Due.parse("2026-03-05 12:00", "UTC") == Due(date(2026, 3, 5), time(12))
    assert Due.parse("2026-03-05T12:00:30", "UTC") == Due(date(2026, 3, 5), time(12, 0, 30))
    assert Due.parse("2026-03-05T23:30Z", "Europe/Paris") == Due(date(2026, 3, 6), time(0, 30), "Europe/Paris")
    assert Due.at(datetime(2026, 3, 5, 12, tzinfo=UTC), "Asia/Tokyo") == Due(date(2026, 3, 5), time(21), "Asia/Tokyo")
    assert Due.at(datetime(2026, 3, 5, 12), "Asia/Tokyo") == Due(date(2026, 3, 5), time(12), "Asia/Tokyo")


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "2026-13-01", "10000-01-01", "2026-03-05T25:00", "2026-03-05T", "T12:00", "12:00", "x y"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    """InvalidInput, with a hint that shows how to write one."""
    with pytest.raises(InvalidInput) as refusal:
        Due.parse(text, "UTC")
    assert "2026-03-06" in refusal.value.hint
