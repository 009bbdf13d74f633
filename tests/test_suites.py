"""Suites: what is read, what is refused and why, and how a reply is held against its case."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadSuite
from bot.evaluation.checks import claims, judged, passages, says, stray_numbers
from bot.evaluation.measuring import sampled
from bot.evaluation.suites import Case, load_suite, parse_case
from bot.messages import Outcome, Reply, Source
from bot.phrases import phrases

ROOT = Path(__file__).parents[1]
CASE = {"id": "policy-001", "kind": "policy", "turns": ["how long do i have"], "expect": "answer"}


def case(**given: Any) -> Case:
    return parse_case({**CASE, **given})


def reply(text: str = "You have 30 days.", outcome: Outcome = "answer", *documents: str) -> Reply:
    sources = tuple(Source(document, "Returns", f"{document}@0", 1.0, text, text) for document in documents)
    return Reply("t", text, outcome, 1.0, sources)


def write_suite(folder: Path, toml: str, **files: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text(toml)
    for name, text in files.items():
        (folder / f"{name}.jsonl").write_text(text)
    return folder


def test_a_file_is_a_suite_of_its_name_without_documents(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(f"{json.dumps(CASE)}\n\n{json.dumps({**CASE, 'id': 'two', 'note': 'why'})}\n")
    suite = load_suite(path)
    assert (suite.name, suite.documents, suite.day, suite.problems) == ("mine", (), None, ())
    assert [found.id for found in suite.cases] == ["policy-001", "two"]
    assert suite.cases[1].note == "why"


def test_a_folder_has_documents_a_day_and_any_number_of_files(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    toml = 'documents = "../shop"\nday = 2026-11-22\n'
    suite = load_suite(
        write_suite(tmp_path / "demo", toml, b=json.dumps({**CASE, "id": "later"}), a=json.dumps(CASE) + "\n")
    )
    assert (suite.name, suite.day) == ("demo", date(2026, 11, 22))
    assert suite.documents == ((tmp_path / "shop").resolve(),)
    assert [found.id for found in suite.cases] == ["policy-001", "later"]
    assert re.fullmatch(r"suite-demo-[0-9a-f]{8}", suite.knowledge)
    assert suite.knowledge == load_suite(tmp_path / "demo").knowledge


def test_the_index_of_a_suite_is_that_of_its_documents(tmp_path: Path) -> None:
    line = json.dumps(CASE)
    for name in ("one", "two"):
        write_suite(tmp_path / name / "shop suite!", 'documents = "docs"', cases=line)
        (tmp_path / name / "shop suite!" / "docs").mkdir() if name == "one" else None
    one = load_suite(tmp_path / "one" / "shop suite!")
    assert one.knowledge.startswith("suite-shop-suite--")
    with pytest.raises(BadSuite, match=r"documents = 'docs': there is no such file or folder"):
        load_suite(tmp_path / "two" / "shop suite!")
    both = write_suite(tmp_path / "both", 'documents = ["../one/shop suite!/docs", "."]', cases=line)
    assert len(load_suite(both).documents) == 2
    assert load_suite(both).knowledge != one.knowledge


@pytest.mark.parametrize("where", ["folder", "file"])
def test_what_is_called_planted_is_planted(tmp_path: Path, where: str) -> None:
    folder = write_suite(tmp_path / ("planted" if where == "folder" else "demo"), "", planted=json.dumps(CASE))
    assert load_suite(folder).cases[0].planted
    (folder / "plain.jsonl").write_text(json.dumps({**CASE, "id": "p2"}))
    assert load_suite(folder).cases[0].planted == (where == "folder")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ""}, "id = ''"),
        ({"id": 7}, "id = 7"),
        ({"kind": None}, "kind = None"),
        ({"turns": []}, "turns = []: expected a list of one string or more"),
        ({"turns": "how long"}, "turns = 'how long'"),
        ({"turns": ["how long", " "]}, "turns = "),
        ({"expect": "reply"}, "expect = 'reply': expected one of answer, decline, clarify, handover"),
        ({"must": ["30 days"]}, "must = ['30 days']: expected a list of lists"),
        ({"must": [[]]}, "must = [[]]"),
        ({"must": [["30 days", ""]]}, "must has ''"),
        ({"must": [["re:"]]}, "must has 're:'"),
        ({"must": [["re:(30"]]}, "must has 're:(30': missing )"),
        ({"must": [["re:(30)?"]]}, "must has 're:(30)?': it fits every reply"),
        ({"must_not": "90 days"}, "must_not = '90 days'"),
        ({"must_not": ["re:["]}, "must_not has 're:['"),
        ({"gold_documents": "returns.md"}, "gold_documents = 'returns.md'"),
        ({"note": 3}, "note = 3"),
        ({"must_nots": ["90 days"]}, "key 'must_nots' is not known; did you mean 'must_not'?"),
        ({"planted": True}, "key 'planted' is not known"),
        ({"id": "good"}, "id 'good' was there before"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_text(f"{json.dumps({**CASE, 'id': 'good'})}\n{json.dumps({**CASE, **change})}\n")
    suite = load_suite(path)
    assert [found.id for found in suite.cases] == ["good"]
    (problem,) = suite.problems
    assert problem.startswith(f"{path}, line 2: ")
    assert said in problem
    assert problem.endswith("; left out")
    assert "\n" not in problem


def test_lines_that_are_no_objects_are_named(tmp_path: Path) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_bytes(b'{"id": \n[1]\n\xff\xfe\n' + json.dumps(CASE).encode() + b"\n" + b"[" * 100_000 + b"\n")
    problems = load_suite(path).problems
    assert [re.search(r"line (\d)", problem)[1] for problem in problems] == ["1", "2", "3", "5"]  # type: ignore[index]
    assert "expected an object" in problems[1]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("documents = 3", "documents = [3]|documents = 3: expected a path"),
        ('documents = ""', "expected a path"),
        ('document = "docs"', "key 'document' is not known"),
        ('day = "2026-11-22"', "expected a date without quotes"),
        ("day = 2026-11-22T10:00:00", "expected a date"),
        ("day = ", "cannot be read"),
    ],
)
def test_a_bad_suite_toml_is_one_line(tmp_path: Path, toml: str, said: str) -> None:
    folder = write_suite(tmp_path / "demo", toml, cases=json.dumps(CASE))
    with pytest.raises(BadSuite) as error:
        load_suite(folder)
    assert str(folder / "suite.toml") in str(error.value)
    assert any(part in str(error.value) for part in said.split("|"))
    assert "\n" not in str(error.value)


def test_what_is_no_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSuite, match=r"gone\.jsonl: there is no such suite"):
        load_suite(tmp_path / "gone.jsonl")
    with pytest.raises(BadSuite, match=r"suite\.toml: cannot be read \(No such file"):
        load_suite(tmp_path)
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(BadSuite, match=r"not one case can be read; .*line 1: expect = None"):
        load_suite(tmp_path / "bad.jsonl")


def test_the_hash_follows_what_is_asked_and_checked_and_not_the_notes(tmp_path: Path) -> None:
    def hashed(**change: Any) -> str:
        path = tmp_path / "suite.jsonl"
        path.write_text(json.dumps({**CASE, **change}))
        return load_suite(path).content_hash

    assert hashed() == hashed() == hashed(note="why")
    assert len({hashed(), hashed(must=[["30"]]), hashed(turns=["how"]), hashed(expect="decline")}) == 4


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "suites").glob("*/suite.toml")), ids=lambda p: p.parent.name)
def test_our_own_suites_are_whole(path: Path) -> None:
    suite = load_suite(path.parent)
    assert suite.problems == ()
    assert suite.day is not None
    assert suite.documents


# --- checks ---


def test_a_reply_is_correct_when_the_outcome_and_every_group_are_right() -> None:
    asked = case(must=[["30 days", "thirty days"], ["re:unworn|not worn"]], must_not=["90 days"])
    assert judged(asked, reply("You have Thirty\n days, if they are UNWORN.")).correct
    lacking = judged(asked, reply("You have 30 days."))
    assert (lacking.correct, lacking.failures) == (False, ["lacks re:unworn|not worn"])
    wrong = judged(asked, reply("Not 90 days: 30 days, unworn.", "decline"))
    assert wrong.failures == ["decline, not answer", "has 90 days"]


@pytest.mark.parametrize(
    ("text", "pattern", "there"),
    [
        ("You can’t return it.", "can't", True),
        ("You can't return it.", "can’t", True),
        ("It takes 2–4 days.", "2-4 days", True),
        ("It takes 2-4 days.", "2–4 days", True),
        ("It takes 2–4 days.", r"re:2[–-]4", True),
        ("It takes 2–4 days.", r"re:\b2-4\b", True),
        ("Costs £ 4.99", r"re:£\s?4\.99", True),
        ("Costs £14.99", r"re:£\s?4\.99", False),
        ("thirty\u00a0 days", "thirty days", True),
        ("THIRTY days", "re:Thirty", True),
        ("Straße", "STRASSE", True),
        ("30 day", "30 days", False),
        ("a.b", "a?b", False),
    ],
)
def test_a_pattern_is_found_as_people_read(text: str, pattern: str, there: bool) -> None:
    assert says(text, pattern) is there


@given(st.lists(st.text("abc’–—“", min_size=1), min_size=1), st.sampled_from([" ", "\n", " \t ", "\u00a0"]))
def test_white_space_and_case_never_matter(words: list[str], space: str) -> None:
    assert says(f"x {space.join(words).upper()} y", " ".join(words))


def test_the_first_source_and_any_source_count_for_answers_with_gold_documents() -> None:
    asked = case(gold_documents=["returns.md", "faq.md"])
    first = judged(asked, reply("You have 30 days.", "answer", "faq.md", "other.md"))
    assert (first.source_first, first.source_any, first.failures) == (True, True, [])
    second = judged(asked, reply("You have 30 days.", "answer", "other.md", "returns.md"))
    assert (second.source_first, second.source_any) == (False, True)
    assert (second.correct, second.failures) == (True, ["first source other.md"])
    none = judged(asked, reply("I could not find that.", "decline"))
    assert (none.source_first, none.source_any) == (False, False)
    assert "first source none" in none.failures
    assert judged(case(), reply()).source_first is None
    declined = case(expect="decline", gold_documents=["returns.md"])
    assert judged(declined, reply()).source_any is None


def test_the_desks_own_words_are_no_claims() -> None:
    for language in ("en", "zh"):
        said = phrases(language)
        assert claims(reply(f"{said.greeting} {said.thanks}")) == []
        assert claims(reply(f"{said.thanks} Delivery costs £9.")) == ["Delivery costs £9."]
    assert claims(reply("Delivery costs £9.", "decline")) == []


def test_passages_have_their_title_and_headings() -> None:
    source = Source("r.md", "Returns", "r.md@1", 1.0, "q", "Unworn only.", ("Boots", "Worn"))
    assert passages([source]) == ["Returns > Boots > Worn\nUnworn only."]


@pytest.mark.parametrize(
    ("sentence", "cited", "stray"),
    [
        ("It costs £9.00.", "It costs £9", False),
        ("It costs £1,200.", "Price: 1200.00", False),
        ("It costs £12,00.", "Price: 12", False),
        ("It costs £9.50.", "It costs £9", True),
        ("30 days", "Within 30 calendar days", False),
        ("130 days", "Within 30 calendar days", True),
        ("Version 2.5.1", "Version 2.5.1", False),
        ("No numbers here.", "", False),
        ("30 days", "", True),
    ],
)
def test_a_stray_number_is_one_that_no_passage_means(sentence: str, cited: str, stray: bool) -> None:
    assert stray_numbers(sentence, [cited]) is stray


def test_a_sample_is_the_same_every_time_and_in_order() -> None:
    drawn = sampled(range(100), 10, seed=3)
    assert drawn == sampled(range(100), 10, seed=3) == sorted(set(drawn))
    assert len(drawn) == 10
    assert drawn != sampled(range(100), 10, seed=4)
    assert sampled(range(5), 9, seed=0) == sampled(range(5), None, seed=0) == [0, 1, 2, 3, 4]
