"""A slice of the MemeGraph: what recall finds about a topic, and what is linked with that, with the events that prove it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pmm import InvalidInput, Mind
from pmm.memory.graph import Relation
from pmm.testing import ScriptedModel, SimulatedClock, counting, generate_log

Open = Callable[..., Mind]


class Seen:
    """Whatever a slice looked at."""

    def __init__(self) -> None:
        self.nodes: dict[int | str, tuple[str, str, float]] = {}

    def visit(self, node: int | str, kind: str, why: str, score: float) -> None:
        self.nodes[node] = (kind, why, score)


def triples(found: list[Relation]) -> set[tuple[int, str, int | str]]:
    return {(relation.source, relation.relation, relation.target) for relation in found}


@pytest.fixture
def mind(open_mind: Open) -> Mind:
    mind = open_mind(ScriptedModel(["I see.", "I will send you the tuning plan.", "Fine."]))
    mind.handle_user("I bought a piano from Ana in Lyon.")
    mind.handle_user("Remind me to tune the piano tomorrow.")
    mind.handle_user("The weather is dull today.")
    return mind


def test_a_topic_gives_what_was_said_what_came_of_it_and_who_was_named(mind: Mind) -> None:
    found = mind.graph_slice("the piano", limit=50)
    (bought, remind, _) = [event.id for event in mind.log.by_kind("user_message")]
    (opened, *_) = [event.id for event in mind.log.by_kind("commitment_opened")]
    replies = [event.id for event in mind.log.by_kind("reply")]
    assert {(remind, "opens", opened), (replies[0], "replies_to", bought), (bought, "mentions", "Ana")} <= triples(found)
    assert all(0 < r.score <= 1 and r.confidence >= 0.6 for r in found)
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    texts = {r.source: r.source_text for r in found} | {r.target: r.target_text for r in found}
    assert texts[bought] == "I bought a piano from Ana in Lyon." and texts[opened] == "tune the piano"
    for relation in found:
        proof = mind.log.get(relation.proof)
        assert proof is not None and proof.id <= mind.view().head


def test_a_name_leads_to_whatever_mentions_it_though_recall_finds_no_word_of_it(mind: Mind) -> None:
    assert (2, "mentions", "Ana") in triples(mind.graph_slice("ANA's", limit=1))


def test_two_steps_lead_on_and_no_further(mind: Mind) -> None:
    seen = Seen()
    mind.graph_slice("Lyon", limit=50, trace=seen)
    assert seen.nodes["Lyon"] == ("entity", "named", 1.0)
    kinds = {kind for kind, _, _ in seen.nodes.values()}
    assert {"user_message", "reply"} <= kinds
    assert "weather" not in "".join(r.source_text for r in mind.graph_slice("Lyon", limit=50, min_confidence=0.9))


def test_only_links_as_sure_as_asked_for_are_followed(mind: Mind) -> None:
    assert all(r.confidence == 1.0 for r in mind.graph_slice("piano Ana Lyon", limit=50, min_confidence=1.0))
    assert len(mind.graph_slice("piano Ana Lyon", limit=50, min_confidence=0.0)) >= len(mind.graph_slice("piano Ana Lyon", limit=50))
    assert len(mind.graph_slice("piano Ana Lyon")) == 3


@pytest.mark.parametrize("topic", ["", " ", "qwertzuiop", "\ud800", '" OR 1=1 --', "x" * 200_000, "the of and"])
def test_a_topic_that_says_nothing_gives_nothing_or_little(mind: Mind, topic: str) -> None:
    assert isinstance(mind.graph_slice(topic), list)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"min_confidence": 2}, {"min_confidence": -0.1}])
def test_what_makes_no_sense_is_refused(mind: Mind, wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        mind.graph_slice("piano", **wrong)  # type: ignore[arg-type]


def test_an_empty_mind_has_no_graph(open_mind: Open) -> None:
    assert open_mind().graph_slice("anything") == []


def test_a_slice_makes_the_same_few_calls_at_any_size_and_reads_a_bounded_number_of_rows(tmp_path: Path) -> None:
    calls = set()
    for size in (200, 5000):
        generate_log(tmp_path / f"{size}.db", size, seed=1)
        with Mind.open(tmp_path / f"{size}.db", model=ScriptedModel(["."]), clock=SimulatedClock("2031-01-06T09:00:00+00:00")) as mind:
            mind.wait_idle(30)
            with counting(mind) as cost:
                assert len(mind.graph_slice("What did Ana say about taxes in Lyon?", limit=10)) == 10
            assert cost.full_reads == cost.appended == 0 and cost.rows_read < 2000
            calls.add(cost.statements)
    assert len(calls) == 1 and calls.pop() <= 12


def test_a_slice_as_of_then_holds_nothing_that_came_later(mind: Mind) -> None:
    now = mind.graph_slice("the piano", limit=50)
    last = max(relation.proof for relation in now)
    then = mind.graph_slice("the piano", limit=50, at=last - 1)
    assert then and all(relation.proof < last for relation in then)
