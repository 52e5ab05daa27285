"""The extractor against labelled sentences, hostile text, and the clock."""

from __future__ import annotations

import runpy
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.agent.extract import Known, extract_message, extract_reply, normalise
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    NameAdopted,
    NameProposed,
    TraitAdjusted,
)
from pmm.projections.facts import Fact

TABLE = runpy.run_path(str(Path(__file__).with_name("sentences.py")))
PLAIN, KNOWN, PROPOSED, REPLIES = TABLE["PLAIN"], TABLE["KNOWN"], TABLE["PROPOSED"], TABLE["REPLIES"]
UNSEEN = runpy.run_path(str(Path(__file__).with_name("unseen.py")))
NOW = datetime(2026, 3, 6, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
NOTHING = Known(now=NOW, zone="Europe/Berlin")
SOMETHING = Known(
    now=NOW,
    zone="Europe/Berlin",
    commitments=TABLE["COMMITMENTS"],
    directives=TABLE["DIRECTIVES"],
    facts=tuple(Fact(*fact, since=NOW) for fact in TABLE["FACTS"]),
)
ASKED = Known(now=NOW, zone="Europe/Berlin", proposed="Echo")


PIECES = st.sampled_from(
    "I'll |I will |remind me |to |call me |your name is |Echo|always |never |stop using |from now on "
    "|on Friday|at 5|tomorrow|in 2 days|every |Monday|,"
    "|. |? |! |: |; | and |\n|\n\n|\"|'|“|”|„|«|»|`|```\n|> |    |\u200b|\u202e|😀|\ud800|\x00|\U000f0000"
    "|I sent the draft|cancel the reminder|3 May |31.2.|99:99|a|ß"
    "|I live in |I work at |my dog is called |Rex |I'm a |nurse|since 2019|I like |, and |allergic to |yes|no longer |my favourite"
    " colour is "
    "|that rule|forget |ich werde |morgen |je vais |demain |Dear Bob,\n|Here is it:".split("|")
)


def printed(event: Event) -> str:
    match event:
        case NameAdopted():
            return f"name {event.whose} {event.name}"
        case CommitmentOpened():
            due = f"{event.due} {event.repeat}" if event.repeat else str(event.due or "-")
            return f"open {event.owner} {due} {event.content}"
        case CommitmentClosed():
            return f"{event.outcome} {event.cid}"
        case DirectiveSet():
            return f"set {event.content}"
        case DirectiveRevoked():
            return f"revoke {event.did}"
        case FactAsserted():
            since = f" | since {event.valid_from}" if event.valid_from else ""
            return f"fact {event.subject} | {event.relation} | {event.value}{since}"
        case FactRetracted():
            return f"retract {event.fact}"
        case NameProposed():
            return f"propose {event.name}"
        case TraitAdjusted():
            return f"{event.cause} {event.trait} {event.delta:+.2f}"
    raise AssertionError(event)


def message(text: str, known: Known = NOTHING) -> list[str]:
    return [printed(event) for event in extract_message(text, known)]


def reply(text: str, known: Known = NOTHING) -> list[str]:
    return [printed(event) for event in extract_reply(text, known)]


def kind(line: str) -> str:
    return " ".join(line.split()[:2]) if line.startswith(("name", "open")) else line.split()[0]


def judge(rows: list[tuple[str, list[str], list[str]]]) -> tuple[dict[str, tuple[int, int, int]], list[str]]:
    """Per kind (right, wrong, missed), and a line for every sentence misread."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    misread = []
    for text, expected, found in rows:
        right.update(kind(line) for line in found if line in expected)
        wrong.update(kind(line) for line in found if line not in expected)
        missed.update(kind(line) for line in expected if line not in found)
        if sorted(found) != sorted(expected):
            misread.append(f"{text!r}\n    expected {expected}\n    found    {found}")
    kinds = sorted(right | wrong | missed)
    return {name: (right[name], wrong[name], missed[name]) for name in kinds}, misread


def report(scores: dict[str, tuple[int, int, int]]) -> tuple[float, float]:
    total = tuple(map(sum, zip(*scores.values(), strict=True)))
    for name, (right, wrong, missed) in [*scores.items(), ("all", total)]:
        precision, recall = right / ((right + wrong) or 1), right / ((right + missed) or 1)
        print(f"{name:12} precision {precision:.3f} recall {recall:.3f}   right {right} wrong {wrong} missed {missed}")
    return precision, recall


def unseen() -> Iterator[tuple[str, list[str], list[str]]]:
    """The rows of the batches that somebody wrote without having seen the extractor."""
    later = partial(Known, now=datetime(2026, 3, 12, 10, 0, tzinfo=ZoneInfo("Europe/Berlin")), zone="Europe/Berlin")
    yield from ((text, expected, message(text, later())) for text, *expected in UNSEEN["PLAIN"])
    yield from ((text, expected, reply(text, later())) for text, *expected in UNSEEN["REPLIES"])
    for commitments, directives, said, own, replied in UNSEEN["BATCHES"]:
        yield from ((text, expected, message(text, later(commitments=commitments, directives=directives))) for text, *expected in said)
        yield from ((text, expected, reply(text, later(commitments=own))) for text, *expected in replied)


def test_the_labelled_sentences_are_read_as_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(text, expected, message(text)) for text, *expected in PLAIN]
    rows += [(text, expected, message(text, SOMETHING)) for text, *expected in KNOWN]
    rows += [(text, expected, message(text, ASKED)) for text, *expected in PROPOSED]
    rows += [(text, expected, reply(text, SOMETHING)) for text, *expected in REPLIES]
    rows += list(unseen())
    scores, misread = judge(rows)
    with capsys.disabled():
        print(f"\n{len(rows)} sentences")
        precision, recall = report(scores)
        print(*misread, sep="\n")
    assert len(rows) >= 4500
    assert sum(not expected for _, expected, _ in rows) >= len(rows) // 2
    assert precision >= 0.97
    assert recall >= 0.80


# -- when it is due --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("today", "2026-03-06"),
        ("tonight at 8", "2026-03-06T20:00"),
        ("tomorrow", "2026-03-07"),
        ("tomorrow at 5", "2026-03-07T17:00"),
        ("tomorrow morning at 8", "2026-03-07T08:00"),
        ("at 9", "2026-03-06T21:00"),
        ("at 11:30", "2026-03-06T11:30"),
        ("at 8am", "2026-03-07T08:00"),
        ("at 17:00", "2026-03-06T17:00"),
        ("at noon", "2026-03-06T12:00"),
        ("the day after tomorrow", "2026-03-08"),
        ("on Friday", "2026-03-13"),
        ("this Friday", "2026-03-06"),
        ("on Monday", "2026-03-09"),
        ("next Wednesday", "2026-03-11"),
        ("by Thursday at 10am", "2026-03-12T10:00"),
        ("in two days", "2026-03-08"),
        ("in 3 weeks", "2026-03-27"),
        ("in a month", "2026-04-06"),
        ("in 90 minutes", "2026-03-06T11:30"),
        ("on 2026-05-03", "2026-05-03"),
        ("on 3 May", "2026-05-03"),
        ("on May 3rd, 2027", "2027-05-03"),
        ("on the 3rd of May at 14:30", "2026-05-03T14:30"),
        ("on 1 January", "2027-01-01"),
        ("on the 5th", "2026-04-05"),
        ("by the end of the week", "2026-03-08"),
        ("by the end of the month", "2026-03-31"),
        ("next week", "2026-03-15"),
        ("this weekend", "2026-03-08"),
    ],
)
def test_a_promise_is_due_when_it_says(words: str, due: str) -> None:
    assert message(f"I'll send you the draft {words}.") == [f"open user {due} send you the draft"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ich werde dir am Freitag um 17 Uhr den Entwurf schicken.", "open user 2026-03-13T17:00 dir den Entwurf schicken"),
        ("Ich werde Ana übermorgen anrufen.", "open user 2026-03-08 Ana anrufen"),
        ("Ich werde am 3. Mai die Miete überweisen.", "open user 2026-05-03 die Miete überweisen"),
        ("Rappelle-moi de sortir la poubelle tous les lundis à 8h.", "open mind 2026-03-09T08:00 FREQ=WEEKLY;BYDAY=MO sortir la poubelle"),
        ("Rappelle-moi d'appeler Ana après-demain.", "open mind 2026-03-08 appeler Ana"),
        ("Recuérdame pagar el alquiler el 3 de mayo a las 17:00.", "open mind 2026-05-03T17:00 pagar el alquiler"),
        ("Ich werde dir bis Ende der Woche das Buch schicken.", "open user 2026-03-08 dir das Buch schicken"),
        ("Ich werde Ana in zwei Wochen um 17 Uhr 30 anrufen.", "open user 2026-03-20T17:30 Ana anrufen"),
        ("Erinnere mich morgen früh um acht daran, Ana anzurufen.", "open mind 2026-03-07T08:00 Ana anzurufen"),
        ("Rappelle-moi dans une demi-heure d'appeler Ana.", "open mind 2026-03-06T10:30 appeler Ana"),
        ("Recuérdame llamar a Ana mañana a las 5 de la tarde.", "open mind 2026-03-07T17:00 llamar a Ana"),
        ("Recuérdame pagar el alquiler todos los meses.", "open mind 2026-04-06 FREQ=MONTHLY pagar el alquiler"),
        ("Remind me to water the plants every other day.", "open mind 2026-03-08 FREQ=DAILY;INTERVAL=2 water the plants"),
        ("Remind me to stretch every weekday at 3pm.", "open mind 2026-03-09T15:00 FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR stretch"),
        ("Remind me next week to call Ana.", "open mind 2026-03-09 call Ana"),
        ("I'll send you the draft by 20.3.2026.", "open user 2026-03-20 send you the draft"),
        ("I'll call Ana two days from now.", "open user 2026-03-08 call Ana"),
        ("I'll finish the report after the weekend.", "open user 2026-03-09 finish the report"),
        ("Remind me on Mon to call Ana.", "open mind 2026-03-09 call Ana"),
        ("Remind me on Mondays and Thursdays to water the plants.", "open mind 2026-03-09 FREQ=WEEKLY;BYDAY=MO,TH water the plants"),
        ("Remind me every year to renew the licence.", "open mind 2027-03-06 FREQ=YEARLY renew the licence"),
        ("Erinnere mich nach dem Wochenende daran, Ana anzurufen.", "open mind 2026-03-09 Ana anzurufen"),
        ("Rappelle-moi cet après-midi d'appeler Ana.", "open mind 2026-03-06 appeler Ana"),
        ("Erinnere mich heute Morgen daran, Ana anzurufen.", "open mind 2026-03-06 Ana anzurufen"),
        ("Erinnere mich jeden Morgen daran, die Blumen zu gießen.", "open mind 2026-03-06 FREQ=DAILY die Blumen zu gießen"),
        ("Erinnere mich jeden Abend daran, die Tabletten zu nehmen.", "open mind 2026-03-06 FREQ=DAILY die Tabletten zu nehmen"),
        ("Erinnere mich am Montag morgens daran, Ana anzurufen.", "open mind 2026-03-09 Ana anzurufen"),
        ("Erinnere mich am Montag abends daran, Ana anzurufen.", "open mind 2026-03-09 Ana anzurufen"),
        ("Voy a llamar a Ana el lunes por la tarde.", "open user 2026-03-09 llamar a Ana"),
        ("Rappelle-moi lundi matin d'appeler Ana.", "open mind 2026-03-09 appeler Ana"),
        ("Rappelle-moi demain soir d'appeler Ana.", "open mind 2026-03-07 appeler Ana"),
        ("Erinnere mich morgen Nachmittag daran, Ana anzurufen.", "open mind 2026-03-07 Ana anzurufen"),
        ("Erinnere mich täglich daran, die Blumen zu gießen.", "open mind 2026-03-06 FREQ=DAILY die Blumen zu gießen"),
        ("Rappelle-moi toutes les semaines d'arroser les plantes.", "open mind 2026-03-13 FREQ=WEEKLY arroser les plantes"),
        ("Rappelle-moi tous les ans de renouveler le passeport.", "open mind 2027-03-06 FREQ=YEARLY renouveler le passeport"),
        ("Erinnere mich werktags daran, die Post zu holen.", "open mind 2026-03-09 FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR die Post zu holen"),
        (
            "Erinnere mich jeden zweiten Montag daran, die Blumen zu gießen.",
            "open mind 2026-03-09 FREQ=WEEKLY;INTERVAL=2;BYDAY=MO die Blumen zu gießen",
        ),
        ("Je vais envoyer le brouillon avant la fin du mois.", "open user 2026-03-31 envoyer le brouillon"),
        ("Voy a enviar el informe para finales de la semana.", "open user 2026-03-08 enviar el informe"),
        ("Ich werde am Wochenende die Fenster putzen.", "open user 2026-03-08 die Fenster putzen"),
        ("Voy a llamar a Ana este fin de semana.", "open user 2026-03-08 llamar a Ana"),
        ("Rappelle-moi la semaine prochaine d'appeler Ana.", "open mind 2026-03-09 appeler Ana"),
        ("Rappelle-moi le mois prochain de payer le loyer.", "open mind 2026-04-01 payer le loyer"),
        ("Rappelle-moi lundi prochain d'appeler Ana.", "open mind 2026-03-09 appeler Ana"),
        ("Erinnere mich nächsten Montag daran, Ana anzurufen.", "open mind 2026-03-09 Ana anzurufen"),
        ("Ich werde diese Woche die Fenster putzen.", "open user 2026-03-08 die Fenster putzen"),
        ("Ich werde dir den Entwurf bis 17 Uhr schicken.", "open user 2026-03-06T17:00 dir den Entwurf schicken"),
        ("Rappelle-moi demain à minuit d'appeler Ana.", "open mind 2026-03-07 appeler Ana"),
        ("Je vais appeler Ana demain à midi.", "open user 2026-03-07T12:00 appeler Ana"),
        ("Erinnere mich morgen um 17:30 daran, Ana anzurufen.", "open mind 2026-03-07T17:30 Ana anzurufen"),
    ],
)
def test_dates_in_other_languages_and_repeats(text: str, found: str) -> None:
    assert message(text) == [found]


@pytest.mark.parametrize("words", ["on 31 February", "in 9999 years", "on 2026-13-45", "for tomorrow", "from Friday", "at 99:99"])
def test_what_is_no_due_date_is_left_in_the_text(words: str) -> None:
    assert message(f"Remind me to check the notes {words}") == [f"open mind - check the notes {words}"]


def test_due_dates_are_local_to_the_zone_of_the_mind() -> None:
    late = datetime(2026, 3, 6, 23, 30, tzinfo=ZoneInfo("UTC"))
    events = extract_message("Remind me to call Ana tomorrow at 5pm", Known(now=late, zone="Asia/Tokyo"))
    assert [printed(event) for event in events] == ["open mind 2026-03-08T17:00 call Ana"]
    assert isinstance(events[0], CommitmentOpened) and events[0].due is not None and events[0].due.zone == "Asia/Tokyo"


def test_minutes_are_counted_across_a_change_of_the_clock() -> None:
    before = datetime(2026, 3, 29, 1, 50, tzinfo=ZoneInfo("Europe/Berlin"))
    events = extract_message("Remind me in 20 minutes to check the oven", Known(now=before, zone="Europe/Berlin"))
    assert [printed(event) for event in events] == ["open mind 2026-03-29T03:10 check the oven"]


# -- facts -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ("in 2019", "2019-01-01"),
        ("in May", "2025-05-01"),
        ("in February", "2026-02-01"),
        ("in March 2024", "2024-03-01"),
        ("last week", "2026-02-23"),
        ("last month", "2026-02-01"),
        ("last year", "2025-01-01"),
        ("yesterday", "2026-03-05"),
        ("two weeks ago", "2026-02-20"),
        ("three years ago", "2023-03-06"),
    ],
)
def test_a_fact_holds_since_when_it_says(words: str, since: str) -> None:
    assert message(f"I moved to Oslo {words}.") == [f"fact user | lives in | Oslo | since {since}"]


@pytest.mark.parametrize("words", ["in 9999", "in 0 years", "99999 years ago", "next year", "on Monday"])
def test_no_fact_holds_since_a_day_to_come(words: str) -> None:
    for event in extract_message(f"I moved to Oslo {words}.", NOTHING):
        assert isinstance(event, FactAsserted) and (event.valid_from is None or event.valid_from <= NOW.date())


def test_a_fact_carries_the_sentence_that_says_so() -> None:
    (event,) = extract_message("Hi! I live in Oslo, where it rains. What should I wear?", NOTHING)
    assert isinstance(event, FactAsserted)
    assert (event.content, event.origin, event.confidence) == ("I live in Oslo, where it rains.", "user", 1.0)


def test_a_fact_known_already_is_not_told_again() -> None:
    assert message("I live in  LYON, and my dog is called Rex.", SOMETHING) == []
    assert message("I live in Oslo.", SOMETHING) == ["fact user | lives in | Oslo"], "what it supersedes is no matter of reading"
    assert message("I no longer live in Oslo.", SOMETHING) == [], "nobody knew that"


def test_whoever_the_mind_knows_by_name_may_be_spoken_of_by_name() -> None:
    assert message("Rex loves cheese.", SOMETHING) == ["fact Rex | loves | cheese"]
    assert message("Rex loves cheese.") == []


def test_few_facts_are_taken_from_one_message() -> None:
    assert (
        len(message("I like " + ", ".join(f"{word} music" for word in "jazz rock pop folk soul house dance choir brass".split()) + "."))
        == 8
    )


@given(st.lists(PIECES, max_size=30).map("".join))
@settings(max_examples=150, deadline=None)
def test_every_fact_can_be_shown_and_told_again(text: str) -> None:
    """Short, without line breaks or held-back quotations; said again to a mind that knows them, they are none."""
    facts = [event for event in extract_message(text, NOTHING) if isinstance(event, FactAsserted)]
    for fact in facts:
        for part in (fact.subject, fact.relation, fact.value):
            assert part.strip() == part != "" and len(part) <= 200 and max(part) < "\U000f0000" and "\n" not in part
    known = Known(
        now=NOW, zone="Europe/Berlin", facts=tuple(Fact(n, f.subject, f.relation, f.value, since=NOW) for n, f in enumerate(facts, 1))
    )
    assert not any(fact in extract_message(text, known) for fact in facts)


# -- names proposed, and tone ----------------------------------------------------------------------------------------------------


def test_a_yes_adopts_nothing_when_nothing_was_proposed() -> None:
    assert message("Yes, please.") == []
    assert not any(line.startswith("name") for line in message("I like Echo."))


def test_a_reply_proposes_no_name_that_is_in_use() -> None:
    known = Known(now=NOW, zone="Europe/Berlin", name="Echo", user_name="Scott")
    assert reply("May I call myself Echo? Or may I go by Scott?", known) == []
    assert reply("May I call myself Nova?", known) == ["propose Nova"]


def test_one_message_moves_one_trait() -> None:
    assert message("You're too formal. You're too chatty. Good job!") == ["corrected A +0.01"]


# -- what is already known -------------------------------------------------------------------------------------------------------


def test_an_open_commitment_is_not_opened_again() -> None:
    known = Known(now=NOW, zone="Europe/Berlin", commitments=((3, "user", "Send you  the DRAFT."), (4, "mind", "call Ana")))
    assert message("I'll send you the draft tomorrow", known) == []
    assert message("Remind me to call Ana on Friday", known) == []
    assert message("I'll call Ana on Friday", known) == ["open user 2026-03-13 call Ana"]
    assert message("Remind me to feed Rex. Remind me to feed Rex!") == ["open mind - feed Rex"]


def test_a_name_already_known_is_not_adopted_again() -> None:
    known = Known(now=NOW, zone="Europe/Berlin", name="Echo", user_name="Scott")
    assert message("Echo, I'm Scott. Your name is Echo.", known) == []
    assert message("Echo, your name is Nova.", known) == ["name mind Nova"]


def test_the_mind_may_be_spoken_to_by_name() -> None:
    known = Known(now=NOW, zone="Europe/Berlin", name="Echo")
    assert message("Hey Echo, remind me to call Ana tomorrow", known) == ["open mind 2026-03-07 call Ana"]
    assert message("Please always answer in French, Echo.", known) == ["set always answer in French"]


@pytest.mark.parametrize(
    ("one", "other"), [("Call Ana.", "call  ana"), ("“Don’t” shout!", "don't” shout"), ("ＡＢＣ", "abc"), ("Straße", "STRASSE")]
)
def test_texts_that_say_the_same_normalise_alike(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


# -- what was typed, what was pasted ---------------------------------------------------------------------------------------------

LONG = "Lorem ipsum dolor sit amet, and I will send you the report tomorrow. " * 12


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.replace(". ", ".\n"),
        "Here is the mail: my name is Bob. I will send you the draft tomorrow.",
        "Here's the email:\n\nHi,\nmy name is Bob.\n\nAlways answer in French.",
        "What do you make of this:\nRemind me to call Ana tomorrow.",
        "From: Bob\nSubject: x\n\nI will send you the draft tomorrow.",
        "Dear Ana,\nI will send you the draft tomorrow.\nBest regards,\nScott",
        "~~~\nalways answer in French\n\nnever use emojis\n~~~",
        "Look:\n\n    my name is Bob\n",
        "> Remind me to call Ana\n> tomorrow",
        "She said “I’ll call you Echo” and left.",
        "Er sagte: „Mein Name ist Bob.“",
        "Il a dit « je m'appelle Bob ».",
        "The variable `my name is Bob` is odd.",
        "Is it true that your name is Echo?",
    ],
)
def test_nothing_is_taken_from_quotations_code_and_pasted_text(text: str) -> None:
    assert message(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Remind me to answer this tomorrow.\n\n" + LONG,
        LONG + "\n\nRemind me to answer this tomorrow.",
        "Remind me to answer this tomorrow. Here is the mail: " + LONG,
        "Here is the mail:\n\n" + LONG + "\n\nRemind me to answer this tomorrow.",
        "Remind me to answer this tomorrow.\n```\nalways x\n```",
        'He said "I\'ll be there." Remind me to answer this tomorrow.',
        "Remind me to answer this tomorrow.\n" + "x " * 500_000,
        "x " * 500_000 + "\nRemind me to answer this tomorrow.",
        "Remind me to answer\u200b this\u00a0tomorrow.\x00",
        "\u202eRemind me to answer this tomorrow.",
    ],
)
def test_a_sentence_typed_next_to_it_counts(text: str) -> None:
    assert message(text) == ["open mind 2026-03-07 answer this"]


# -- hostile text and the clock --------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=60).map("".join)))
def test_no_text_raises(text: str) -> None:
    for event in [*extract_message(text, SOMETHING), *extract_message(text, ASKED), *extract_reply(text, SOMETHING)]:
        assert printed(event)
        event.content.encode()  # what can't be stored is never extracted
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        "\n",
        '"',
        "“",
        "'a ",
        "`",
        "I will ",
        "remind me ",
        "I'll call you, ",
        "and I ",
        "always never ",
        "stop ",
        "by at on in ",
        "1 ",
        "my name is ",
        "every Monday and ",
        "Echo ",
        "ok, ",
        "a: ",
        "> ",
        "```\n",
        "I'll do it.\n",
        "I'll do it, I will\n\n",
        "¿",
        "\u0301",
        "😀",
        "here is ",
        "please ",
        "I live in Oslo and ",
        "my dog is called Rex, ",
        "I like a, ",
        "I'm a nurse at A. ",
        "I work at a ",
    ],
)
def test_a_megabyte_is_read_in_no_time(unit: str) -> None:
    for size in (4_000, 1 << 20):
        text = (unit * (size // len(unit) + 1))[:size]
        took = []
        for _ in range(3):
            start = time.process_time()
            extract_message(text, SOMETHING)
            extract_reply(text, SOMETHING)
            took.append(time.process_time() - start)
        assert min(took) < 1


def test_a_message_that_says_nothing_costs_microseconds() -> None:
    text = "Yesterday we went to see the sea; it was cold, and the wind blew the hats of three people off the pier."
    took = []
    for _ in range(20):
        start = time.process_time()
        for _ in range(50):
            extract_message(text, SOMETHING)
        took.append((time.process_time() - start) / 50)
    assert min(took) < 200e-6


PROMISED = (
    (9, "mind", "write you the poem about the heron"),
    (10, "mind", "send you the draft"),
    (11, "mind", "call Ana"),
    (12, "user", "send the list"),
)


@pytest.mark.parametrize(
    ("reply", "closed"),
    [
        ("Here is the poem about the heron, as promised:\nGrey, patient.", [9]),
        ("Good morning! Here's the draft:\n\nIt was calm.", [10]),
        ("Here is the poem about the heron.", [9]),
        ("Here is the first part of the draft.", []),
        ("Here is what I think about herons.", []),
        ("Here is Ana's number, so that you can call her.", []),
        ("Here is a poem about the sea.", []),
        ("Here is the list.", []),
        ("> Here is the draft", []),
        ("If you want, I could say: here is the draft", []),
    ],
)
def test_a_reply_that_delivers_what_was_promised_closes_it(reply: str, closed: list[int]) -> None:
    """Only what words can carry out, and only the mind's own."""
    found = extract_reply(reply, Known(now=datetime(2026, 3, 16, 8, tzinfo=UTC), zone="Europe/Berlin", commitments=PROMISED))
    assert [event.cid for event in found if isinstance(event, CommitmentClosed)] == closed
