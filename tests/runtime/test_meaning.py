"""Recall by meaning, and what stands beside it: facts, a date in the question, answers that cite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pmm import Mind, Turn
from pmm.events import FactAsserted
from pmm.memory.embeddings import Embedder, normalised
from pmm.memory.recall import CANDIDATES, NEAREST, TOP
from pmm.testing import ScriptedModel, SimulatedClock, counting

Open = Callable[..., Mind]
THINGS = {"dog": 0, "puppy": 0, "terrier": 0, "boat": 1, "dinghy": 1, "yacht": 1, "Ana": 2, "Ben": 3}


class Thesaurus(Embedder):
    """Knows that a terrier is a dog, and who is spoken of, loudly."""

    name = "thesaurus"
    dimensions = 5

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        rows[:, -1] = 0.1  # what it knows nothing of
        for row, text in zip(rows, texts, strict=True):
            for thing, axis in THINGS.items():
                row[axis] += (3 if thing[0].isupper() else 1) * (thing in text)
        return normalised(rows)


@pytest.fixture
def mind(tmp_path: Path, clock: SimulatedClock) -> Any:
    with Mind.open(tmp_path / "a.db", model="offline", embedder=Thesaurus(), clock=clock, settings={"zone": "UTC"}) as mind:
        yield mind


def tell(mind: Mind, *lines: tuple[str, str], session: str = "s", **more: Any) -> None:
    mind.import_turns([Turn(who, text, session=session, **more) for who, text in lines], origin="x")
    assert mind.wait_idle(30)


def asked(mind: Mind) -> list[str]:
    assert mind._encoding is not None and isinstance(mind._encoding._given, Thesaurus)
    return mind._encoding._given.asked


def apart(mind: Mind, *texts: str, who: str = "Ana") -> None:
    for number, text in enumerate(texts):
        tell(mind, (who, text), session=f"{who} {number}")


def test_what_shares_no_word_with_the_question_is_found_and_the_reasons_sum_to_the_score(mind: Mind) -> None:
    apart(mind, "The terrier chews everything", *(f"Nothing much on day {n}" for n in range(30)))
    best, *_ = mind.recall("which puppy")
    assert best.text == "The terrier chews everything" and best.why["meaning"] > 1
    assert all(m.score == round(sum(m.why.values()), 4) for m in mind.recall("what about the boat and the puppy", k=50))


def test_the_messages_beside_lend_some_of_what_they_mean(mind: Mind) -> None:
    tell(mind, ("Ana", "Look at my terrier"), ("Ben", "So cute"), ("Ana", "Thanks"), ("Ben", "Bye"))
    why = {m.text: m.why.get("meaning", 0) for m in mind.recall("the dog")}
    assert why["Look at my terrier"] > why["So cute"] > 0.2 and why["So cute"] > 2 * why.get("Bye", 0)


def test_the_speakers_names_are_not_part_of_what_a_question_means(mind: Mind) -> None:
    apart(mind, "Ana, Ana, are you there, Ana?", "Hello Ana", who="Ben")
    apart(mind, "The terrier is asleep", who="Ana")
    assert mind.recall("Where's Ana's puppy, Ben?")[0].text == "The terrier is asleep"
    assert "puppy" in asked(mind)[-1] and not {"Ana", "Ben"} & set(asked(mind)[-1].replace("'", " ").split())


def test_nothing_later_and_nothing_excluded_is_found_by_its_meaning(mind: Mind) -> None:
    tell(mind, ("Ana", "The dinghy leaks"))
    head = mind.log.head[0]
    tell(mind, ("Ben", "The yacht sails"), session="t")
    assert [m.text for m in mind.recall("boat", at=head)] == ["The dinghy leaks"]
    assert [m.text for m in mind.recall("boat", who="ben")] == ["The yacht sails"]
    assert [m.text for m in mind.recall("boat", session="s")] == ["The dinghy leaks"]


def test_without_the_signal_nothing_is_encoded_and_words_alone_find(mind: Mind) -> None:
    tell(mind, ("Ana", "The terrier chews"))
    before = len(asked(mind))
    assert mind.recall("which puppy", without=["meaning"]) == [] and len(asked(mind)) == before


def test_calls_and_rows_stay_bounded_however_much_was_said(mind: Mind) -> None:
    def cost() -> tuple[int, int]:
        with counting(mind) as counted:
            mind.recall("the boat of the puppy")
        return counted.statements, counted.rows_read

    tell(mind, *((("Ana", "Ben")[n % 2], f"{('boat', 'dog', 'tree')[n % 3]} number {n}") for n in range(400)))
    mind.recall("the boat of the puppy")
    few = cost()
    tell(mind, *((("Ana", "Ben")[n % 2], f"{('boat', 'dog', 'tree')[n % 3]} number {n}") for n in range(400, 1600)))
    mind.recall("the boat of the puppy")
    many = cost()
    assert many[0] == few[0] <= 12
    assert many[1] <= 3 * (CANDIDATES + NEAREST) + 2 * 5 * TOP + 60


def test_a_turn_finds_by_meaning_once_the_embedder_is_there(tmp_path: Path, clock: SimulatedClock) -> None:
    model = ScriptedModel(["Fine."])
    with Mind.open(tmp_path / "a.db", model=model, embedder=Thesaurus(), clock=clock) as mind:
        tell(mind, ("Ana", "The terrier chews everything"))
        until = monotonic() + 20
        while not any("meaning" in s.why for s in mind.handle_user("Is there a puppy?").sources) and monotonic() < until:
            threading.Event().wait(0.01)
        assert monotonic() < until


# -- facts beside messages ---------------------------------------------------------------------------------------------------------------


def test_current_facts_come_first_then_past_ones_with_when_they_ended_and_stale_ones_say_so(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    lyon = mind.assert_fact("user", "lives in", "Lyon")
    clock.advance(86_400)
    oslo = mind.assert_fact("user", "lives in", "Oslo")
    found = mind.recall("where do I live", facts=True)
    assert [(m.id, m.origin) for m in found] == [(oslo, "fact"), (lyon, "fact")]
    assert "Oslo (since 2026-03-03)" in found[0].text and "Lyon (since 2026-03-02, until 2026-03-03)" in found[1].text
    assert [m.id for m in mind.recall("where do I live", at=lyon, facts=True)] == [lyon]
    assert mind.recall("where do I live") == [] == mind.recall("", facts=True)
    (near,) = mind._log.append([FactAsserted(subject="user", relation="lives near", value="the fjord", evidence=(oslo,))])
    mind.retract_fact(oslo)
    assert "stale" in next(m for m in mind.recall("what do I live near", facts=True) if m.id == near.id).text


def test_facts_and_messages_together_are_never_more_than_asked_for(open_mind: Open) -> None:
    mind = open_mind()
    for n in range(5):
        mind.assert_fact("user", "likes", f"tea number {n}")
        mind.handle_user(f"I had some tea with{' lemon' * n}.")  # each looks different, else two of them stand for all
    for k in (1, 2, 4, 8):
        found = mind.recall("which tea", k=k, facts=True)
        assert len(found) == k and [m.origin == "fact" for m in found] == [n < min(k, 3) for n in range(k)]


# -- a date in the question ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def boats(open_mind: Open, clock: SimulatedClock) -> Mind:
    """Told on 2 March, 1 May and 30 June 2026."""
    mind = open_mind("offline", zone="UTC")
    for wait, text in ((0, "My boat is red."), (60, "We painted the boat green."), (60, "The boat is for sale now.")):
        clock.advance(wait * 86_400)
        mind.handle_user(text)
    return mind


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What did I tell you about the boat before May?", {"red"}),
        ("what did I say about my boat until 2026-06-01", {"red", "green"}),
        ("what have I told you about the boat after May?", {"sale"}),
        ("What I said about the boat since 1 May 2026", {"green", "sale"}),
        ("What did I tell you about the boat before 1 March 2026?", set()),
        ("Was the boat red before May?", {"red", "green", "sale"}),
    ],
)
def test_what_was_told_before_or_after_a_date_is_looked_for_there(boats: Mind, question: str, told: set[str]) -> None:
    said = " ".join(m.text for m in boats.recall(question, who="user"))
    assert {word for word in ("red", "green", "sale") if word in said} == told


def test_the_answer_without_a_model_keeps_to_the_date(boats: Mind, clock: SimulatedClock) -> None:
    clock.advance(86_400)
    answer = boats.handle_user("What did I tell you about the boat before May?").text
    assert "red" in answer and "green" not in answer and "sale" not in answer


def test_a_month_without_a_year_is_the_latest_one_that_has_begun(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind("offline", zone="UTC")
    old = clock.now() - timedelta(days=200)  # August of the year before
    mind.import_turns([Turn("user", "The boat was blue", at=old, session="s", role="user")], origin="x")
    mind.handle_user("The boat is red.")
    assert [m.text for m in mind.recall("what did I say about the boat before November?", who="user")] == ["The boat was blue"]


# -- answers ------------------------------------------------------------------------------------------------------------------------------

DIALOGUE = (
    "I started to learn the cello in January.",
    "My sister Nadia moved to Porto last week.",
    "The roof of the shed leaks when it rains.",
    "I had lunch with Tomas at the harbour.",
    "Our neighbour grows orchids in his cellar.",
    "The doctor told me to eat less salt.",
    "I bought a second-hand bicycle for forty euros.",
    "The cat sleeps on the printer every night.",
)
QUESTIONS = (
    ("Where did Nadia move?", 1),
    ("Who did I have lunch with?", 3),
    ("What does our neighbour grow?", 4),
    ("How much was the bicycle?", 6),
    ("What leaks when it rains?", 2),
    ("Where does the cat sleep?", 7),
    ("What should I eat less of?", 5),
    ("When did I start with the cello?", 0),
)


def test_an_answer_without_a_model_cites_the_message_that_answers(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind("offline", zone="UTC")
    ids = []
    for line in DIALOGUE:
        ids.append(mind.handle_user(line, session="talk").user_event)
        clock.advance(3600)
    for question, line in QUESTIONS:
        answer = mind.handle_user(question, session=f"asking {line}").text
        assert f"[#{ids[line]}]" in answer, (question, answer)
