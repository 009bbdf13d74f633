"""Text for Slack: what fits, what calls nobody, and what a person typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack_text import escaped, harmless, parts, plain, sources_block
from bot.messages import Source


@pytest.mark.parametrize(
    "call", ["<!channel>", "<!here>", "<@U123>", "<#C1|x>", "<!subteam^S1>", "@here", "@Channel", "@everyone"]
)
def test_no_text_calls_anybody(call: str) -> None:
    for made in (harmless(f"Hello {call}!"), escaped(f"Hello {call}!")):
        assert call not in made
        assert call.strip("<>!@#")[:4] in made


def test_plain_words_stay_as_they_are() -> None:
    text = "Prices **< £5** & mail to a@here-and-there.com; 价格<5"
    assert harmless("Prices **< £5** & 价格<5") == "Prices **< £5** & 价格<5"
    assert harmless(text).replace("\u200b", "") == text


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=60), max_size=30),
    st.integers(20, 100),
)
def test_parts_fit_and_lose_nothing(paragraphs: list[str], longest: int) -> None:
    text = "\n\n".join(paragraphs)
    made = parts(text, longest)
    assert all(0 < len(part) <= longest for part in made)
    assert "".join("".join(made).split()) == "".join(text.split())


def test_parts_are_cut_between_paragraphs() -> None:
    text = "\n\n".join(["a" * 5000, "b" * 5000, "c" * 5000])
    assert parts(text) == ["a" * 5000 + "\n\n" + "b" * 5000, "c" * 5000]
    words = parts("word " * 5000)
    assert all(part.endswith("word") for part in words)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("see <https://x.example/a?b=1&amp;c=2>", "see https://x.example/a?b=1&c=2"),
        ("see <https://x.example|our page>", "see our page (https://x.example)"),
        ("<http://x.example|x.example>", "http://x.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<@U1|mei> in <#C1|help>, <!here>", "@mei in #help, @here"),
    ],
)
def test_what_a_person_typed_is_read_as_they_saw_it(typed: str, read: str) -> None:
    assert plain(typed) == read


def test_a_web_page_is_linked_and_a_file_is_named() -> None:
    page = Source("https://shop.example/returns", "Returns", "c", 1.0, "30 days <b>")
    file = Source("policies/returns.md", "Returns", "c", 1.0, "30 days", heading=("Boots",))
    (block,) = sources_block([page, file])
    first, second = (element["text"] for element in block["elements"])
    assert first == "[1] <https://shop.example/returns|Returns>: “30 days &lt;b&gt;”"
    assert second == "[2] *Returns &gt; Boots* (policies/returns.md): “30 days”"
    assert sources_block([]) == []
