"""The answer cache: a question asked again gets the same answer without a model, and never after anything it rests on has changed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pmm import Mind, Turn
from pmm.events import (
    Claim,
    FollowedUp,
    NameAdopted,
    NameProposed,
    Reflection,
    ReplyContradicted,
    ReplyEvent,
    SceneCompacted,
    StageChanged,
    TraitAdjusted,
    TurnSuperseded,
)
from pmm.memory.embeddings import Embedder
from pmm.projections.answers import GIVEN_MAX, AnswersProjection
from pmm.runtime.turn import How
from pmm.testing import ScriptedModel, SimulatedClock

Open = Callable[..., Mind]
ASKED = "What did Ana say about the zebra painting?"


def speaking() -> ScriptedModel:
    return ScriptedModel([f"She liked it, in words number {n}." for n in range(400)])


@pytest.fixture
def mind(open_mind: Open) -> Mind:
    mind = open_mind(speaking(), answer_cache=True)
    mind.handle_user("Ana said that the zebra painting hangs too low.", session="before")
    return mind


def test_a_question_asked_again_gets_the_same_answer_without_a_model(mind: Mind) -> None:
    model = mind.model
    assert isinstance(model, ScriptedModel)
    first = mind.handle_user(ASKED)
    calls = len(model.prompts)
    second = mind.handle_user("  what did Ana say about the ZEBRA painting")
    assert (first.route, second.route, second.text, second.model) == ("model", "cache", first.text, first.model)
    assert len(model.prompts) == calls
    assert second.usage.prompt is None
    assert first.reply_event in [s.id for s in second.sources] and 2 in [s.id for s in second.sources], "it names what it rests on"
    end = mind.log.get(second.reply_event or 0)
    assert (end.kind, end.content, end.route) == ("reply", first.text, "cache")  # type: ignore[union-attr]
    receipt = mind.log.by_kind("context_built")[-1]
    assert {s.place for s in receipt.sources} == {"cache"} and receipt.tokens == 0  # type: ignore[attr-defined]
    assert mind.handle_user(ASKED, key="k").route == "cache" and mind.handle_user(ASKED, key="k").route == "cache"


def test_it_is_off_by_default(open_mind: Open) -> None:
    mind = open_mind(speaking())
    mind.handle_user(ASKED)
    assert mind.handle_user(ASKED).route == "model"
    assert mind.log.by_kind("context_built")[-1].question == ""  # type: ignore[attr-defined]


def test_a_hit_shows_in_traces_the_profile_and_the_metrics(mind: Mind) -> None:
    for _ in range(2):
        mind.handle_user(ASKED)
    mind.wait_idle(30)
    trace = mind.traces(1)[0]
    assert trace.summary["route"] == "cache" and trace.summary["nodes_visited"] >= 1
    assert mind.profile(10).caches.answers == pytest.approx(1 / 3, abs=0.001)
    assert "pmm_answers_given_again_total 1" in mind.prometheus()


def test_the_next_turn_has_it_in_its_transcript(mind: Mind) -> None:
    model = mind.model
    assert isinstance(model, ScriptedModel)
    first = mind.handle_user(ASKED)
    mind.handle_user(ASKED)
    before = model.prompts[-1]
    mind.handle_user("Thank you, and good night to you.")
    assert model.prompts[-1][: len(before)] == before
    assert [m["content"] for m in model.prompts[-1]].count(first.text) == 2


@pytest.mark.parametrize(
    "message",
    [
        "And what did he say about it?",
        "Tell me about the zebra painting.",
        "What did Ana say about the zebra painting? My name is Bo.",
        "Where is the zebra painting? I live in Oslo now.",
    ],
)
def test_what_points_back_or_states_something_is_answered_anew(mind: Mind, message: str) -> None:
    for _ in range(3):
        assert mind.handle_user(message).route != "cache"


def test_only_plain_recorded_turns_are_served(mind: Mind) -> None:
    mind.handle_user(ASKED)
    assert mind.handle_user(ASKED, record=False).route == "model"
    assert mind.handle_user(ASKED, how=How(instruction="Answer in verse.")).route == "model"
    assert mind.handle_user(ASKED, how=How(temperature=1.0)).route == "model"
    assert mind.handle_user(ASKED).route == "cache"


def test_an_answer_that_broke_off_is_not_given_again(mind: Mind) -> None:
    with mind.handle_user_streaming(ASKED) as stream:
        next(stream)
    assert mind.handle_user(ASKED).route == "model"


def test_another_conversation_is_served_as_long_as_nothing_but_such_questions_was_said_in_either(mind: Mind) -> None:
    mind.handle_user(ASKED, session="a")
    assert mind.handle_user(ASKED, session="b").route == "cache"
    mind.handle_user("Thanks a lot for the help.", session="b")
    assert mind.handle_user(ASKED, session="b").route == "model"
    assert mind.handle_user(ASKED, session="b").route == "cache"
    assert mind.handle_user(ASKED, session="a").route == "model", "only the latest answer is kept"


def test_an_answer_that_changed_something_is_not_given_again(open_mind: Open) -> None:
    """A promise would be made without being recorded."""
    mind = open_mind(ScriptedModel(["I will call Ana tomorrow about the painting."]), answer_cache=True)
    mind.handle_user(ASKED)
    (first,) = mind.view().commitments.open
    mind.close_commitment(first.cid, "cancelled")
    assert mind.handle_user(ASKED).route == "model"


def test_an_answer_is_asked_for_anew_after_many_times(mind: Mind) -> None:
    first = mind.handle_user(ASKED)
    answers, fold = mind.view().answers, AnswersProjection()
    receipt = mind.log.by_kind("context_built")[-1]
    for n in range(GIVEN_MAX):
        assert answers.known
        asked, said = 1000 + 2 * n, 1001 + 2 * n
        answers = fold.apply(answers, msgspec.structs.replace(receipt, to=asked))
        end = ReplyEvent(id=said, content=first.text, to=asked, route="cache", model="scripted", finish="stop")
        answers = fold.apply(answers, end)
    assert not answers.known


def test_what_is_known_of_answers_holds_no_texts_and_survives_a_rebuild(mind: Mind) -> None:
    mind.handle_user(ASKED)
    answers = mind.view().answers
    assert len(answers.known) == 1
    assert "zebra" not in repr(answers) and "zebra" not in json.dumps([e.question for e in mind.log.by_kind("context_built")])  # type: ignore[attr-defined]
    from pmm.views import Views

    class Nothing:
        def load(self, *_: Any) -> None:
            return None

    assert Views(mind.log, Nothing()).at_head().answers == answers  # type: ignore[arg-type]


class Alike(Embedder):
    """To whom everything means the same."""

    name, dimensions = "alike", 4

    def embed(self, texts: Sequence[str]) -> Any:
        import numpy as np

        return np.tile(np.array([1.0, 0, 0, 0], dtype="float32"), (len(texts), 1))


def test_the_same_question_in_other_words_is_found_by_meaning_and_only_if_the_words_that_carry_it_agree(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    known = {"synchronous": "NORMAL", "answer_cache": True}
    with Mind.open(tmp_path / "mind.db", model=speaking(), embedder=Alike(), clock=clock, settings=known) as mind:
        mind.handle_user("Did Ana call Ben about the zebra painting?", session="a")
        assert mind.wait_idle(30)
        mind.recall("so that the embedder is loaded")
        assert mind.handle_user("Can you tell me, did Ana call Ben about a zebra painting", session="b").route == "cache"
        assert mind.handle_user("Did Ben call Ana about the zebra painting?", session="c").route == "model"
        assert mind.handle_user("Could Ana call Ben about the zebra painting?", session="d").route == "model"


# -- nothing survives a change of what it rests on ----------------------------------------------------------------------

CITIES = ("Oslo", "Porto", "Graz", "Lyon", "Bergen", "Ghent")


class Changes:
    """Each changes one thing that an answer may rest on, to something it never was before."""

    def __init__(self, mind: Mind, clock: SimulatedClock, draw: Callable[[int], int]) -> None:
        self.mind = mind
        self.clock = clock
        self.draw = draw
        self.n = 0
        self.rules: list[int] = []
        self.open: list[int] = []
        self.facts: list[int] = []
        self.last = mind.handle_user(ASKED)

    def name(self) -> str:
        self.n += 1
        return "".join(chr(ord("a") + int(digit)) for digit in str(100 + self.n)).title()

    def append(self, event: Any) -> None:
        self.mind._log.append([event])

    def fact_asserted(self) -> None:
        self.facts.append(self.mind.assert_fact("user", "likes", f"the town of {self.name()}"))

    def fact_retracted(self) -> None:
        if not self.facts:
            self.fact_asserted()
            self.ask()
        self.mind.retract_fact(self.facts.pop())

    def rule_set(self) -> None:
        self.rules.append(self.mind.set_directive(f"Never mention {self.name()} to anybody"))

    def rule_revoked(self) -> None:
        if not self.rules:
            self.rule_set()
            self.ask()
        self.mind.revoke_directive(self.rules.pop())

    def commitment_opened(self) -> None:
        self.open.append(self.mind.commit(f"write to {self.name()}"))

    def commitment_closed(self) -> None:
        if not self.open:
            self.commitment_opened()
            self.ask()
        self.mind.close_commitment(self.open.pop())

    def commitment_edited(self) -> None:
        if not self.open:
            self.commitment_opened()
            self.ask()
        self.mind.edit_commitment(self.open[-1], text=f"paint for {self.name()}")

    def commitment_snoozed(self) -> None:
        if not self.open:
            self.commitment_opened()
            self.ask()
        self.n += 1
        self.mind.snooze_commitment(self.open[-1], self.clock.now() + timedelta(days=30, minutes=self.n))

    def mind_renamed(self) -> None:
        self.mind.name_mind(self.name())

    def user_renamed(self) -> None:
        self.append(NameAdopted(whose="user", name=self.name(), evidence=self.last.user_event))

    def name_proposed(self) -> None:
        self.append(NameProposed(name=self.name(), evidence=self.last.reply_event))

    def policy_changed(self) -> None:
        old = self.mind.view().policy.recall_k or 8
        self.mind.set_policy("recall_k", 4 + (old - 3) % 9)

    def zone_changed(self) -> None:
        zones = ("Asia/Tokyo", "America/Lima", "UTC", "Africa/Cairo")
        self.mind.set_zone(next(z for z in zones if z != self.mind.view().identity.zone))

    def day_passed(self) -> None:
        self.clock.advance(86_400)

    def model_switched(self) -> None:
        self.mind._model = speaking()
        self.mind._model.name = self.name()

    def tone_changed(self) -> None:
        before = self.mind.view().traits.tone
        sign = 0.1 if self.mind.view().traits.O < 0.5 else -0.1
        for _ in range(40):
            self.append(TraitAdjusted(trait="O", delta=sign, cause="test", evidence=1))
            self.clock.advance(6 * 3600)
            if self.mind.view().traits.tone != before:
                return

    def stage_changed(self) -> None:
        now = self.mind.view().stage.level
        self.append(StageChanged(before=now, after=(now + 1) % 5, ias=0.5, gas=0.5))

    def reflected(self) -> None:
        self.append(Reflection(content=f"I am learning from {self.name()}", trigger="turns", action="none", evidence=(1,)))

    def scene_made(self) -> None:
        first = self.last.user_event or 1
        self.append(SceneCompacted(content=f"We spoke of {self.name()}", session="main", first=first, last=first, method="extract"))

    def spoke_first(self) -> None:
        self.append(FollowedUp(content=f"How is {self.name()}?", session="elsewhere"))

    def message_on_it(self) -> None:
        self.mind.handle_user(f"Ana said to {self.name()}: the zebra painting is sold.", session=f"other {self.n}")

    def message_imported(self) -> None:
        line = f"I said that the zebra painting of {self.name()} is lost."
        self.mind.import_turns([Turn("Ana", line, self.clock.now(), f"talk {self.n}", f"r{self.n}")], origin="test")

    def statement_in_the_conversation(self) -> None:
        self.mind.handle_user(f"No, you are wrong about {self.name()}.")

    def memory_taken_back(self) -> None:
        said = self.mind.handle_user(f"Ana said that the zebra painting pleases {self.name()}.", session=f"other {self.n}")
        self.ask()
        self.append(TurnSuperseded(turn=said.user_event or 0, by=self.last.user_event or 0))

    def answer_taken_back(self) -> None:
        self.append(TurnSuperseded(turn=self.last.user_event or 0, by=2))

    def answer_was_wrong(self) -> None:
        claim = Claim(said="she liked it", truth="she didn't")
        self.append(ReplyContradicted(content="she didn't", reply=self.last.reply_event or 0, claims=(claim,)))

    def ask(self) -> Any:
        self.last = self.mind.handle_user(ASKED)
        return self.last


KINDS = sorted(name for name, value in vars(Changes).items() if callable(value) and name not in ("__init__", "name", "append", "ask"))


def unasked_questions(mind: Mind, n: int) -> None:
    """What leaves the answer as it is."""
    mind.handle_user(("What is your name?", "How many events are in your log?", "Which code opens the garage door?")[n % 3])


@given(st.data())
@settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # one example takes a second: too long to shrink
def test_no_answer_survives_a_change_of_anything_it_rests_on(data: st.DataObject) -> None:
    """Whatever changes, in whatever order, with what doesn't matter in between: it is given until then, and not after."""
    check(data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6, unique=True)), lambda n: data.draw(st.integers(0, n)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_by_itself(kind: str) -> None:
    check([kind], lambda n: 0)


def check(kinds: list[str], draw: Callable[[int], int]) -> None:
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    with tempfile.TemporaryDirectory() as folder:
        known = {"synchronous": "NORMAL", "answer_cache": True, "trace_days": 0, "background_tokens_per_day": 0, "zone": "Europe/Berlin"}
        with Mind.open(Path(folder) / "mind.db", model=speaking(), clock=clock, settings=known) as mind:
            mind.handle_user("Ana said that the zebra painting hangs too low.", session="before")
            changes = Changes(mind, clock, draw)
            for kind in kinds:
                changes.ask()
                if draw(1):
                    unasked_questions(mind, draw(2))
                before = changes.ask()
                assert before.route == "cache", f"before {kind}"
                getattr(changes, kind)()
                after = changes.ask()
                assert after.route == "model", f"after {kind}"
