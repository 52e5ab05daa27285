"""Three weeks of a mind's life, from the first word to the third Sunday, across the change to summer time.

A scripted model speaks; time is simulated; the process restarts in the middle. At each step the prompt, the state, `why` and the log
must say the same, and at the end a replay of the log with the network off must give the same state.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind
from pmm.events import CommitmentOpened, Event, Reflection
from pmm.runtime.turn import Reply
from pmm.storage.snapshots import Snapshots
from pmm.testing import ScriptedModel, SimulatedClock

ZONE = "Europe/Berlin"  # summer time begins on Sunday 2026-03-29, at two in the morning
START = "2026-03-16T08:00:00+00:00"  # a Monday, nine o'clock there
SMALL_TALK = (
    "The river was high this morning.",
    "Our neighbour plays the cello at night.",
    "That film about lighthouses was slow but lovely.",
    "The bread turned out too dense again.",
    "There is a heron by the pond.",
    "The trams were late because of the fog.",
    "Somebody painted the old door blue.",
)


class Story:
    """Drives one mind through simulated time, and holds what must be true after every step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = SimulatedClock(START)
        self.replies: dict[str, str] = {}
        self.readings: list[tuple[str, str, dict[str, Any]]] = []
        self.observations: list[dict[str, Any]] = []
        self.model = ScriptedModel([self._reply], background=[self._think])
        self.mind = self._open()

    def _open(self) -> Mind:
        settings = {"synchronous": "NORMAL", "zone": ZONE, "model_retries": 0, "background_tokens_per_day": 2_000_000}
        return Mind.open(self.path, model=self.model, clock=self.clock, settings=settings)

    def _reply(self, messages: list[dict[str, str]]) -> str:
        said = messages[-1]["content"]
        return next((reply for cue, reply in self.replies.items() if said.endswith(cue)), "I see.")

    def _think(self, messages: list[dict[str, str]]) -> str:
        """What the model answers in the background: what the story lets it read, and, where it is asked to reflect, what it observes."""
        asked = messages[-1]["content"]
        answer: dict[str, Any] = {"facts": [], "commitments": [], "closed": [], "names": [], "traits": []}
        for cue, kind, found in list(self.readings):
            if (said := re.search(rf"#(\d+) your user: [^\n]*{re.escape(cue)}", asked)) is not None:
                answer[kind].append({**found, "source": int(said[1])})
                self.readings.remove((cue, kind, found))
        if "look at yourself" in asked and self.observations:
            evidence = [int(id) for id in re.findall(r"^- #(\d+) ", asked.partition("look at yourself")[2], re.MULTILINE)]
            answer["reflection"] = {**self.observations.pop(0), "evidence": evidence[-2:]}
        return json.dumps(answer)

    # -- what happens ----------------------------------------------------------------------------------------------------------------

    def says(self, text: str, reply: str = "I see.", *, minutes: float = 3) -> Reply:
        """The user says something and hears `reply`; then some minutes pass."""
        self.replies = {text: reply}
        done = self.mind.handle_user(text)
        assert done.text == reply
        self.passes(minutes=minutes)
        return done

    def chats(self, turns: int) -> None:
        """Small talk that asks nothing and promises nothing."""
        for n in range(turns):
            self.says(SMALL_TALK[n % len(SMALL_TALK)])

    def passes(self, **time: float) -> list[Event]:
        """Time goes by and the mind does what falls due; what it did."""
        self.clock.advance(timedelta(**time).total_seconds())
        assert self.mind.wait_idle(30)
        did: list[Event] = []
        while done := self.mind.tick():
            did += done
        assert self.mind.wait_idle(30)
        return did

    def until(self, local: str) -> list[Event]:
        """It becomes that local time in Berlin."""
        from zoneinfo import ZoneInfo

        ahead = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONE)) - self.clock.now()
        assert ahead > timedelta(), f"{local} has passed"
        return self.passes(seconds=ahead.total_seconds())

    def restarts(self) -> None:
        """The process ends and another one opens the file."""
        before = self.mind.view().digest()
        self.mind.close()
        self.mind = self._open()
        assert self.mind.view().digest() == before

    # -- what must be so -------------------------------------------------------------------------------------------------------------

    @property
    def prompt(self) -> str:
        """The last prompt the model was sent, whole."""
        return "\n".join(message["content"] for message in self.model.prompts[-1])

    @property
    def header(self) -> str:
        """What the model was told with the last message."""
        return self.model.prompts[-1][-1]["content"]

    def last(self, kind: str) -> Any:
        """The newest event of a kind."""
        return self.mind.log.by_kind(kind, limit=1, newest=True)[0]

    def why(self, what: int | str) -> set[int]:
        """The ids of all events in the tree that explains it."""
        found, waiting = set(), [self.mind.why(what)]
        while waiting:
            node = waiting.pop()
            found.add(node.event.id)
            waiting += node.children
        return found

    def commitment(self, words: str) -> Any:
        """The open commitment that says so."""
        return next(c for c in self.mind.view().commitments.open if words in c.text)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path / "echo.db")
    yield story
    story.mind.close()


OBSERVED = {"action": "none", "rationale": None, "text": None, "due": None, "trait": None, "delta": None, "policy": None, "value": None}


def test_three_weeks(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    the_first_day(story)
    the_first_week(story)
    story.restarts()
    the_second_week(story)
    the_change_to_summer_time(story)
    the_third_week(story)
    what_stays(story, monkeypatch)


def the_first_day(story: Story) -> None:
    """Names, a fact, a rule, a reminder and a repeated one; each in the state, in the next prompt, and explained by the message."""
    mind = story.mind
    hello = story.says("Hello, I'm Scott.")
    named = story.says("Your name is Echo.")
    view = mind.view()
    assert (view.identity.user_name, view.identity.name) == ("Scott", "Echo")
    assert hello.user_event in story.why("user") and named.user_event in story.why("name")
    assert "With this message your name becomes Echo." in story.header
    lives = story.says("I live in Lyon.")
    fact = next(f for f in mind.view().facts.current if f.relation == "lives in")
    assert (fact.subject, fact.value, fact.source) == ("user", "Lyon", lives.user_event)
    assert lives.user_event in story.why(f"fact:{fact.id}")
    rule = story.says("Never use emojis.")
    assert [d.text for d in mind.view().directives.active] == ["Never use emojis"]
    asked = story.says("Remind me to send the report on Friday at 12:00.", "I will remind you of it.")
    report = story.commitment("send the report")
    assert (str(report.due), report.owner, report.source) == ("2026-03-20T12:00", "mind", asked.user_event)
    story.says("Remind me to water the plants every Monday.")
    assert (story.commitment("plants").repeat, str(story.commitment("plants").due)) == ("FREQ=WEEKLY;BYDAY=MO", "2026-03-23")
    story.chats(3)
    assert rule.user_event in story.why(f"directive:{mind.view().directives.active[0].did}")
    assert mind.handle_user("What are my open commitments?").route == "fast"


def the_first_week(story: Story) -> None:
    """A promise of the mind's own words is kept by doing it; the report is reminded of at noon of Berlin, and done; the stage rises."""
    mind = story.mind
    story.until("2026-03-17T09:00")
    story.says("Could you write a poem about the heron?", "I will write you the poem about the heron tomorrow.")
    poem = story.commitment("poem about the heron")
    assert (poem.owner, str(poem.due)) == ("mind", "2026-03-18")
    story.chats(9)
    story.until("2026-03-18T10:00")
    story.says("Good morning!", "Here is the poem about the heron, as promised:\nGrey, patient, it waits for the water to think.")
    closed = story.last("commitment_closed")
    assert (closed.cid, closed.outcome) == (poem.cid, "kept") and closed.evidence in {e.id for e in mind.log.by_kind("reply")}
    assert poem.cid in story.why(closed.id)
    assert story.passes(minutes=1) == [] and any(e.evidence == closed.id for e in mind.log.by_kind("trait_adjusted"))
    story.chats(9)
    did = story.until("2026-03-20T11:59")
    assert not [e for e in did if e.kind == "commitment_reminded"]
    did = story.until("2026-03-20T12:00")
    report = story.commitment("send the report")
    assert [(e.kind, e.cid) for e in did] == [("commitment_reminded", report.cid)]
    story.says("The fog is gone.")
    assert f"Commitment #{report.cid} is reminded" in story.header or f"#{report.cid}" in story.header
    mind.close_commitment(report.cid)
    story.chats(9)
    assert story.mind.view().stage == 1, "thirty turns under a name, two promises kept"
    assert story.last("stage_changed").id in story.why("stage")


def the_second_week(story: Story) -> None:
    """Monday's plants return each week; a fact changes and both are answerable; a rule is revoked; a promise is broken."""
    mind = story.mind
    did = story.until("2026-03-24T00:00")
    first = story.commitment("plants")
    assert [e.kind for e in did if e.kind.startswith("commitment")] == ["commitment_reminded"]
    mind.close_commitment(first.cid)
    assert str(story.commitment("plants").due) == "2026-03-30", "a week later, in summer time by then"
    before = mind.view()
    story.until("2026-03-24T09:00")
    moved = story.says("I live in Oslo now.")
    facts = mind.view().facts
    assert [f.value for f in facts.current if f.relation == "lives in"] == ["Oslo"]
    assert [(f.value, f.superseded_by) for f in facts.past if f.relation == "lives in"] == [
        ("Lyon", next(f.id for f in facts.current if f.value == "Oslo"))
    ]
    assert moved.user_event in story.why(f"fact:{facts.current[-1].id}")
    assert [f.value for f in mind.view(at=before.head).facts.current if f.relation == "lives in"] == ["Lyon"]
    did = mind.view().directives.active[0].did
    story.says("Forget the rule about emojis.")
    assert mind.view().directives.active == () and f"With this message the rule #{did} no longer holds." in story.header
    broken = mind.commit("find the cello's recording", due="2026-03-25")
    mind.close_commitment(broken, "broken", "it does not exist")
    read = {"subject": "user", "relation": "cello teacher", "value": "Ines Moreau", "confidence": 0.7}
    story.readings.append(("Ines Moreau", "facts", read))
    told = story.says("You know, Ines Moreau has taught me the cello for years.")
    fact = next(f for f in mind.view().facts.current if f.value == "Ines Moreau")
    assert (fact.origin, fact.source) == ("model", told.user_event) and told.user_event in story.why(f"fact:{fact.id}")
    assert story.last("model_called").outcome == "ok"


def the_change_to_summer_time(story: Story) -> None:
    """Noon stays noon: what is due on the Sunday of the change falls due by the new time."""
    mind = story.mind
    cid = mind.commit("wind the clocks", due="2026-03-29T12:00")
    assert mind.view().commitments.get(cid).due.instant == datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
    assert [e.cid for e in story.until("2026-03-29T12:00") if e.kind == "commitment_reminded"] == [cid]
    mind.close_commitment(cid)
    did = story.until("2026-03-31T00:00")
    assert [e.cid for e in did if e.kind == "commitment_reminded"] == [story.commitment("plants").cid]
    assert story.clock.now() == datetime(2026, 3, 30, 22, 0, tzinfo=UTC)


def the_third_week(story: Story) -> None:
    """Turns and promises kept lift the stage until reflections may act; one changes a policy; broken promises bring it down again."""
    mind = story.mind
    mind.close_commitment(story.commitment("plants").cid)
    story.until("2026-03-31T09:00")
    lifted(story, 2)
    seen = {"the tides": "What I promise about the river gets done.", "the moon": "My user asks little and listens well at night."}
    for topic, observation in seen.items():
        act = {"action": "open_commitment", "text": f"read about {topic}", "due": "2026-04-10"}
        story.observations.append(OBSERVED | {"observation": observation} | act)
        own = acted(story, "commitment_opened")
        assert isinstance(mind.log.get(own.source), Reflection) and own.source in story.why(own.id)
        mind.close_commitment(own.id)
    lifted(story, 3)
    story.observations.append(
        OBSERVED | {"observation": "Our talks are long and calm.", "action": "change_policy", "policy": "cadence", "value": 1}
    )
    changed = acted(story, "policy_changed")
    assert (changed.policy, changed.new, mind.view().policy.cadence) == ("cadence", 1, 1)
    assert changed.evidence in story.why("policy:cadence")
    for n in range(14):
        mind.close_commitment(mind.commit(f"promise number {n}", due="2026-04-09"), "broken")
    story.chats(11)
    assert mind.view().stage == 2 and (story.last("stage_changed").before, story.last("stage_changed").after) == (3, 2)
    assert [c.after for c in mind.view().stage.history] == [1, 2, 3, 2]


def lifted(story: Story, stage: int) -> None:
    """Talk and keep promises until that stage is reached."""
    for _ in range(20):
        if story.mind.view().stage >= stage:
            return
        story.chats(10)
        story.mind.close_commitment(story.mind.commit(f"thing {story.mind.view().head}", due="2026-04-10"))
        story.passes(minutes=2)
    raise AssertionError(f"still {story.mind.view().stage}: {story.mind.view().metrics.ias:.2f} {story.mind.view().metrics.gas:.2f}")


def acted(story: Story, kind: str) -> Any:
    """Talk, and keep something to observe, until the scripted observation was made and did something; the event it did."""
    before = story.mind.log.head[0]
    for _ in range(10):
        story.mind.close_commitment(story.mind.commit(f"thing {story.mind.view().head}", due="2026-04-10"))
        story.chats(6)
        did = [e for e in story.mind.log.by_kind(kind, since=before) if _by_reflection(story, e)]
        if did:
            return did[0]
    raise AssertionError(f"no reflection led to {kind}: {[e.error for e in story.mind.log.by_kind('model_called')][-5:]}")


def _by_reflection(story: Story, event: Any) -> bool:
    cited = event.source if isinstance(event, CommitmentOpened) else event.evidence
    return cited is not None and isinstance(story.mind.log.get(cited), Reflection)


def what_stays(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message ended once, every check holds, and the same state comes out of the log alone, with no network and no model."""
    mind = story.mind
    assert all(finding.ok for finding in mind.doctor()), [f for f in mind.doctor() if not f.ok]
    assert not [lag for lag in mind.background() if lag.parked or lag.failures]
    digest, calls = mind.view().digest(), len(story.model.calls)
    story.until("2026-04-05T21:00")
    mind.close()

    def refused(*args: object, **kwargs: object) -> None:
        raise AssertionError("a replay asked the network")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    with Mind.open(story.path, model=story.model, clock=story.clock) as again:
        digest = again.view().digest()
        Snapshots(again._log).drop()
    with Mind.open(story.path, model=story.model, clock=story.clock) as replayed:
        assert replayed.view().digest() == digest
        assert replayed.log.verify().ok
    assert len(story.model.calls) == calls
