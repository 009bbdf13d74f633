"""What lies where: the rows and headings of a page beside the places that a question names."""

from __future__ import annotations

import pytest

from bot.understanding.locality import annotated, asked_places, fit, named_places


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("I live in Cologne, when is delivery free?", "Germany, Luxembourg: € 100", "Belgium: € 80"),
        ("how much to post to cork?", "Ireland: £8.95", "For Northern Ireland: Standard"),
        ("do u ship to Toronto", "Canada, Australia, New Zealand", "United States"),
        ("do you deliver to Guernsey", "Channel Islands: £9.50", "Canary Islands, Ceuta"),
        ("what is postage to Texel", "Wadden Islands: € 10.95", "Belgium: € 80"),
        ("sending a parcel to California", "United States: £24.95", "Canada: £29.95"),
        ("寄到柏林要多少运费", "德国、法国：£12.95", "爱尔兰：£8.95"),
    ],
)
def test_a_place_goes_with_what_it_lies_in_and_not_with_its_neighbour(question: str, right: str, wrong: str) -> None:
    asked = asked_places(question)
    assert fit(asked, right) > 0
    assert fit(asked, wrong) < 0


def test_the_nearer_name_fits_better_than_the_wider_one() -> None:
    asked = asked_places("delivery to Berlin")
    assert fit(asked, "Germany: £9") > fit(asked, "Europe: £12") > 0


def test_the_nearest_text_that_names_a_place_decides() -> None:
    asked = asked_places("delivery to Toronto")
    assert fit(asked, "DHL Express, £29.95", "Canada, Australia", "United States") > 0
    assert fit(asked, "DHL Express, £29.95", "United States", "Canada, Australia") < 0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("how long is the guarantee", "Germany: £9"),  # asks for no place
        ("delivery to Berlin", "Parcels are posted on weekdays."),  # names none
        ("delivery to England", "Northern Ireland and the Highlands pay more."),  # a part of the same country
    ],
)
def test_where_either_names_none_nothing_is_said(question: str, text: str) -> None:
    assert fit(asked_places(question), text) == 0


@pytest.mark.parametrize("text", ["reading a book in bed", "Outside the UK you pay tax.", "may contain nuts", ""])
def test_common_words_and_all_that_lies_outside_are_no_places(text: str) -> None:
    assert not named_places(text)


def test_a_model_is_told_where_a_town_is() -> None:
    assert annotated("do you ship to Toronto?") == "do you ship to Toronto (Canada)?"
    assert annotated("how long is the guarantee?") == "how long is the guarantee?"
