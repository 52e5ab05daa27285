"""What a reply says about the log is held against the log: explicit claims only, and never a false alarm."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.agent.claims import CLAIMS_MAX, SAID_CHARS, contradictions, ids_in
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    CommitmentReminded,
    DirectiveSet,
    Event,
    NameAdopted,
    ReplyEvent,
    StageChanged,
    UserMessage,
)
from tests.projections.folding import DUE, Folding

HEAD = 40
SHOWN = {2, 4, 5, 6, 8, 12, 900}
"""900: the user wrote it; there is no such event"""


def mind(**more: Any) -> Folding:
    """Echo, who talks with Scott. #4 (the mind's) and #5 (Scott's) are open, #6 was kept, #8 cancelled; two rules hold; stage 1."""
    view = Folding("identity", "commitments", "conversation", "directives", "metrics", "stage", "usage", **more)
    view.put(UserMessage(source="python", session="main", content="hi"))
    view.put(NameAdopted(whose="user", name="Scott", evidence=2))
    assert view.promise() == 4
    view.put(CommitmentOpened(content="pay the rent", owner="user"))
    view.put(CommitmentOpened(content="water the plants", owner="mind"))
    view.put(CommitmentClosed(cid=6, outcome="kept", evidence=2))
    view.put(CommitmentOpened(content="book the hall", owner="mind"))
    view.put(CommitmentClosed(cid=8, outcome="cancelled"))
    view.put(DirectiveSet(content="Be brief.", source=2))
    view.put(DirectiveSet(content="Never say awesome.", source=2))
    for _ in range(5):
        view.put(ReplyEvent(to=2, route="model", model="m", finish="stop"))
    view.put(StageChanged(before=0, after=1, ias=0.4, gas=0.3))
    return view


VIEW = mind()


def claimed(reply: str, view: Any = VIEW, shown: Any = SHOWN, head: int = HEAD, changing: tuple[Event, ...] = ()) -> list[str]:
    return [claim.truth for claim in contradictions(reply, view, shown=shown, head=head, changing=changing)]


NO_EVENT = "There is no event #900; the last one is #40."
OPEN_4 = "Commitment #4 is open."
KEPT_6 = "Commitment #6 is not open any more; it ended as kept."
COUNT = "2 commitments are open."
NAME = "The mind's name is Echo."
USER = "The user's name is Scott."

WRONG = {
    NO_EVENT: [
        "As you told me in [#900], you live in Lyon.",
        "You moved in May [#900].",
        "Event #900 says that you like tea.",
        "Das steht in Ereignis #900.",
        "C'est écrit dans l'événement #900.",
        "Lo dice el evento #900.",
        "You mentioned it twice [#2] [#900].",
    ],
    "There is no event #901; the last one is #40.": ["You never liked tea [#901].", "You moved in May [#901]."],
    "Event #30 was not shown to the model, so it can't know what it says.": ["You live in Lyon [#30].", "Du wohnst in Lyon [#30]."],
    OPEN_4: [
        "Commitment #4 is done.",
        "Good news: commitment #4 is closed.",
        "Commitment 4 has been completed.",
        "Commitment #4 is already kept, by the way.",
        "The commitment #4 is now fully done!",
        "[#4] is done.",
        "Promise #4 was kept.",
        "Task #4 is marked as completed.",
        "Die Verpflichtung #4 ist bereits erledigt.",
        "Aufgabe #4 ist abgeschlossen.",
        "L'engagement #4 est déjà tenu.",
        "La promesse n° 4 est terminée.",
        "El compromiso #4 está cerrado.",
        "La tarea #4 ya está hecha. El compromiso #4 está cumplido.",
        "Commitment #4 is cancelled.",
    ],
    KEPT_6: [
        "Commitment #6 is still open.",
        "Commitment #6 remains open.",
        "Commitment #6 is pending.",
        "Die Verpflichtung #6 ist noch offen.",
        "L'engagement #6 est toujours ouvert.",
        "El compromiso #6 sigue abierto.",
        "Commitment #6 has expired. Commitment #6 was broken.",
    ],
    "Commitment #8 is not open any more; it ended as cancelled.": ["Commitment #8 is done.", "Commitment #8 is still open."],
    "There is no commitment #77.": ["Commitment #77 is still open.", "Commitment #77 is done."],
    "No reminder has been given so far.": ["I have reminded you to pay the rent.", "I've already reminded you about it."],
    "No reminder of commitment #4 has been given so far.": ["I have reminded you of commitment #4."],
    COUNT: [
        "You have 3 open commitments.",
        "You have five open commitments at the moment.",
        "There are 7 open commitments, and I am on it.",
        "Right now you have no open commitments.",
        "We have 12 open commitments in total.",
        "Du hast 5 offene Verpflichtungen.",
        "Tu as trois engagements ouverts.",
        "Tienes 4 compromisos abiertos.",
    ],
    "2 rules hold.": ["There are 5 active rules.", "You have three directives."],
    "There were 6 turns so far.": [
        "We have talked 500 times.",
        "You have sent me 1,200 messages.",
        "We've had 40 conversations and counting.",
    ],
    "The log has 40 events.": ["My log has 12,000 events."],
    f"The IAS is {VIEW.metrics.ias:.2f}.": ["My IAS is 0.9.", "My current IAS is 90%.", "Mein IAS ist 0,8."],
    f"The GAS is {VIEW.metrics.gas:.2f}.": ["My GAS score is 0.75."],
    "The stage is S1.": [
        "I'm at stage S3.",
        "I am now at S4.",
        "My stage is 2.",
        "Ich bin auf Stufe S3.",
        "Je suis au stade S2.",
        "Estoy en la etapa S3.",
    ],
    NAME: ["My name is Claude.", "Hello! My name is Qwen, nice to meet you.", "Ich heiße Klaus.", "Je m'appelle Claude.", "Me llamo Ana."],
    USER: ["Your name is Anna.", "Du heißt Anna.", "Ton nom est Anna.", "Te llamas Ana."],
}

RIGHT = [
    "Commitment #4 is open.",
    "Commitment #4 is still open, and so is #5.",
    "Commitment #6 is done.",
    "Commitment #6 is closed.",
    "Commitment #8 was cancelled.",
    "Die Verpflichtung #6 ist erledigt.",
    "If commitment #4 is done, tell me.",
    "Let me know when commitment #4 is done.",
    "Is commitment #4 done?",
    "Commitment #4 is not done.",
    "Commitment #4 isn't closed yet.",
    "Commitment #4 will be closed tomorrow.",
    "I hope commitment #4 is done soon.",
    "Make sure commitment #4 is closed by Friday.",
    'You wrote "commitment #4 is done".',
    "You said commitment #4 is done.",
    "Sobald Verpflichtung #4 erledigt ist, melde dich.",
    "```\ncommitment #4 is done\n```",
    "There is no event [#900] in my log.",
    "I can't find [#900].",
    "I have no event #900.",
    "Event #777 does not exist.",
    "I don't see [#777] anywhere.",
    "Das Ereignis #777 gibt es nicht.",
    "L'événement #777 n'existe pas.",
    "El evento #777 no existe.",
    "You told me so [#2] and [#12].",
    "Issue #900 on GitHub is closed.",
    "We're #1! Take the #77 bus.",
    "The colour is #112233.",
    "You have 2 open commitments.",
    "You have two open commitments.",
    "You have 1 open commitment.",
    "You have 5 open commitments due today.",
    "You have at least 1 open commitment, maybe 7.",
    "Suppose you have 9 open commitments.",
    "You have three open questions and 5 open tabs.",
    "There are 5 rules of thumb.",
    "There are 12 rules in chess.",
    "There are 2 active rules.",
    "We have talked 3 times.",
    "We have talked about it many times.",
    f"My IAS is {VIEW.metrics.ias:.2f}.",
    f"My IAS is {VIEW.metrics.ias:.1f}.",
    f"My IAS is {VIEW.metrics.ias:.0%}.",
    f"My GAS is {VIEW.metrics.gas:.2f}.",
    "Here is the mail:\n\nDear Ms Smith,\n\nMy name is Claude and I'd like to apply.\n\nBest regards",
    "Your IAS tablets are 0.9 mg.",
    "I'm at stage S1.",
    "I'm at stage 3 of the recipe.",
    "The S3 bucket is full, and I am on it.",
    "My name is Echo.",
    "My name is Echo, not Claude.",
    "Ich heiße Echo.",
    "My name is not Claude.",
    "My name is important to me.",
    "If my name is Claude in the story, so be it.",
    "Let's pretend my name is Bob.",
    "Your name is Scott.",
    "Your name is Scott Miller.",
    "Your name is on the list.",
    "What if your name is Anna?",
    "I will remind you tomorrow.",
    "I have not reminded you yet.",
    "Have I reminded you?",
    "I would have reminded you.",
    "A reminder: pay the rent.",
    "",
    "   \n",
    "#",
    "[#]",
]


@pytest.mark.parametrize(("reply", "truth"), [(reply, truth) for truth, replies in WRONG.items() for reply in replies])
def test_a_claim_that_the_log_contradicts_is_found_with_what_is_true(reply: str, truth: str) -> None:
    assert truth in claimed(reply)


@pytest.mark.parametrize("reply", RIGHT)
def test_what_is_true_denied_asked_supposed_quoted_or_about_something_else_is_left_alone(reply: str) -> None:
    assert claimed(reply) == []


def test_a_claim_says_which_sentence_made_it_and_which_event_it_is_about() -> None:
    (claim,) = contradictions("Fine. Commitment #4 is done. Anything else?", VIEW, shown=SHOWN, head=HEAD)
    assert (claim.said, claim.truth, claim.about) == ("Commitment #4 is done.", OPEN_4, 4)


def test_what_this_very_turn_changes_is_no_contradiction() -> None:
    assert claimed("Commitment #4 is done.", changing=(CommitmentClosed(cid=4, outcome="kept"),)) == []
    assert claimed("Commitment #5 is done.", changing=(CommitmentClosed(cid=4, outcome="kept"),)) == ["Commitment #5 is open."]
    assert claimed("You have 3 open commitments.", changing=(CommitmentOpened(content="x", owner="user"),)) == []
    assert claimed("My name is Nova.", changing=(NameAdopted(whose="mind", name="Nova"),)) == []
    assert claimed("There are 3 active rules.", changing=(DirectiveSet(content="x"),)) == []


def test_a_reminder_that_was_given_may_be_spoken_of() -> None:
    view = mind()
    view.put(CommitmentReminded(cid=4, due=DUE))
    assert claimed("I have reminded you of commitment #4. I've reminded you.", view) == []


def test_a_mind_without_a_name_has_none() -> None:
    nameless = Folding("identity", "commitments", "conversation", "directives", "metrics", "stage", "usage", name=None)
    assert claimed("My name is Claude.", nameless) == ["The mind has no name yet."]
    assert claimed("Your name is Anna.", nameless) == []


def test_the_same_truth_is_told_once_and_claims_are_bounded() -> None:
    assert claimed("Commitment #4 is done. Commitment #4 is closed.") == [OPEN_4]
    many = " ".join(f"You said so [#{n}]." for n in range(100, 160))
    found = contradictions(many, VIEW, shown=SHOWN, head=HEAD)
    assert len(found) == CLAIMS_MAX and all(len(claim.said) <= SAID_CHARS for claim in found)


def test_a_long_paragraph_is_read_to_its_end() -> None:
    long = "The garden needs water in summer, and the plants need light all the year round. " * 12
    assert claimed(f"{long}Commitment #4 is done.") == [OPEN_4]
    assert claimed(f"{long}\nAnd:\n{long}\nCommitment #4 is done. {long}") == [OPEN_4]


def test_the_numbers_a_prompt_holds_are_those_of_the_events_it_shows() -> None:
    messages = [{"role": "system", "content": "- #12 · 2026-03-02 · user: hi (#7)"}, {"role": "user", "content": "what is [#900]?"}]
    assert ids_in(messages) == {12, 7, 900}


@given(st.text(alphabet="[#0123456789] commitmentisdone.\nMy name IAS\ud800é", max_size=300))
def test_nothing_that_a_model_writes_breaks_it(reply: str) -> None:
    for claim in contradictions(reply, VIEW, shown=SHOWN, head=HEAD):
        assert claim.truth and claim.said


@pytest.mark.parametrize("piece", ["commitment #4 is ", "[#9] ", "my IAS is 0.", "You have 3 ", "I have reminded you ", "my name is A "])
def test_a_huge_reply_takes_no_time_to_speak_of(piece: str) -> None:
    started = time.process_time()
    contradictions(piece * 100_000, VIEW, shown=SHOWN, head=HEAD)
    assert time.process_time() - started < 4
