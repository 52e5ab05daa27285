"""Names in what was said: found by capitals and quotation marks, as surely as their place allows, and never at any length's cost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.memory.entities import NAME_CHARS, NAMES_MAX, Grade, key_of, names_in

SURE, MAYBE, KNOWN = Grade.SURE, Grade.MAYBE, Grade.KNOWN


def found(text: str) -> dict[str, Grade]:
    return {name.label: name.grade for name in names_in(text)}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What did Ana say about taxes in Lyon?", {"Ana": SURE, "Lyon": SURE}),
        ("I met Mr. Brown at the University of Porto on Monday.", {"Brown": SURE, "University of Porto": SURE}),
        ("Dr. House called.", {"House": SURE}),
        ("Yesterday I was in Graz with Uma; we talked.", {"Graz": SURE, "Uma": SURE}),
        ("My dog Rex's toy and O'Neil’s bike", {"Rex": SURE, "O'Neil": SURE}),
        ("We use NASA data and GPT-4.", {"NASA": SURE, "GPT-4": SURE}),
        ('I read "The Great Gatsby" and «Germinal» in May.', {"The Great Gatsby": SURE, "Germinal": SURE}),
        ("「千と千尋の神隠し」を見た", {"千と千尋の神隠し": SURE}),
        ("Je suis allé à Paris avec Marie-Claire.", {"Paris": SURE, "Marie-Claire": SURE}),
        ("C'est l'Italie d'Ana qu'il aime.", {"Italie": SURE, "Ana": SURE}),
        ("Ayer hablé con Zoé en San Sebastián.", {"Zoé": SURE, "San Sebastián": SURE}),
        ("Я живу в городе Москва.", {"Москва": SURE}),
        ("Elif and I will paint.", {"Elif": KNOWN}),
        ("Meet Ana tomorrow.", {"Meet Ana": KNOWN, "Ana": MAYBE}),
        ("Ich habe gestern mit Anna das Haus gekauft.", {"Anna": MAYBE, "Haus": MAYBE}),
        ("- Hello World", {"World": SURE}),
    ],
)
def test_names_are_found_as_surely_as_their_place_allows(text: str, names: dict[str, Grade]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no capitals here, only words",
        "THIS IS ALL SHOUTED AT SOMEBODY",
        "I think I am. I'm sure I'd say so.",
        "On Monday, in January, at Christmas.",
        "`Foo Bar` and https://Example.com/Some/Path",
        "```\nclass Foo(Bar): pass\n```",
        'He said "This is not a title."',
        "Können Sie mir und Ihnen helfen?",
        "私の猫はミソという名前です",
        "\ud800 \0 \u2028",
    ],
)
def test_what_is_no_name_is_none(text: str) -> None:
    assert not any(grade == SURE for grade in found(text).values())


def test_the_surest_reading_of_a_name_counts() -> None:
    assert found("Ana called. I like Ana.") == {"Ana": SURE}


def test_spellings_that_differ_in_case_and_blanks_are_one_name() -> None:
    assert key_of("  Ana\u00a0 SILVA ") == key_of("ana silva")


@given(st.text(max_size=400))
def test_whatever_is_written_gives_few_and_short_names_each_once(text: str) -> None:
    names = names_in(text)
    assert len(names) <= NAMES_MAX and len({name.key for name in names}) == len(names)
    assert all(0 < len(name.label) <= NAME_CHARS and name.key == key_of(name.label) for name in names)


@pytest.mark.parametrize("piece", ["Ana Silva ", '"', "“A", "A.", "Mr. ", "`", "of the de ", "a" * 1000, "«Ana» "])
def test_a_huge_text_takes_no_time_to_speak_of(piece: str) -> None:
    started = time.process_time()
    assert len(names_in(piece * 200_000)) <= NAMES_MAX
    assert time.process_time() - started < 4
