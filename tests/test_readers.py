"""Files in, documents and problems out: each suffix with a real file of it, and each way a file can be bad."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.documents import Document
from knowledge.errors import KnowledgeError
from knowledge.readers import (
    READERS,
    SUFFIXES,
    Reading,
    ReadOptions,
    find_files,
    load_options,
    read,
    skipped_suffixes,
)
from knowledge.text_files import clean, decode


class Shop:
    """A folder of files, and what comes of reading it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def read(self, path: str, content: str | bytes, *fields: str) -> Reading:
        [file] = find_files(self.write(path, content))
        return read(file, load_options(self.root).with_fields(fields))

    def one(self, path: str, content: str | bytes, *fields: str) -> Document:
        reading = self.read(path, content, *fields)
        assert reading.problems == []
        [document] = reading.documents
        return document

    def problem(self, path: str, content: str | bytes, *fields: str) -> str:
        reading = self.read(path, content, *fields)
        assert reading.documents == []
        [problem] = reading.problems
        assert problem.path == path
        assert "\n" not in problem.message
        return problem.message


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


# Finding files


def test_files_are_found_in_order_and_the_rest_is_passed_over(shop: Shop) -> None:
    read = ("b.md", "a/z.html", "a/B.PDF", "feed.jsonl.gz")
    passed_over = (
        ".git/x.md",
        ".hidden.md",
        "photo.jpg",
        "b.md.meta.yaml",
        "drafts/x.md",
        "orders.jsonl",
        "a/~$b.docx",
    )
    for path in (*read, *passed_over):
        shop.write(path, "x")
    shop.write("knowledge.toml", 'ignore = ["drafts", "orders.*"]')
    assert [file.path for file in find_files(shop.root)] == ["a/B.PDF", "a/z.html", "b.md", "feed.jsonl.gz"]
    assert [file.suffix for file in find_files(shop.root)] == [".pdf", ".html", ".md", ".jsonl.gz"]
    assert skipped_suffixes(shop.root) == {".jpg": 1}


def test_a_file_is_the_only_one_of_its_own_folder(shop: Shop) -> None:
    shop.write("b.md", "x")
    [file] = find_files(shop.write("a.md", "x"))
    assert (file.root, file.path) == (shop.root, "a.md")


def test_an_edit_of_the_file_or_its_sidecar_shows(shop: Shop) -> None:
    def stamp() -> tuple[int, int]:
        [file] = find_files(path)
        return file.size, file.mtime_ns

    path = shop.write("a.txt", "text")
    seen = {stamp()}
    sidecar = shop.write("a.txt.meta.yaml", "audience: staff")
    seen.add(stamp())
    for moment in (1, 2):  # older than the file, and as long as before
        os.utime(sidecar, ns=(moment, moment))
        seen.add(stamp())
    os.utime(path, ns=(50, 50))
    seen.add(stamp())
    sidecar.unlink()
    seen.add(stamp())
    assert len(seen) == 6


def test_a_folder_that_does_not_exist_or_holds_nothing_is_named(shop: Shop) -> None:
    with pytest.raises(KnowledgeError, match=r"nowhere: there is no such file or folder"):
        find_files(shop.root / "nowhere")
    shop.write("photo.jpg", "x")
    with pytest.raises(KnowledgeError, match=r"holds nothing that can be read; files may end in \.md"):
        find_files(shop.root)
    with pytest.raises(KnowledgeError, match=r"photo\.jpg: holds nothing"):
        find_files(shop.root / "photo.jpg")


def test_every_suffix_has_a_reader() -> None:
    assert set(READERS) == set(SUFFIXES)


# Options


def test_options_of_the_folder_and_of_the_command_line(shop: Shop) -> None:
    assert load_options(shop.root) == ReadOptions()
    shop.write(
        "knowledge.toml",
        'name = "Tarn"\nsuggestions = ["Open today?"]\ncurrency = "gbp"\n'
        'ignore = ["*.tmp"]\n[fields]\ntitle = "name"\ntext = ["a", "attr_*"]',
    )
    options = load_options(shop.root)
    fields = {"title": ("name",), "text": ("a", "attr_*")}
    assert options == ReadOptions("Tarn", ("Open today?",), "GBP", ("*.tmp",), fields)
    over = options.with_fields(["text=context, body", "id=doc_key"])
    assert over.fields == {"title": ("name",), "text": ("context", "body"), "id": ("doc_key",)}
    assert over.content_hash != options.content_hash == load_options(shop.root).content_hash


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("name = ", "knowledge.toml: cannot be read"),
        ("nmae = 'x'", "key 'nmae' is not known"),
        ("currency = 5", "expected a str"),
        ("[fields]\nheadline = 'x'", "field 'headline' is not known; map one of id, title"),
        ("[fields]\ntitle = 5", "expected a name or a list of names"),
    ],
)
def test_options_that_cannot_be_used_are_named(shop: Shop, toml: str, message: str) -> None:
    shop.write("knowledge.toml", toml)
    with pytest.raises(KnowledgeError, match=message):
        load_options(shop.root)


@pytest.mark.parametrize("mapping", ["text", "text=", "=body", "headline=body"])
def test_a_mapping_that_cannot_be_used_is_named(mapping: str) -> None:
    with pytest.raises(KnowledgeError, match=r"mapping|not known"):
        ReadOptions().with_fields([mapping])


# Markdown and plain text


def test_front_matter_says_who_may_see_a_document_and_when(shop: Shop) -> None:
    text = "---\ntitle: Returns\nlanguage: en-GB\nAudience: Staff\neffective_from: 2026-01-01\n"
    document = shop.one("p/a.md", text + 'effective-until: "2026-12-31"\nauthor: Jo\n---\n# Other\n\nThirty days.\n')
    assert document == Document(
        "a.md", "Returns", "# Other\n\nThirty days.", "en", "staff", date(2026, 1, 1), date(2026, 12, 31)
    )


def test_title_and_language_fall_back(shop: Shop) -> None:
    assert shop.one("a.md", "# Lost parcels\n\nText.").title == "Lost parcels"
    assert shop.one("lost-parcels_2.md", "Text.").title == "Lost parcels 2"
    assert shop.one("a.md", "# 退货\n\n三十天内可以退。").language == "zh"


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("audience: internal", "audience 'internal' is not known; write public or staff"),
        ("audience:", "audience None is not known"),
        ("audience: [staff]", "audience"),
        ("audiance: staff", "did you mean 'audience'"),
        ("effective_from: soon", "effective_from 'soon' is not a date; write it as 2026-12-31"),
        ("effective_from: 2026-02-30", "front matter is not YAML"),
        ("effective_from: 2026-02-02\neffective_until: 2026-01-01", "is after effective_until"),
        ("language: 5", "language 5 is not a language code"),
        ("title: [", "front matter is not YAML"),
    ],
)
def test_a_document_whose_front_matter_is_in_doubt_is_left_out(shop: Shop, front: str, message: str) -> None:
    assert message in shop.problem("a.md", f"---\n{front}\n---\nSecret text.")


def test_the_sidecar_speaks_for_a_file_that_cannot(shop: Shop) -> None:
    shop.write("a.txt.meta.yaml", "title: Claims\naudience: staff\neffective_from: 2026-01-01\n")
    document = shop.one("a.txt", "Ask for the photos.")
    assert (document.title, document.audience, document.effective_from) == ("Claims", "staff", date(2026, 1, 1))
    shop.write("a.txt.meta.yaml", "audience: nobody")
    assert "audience 'nobody'" in shop.problem("a.txt", "Ask for the photos.")
    shop.write("a.txt.meta.yaml", "- a list")
    assert "sidecar" in shop.problem("a.txt", "Ask for the photos.")


def test_the_sidecar_of_a_table_holds_for_all_its_records(shop: Shop) -> None:
    shop.write("faq.csv.meta.yaml", "audience: staff")
    reading = shop.read("faq.csv", "question,answer,price\nWho?,Jo.,\nMug,A mug.,9.50\n")
    assert [document.audience for document in reading.documents] == ["staff"]
    assert "line 3: a product needs an id" in reading.problems[0].message


def test_markdown_is_lightened(shop: Shop) -> None:
    text = "See [returns](returns.md#a), [DPD](https://dpd.example). ![A boot](b.jpg)<!-- hidden --><br>New <b>x</b>."
    assert shop.one("a.md", text).text == "See returns, [DPD](https://dpd.example). A boot\nNew <b>x</b>."


def test_text_between_two_rulers_is_no_front_matter(shop: Shop) -> None:
    assert shop.one("a.md", "---\nRead this first\n---\nThen that.").text == "---\nRead this first\n---\nThen that."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_text_in_any_usual_encoding(shop: Shop, encoding: str) -> None:
    text = "退货要在三十天内。运费是4.99元，鞋盒要留着。"
    assert shop.one("a.txt", text.encode(encoding)).text == text


@pytest.mark.parametrize("text", ["Café crème: £4.99 – “naïve”", "Größe 42, Füße", "10 € für Übergrößen"])
def test_western_text_in_windows_1252(shop: Shop, text: str) -> None:
    assert shop.one("a.txt", text.encode("cp1252")).text == text


def test_utf8_with_a_scratch_keeps_the_rest() -> None:
    assert decode("Preis: 5 € – größer, ‘ja’, über, ähnlich, öfter, süß".encode() + b"\xff") == (
        "Preis: 5 € – größer, ‘ja’, über, ähnlich, öfter, süß\ufffd"
    )


def test_control_and_invisible_characters_are_dropped(shop: Shop) -> None:
    assert shop.one("a.txt", "a\x00b\x1b\u200bc\r\nd\xa0e\U000e0041").text == "abc\nd e"
    assert clean(json.loads('"x\\ud800y"')) == "xy"


@given(st.binary(max_size=300))
def test_any_bytes_decode_to_text_that_can_be_stored(data: bytes) -> None:
    text = clean(decode(data))
    assert text.encode().decode() == text
    assert "\x00" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds nothing (0 bytes)"),
        (" \n\n ", "holds no text"),
        ("---\ntitle: x\n---\n", "holds no text"),
        (bytes(range(9)) * 50, "is not text"),
    ],
)
def test_a_text_file_without_text_says_so(shop: Shop, content: str | bytes, message: str) -> None:
    assert message in shop.problem("a.md", content)


# Web pages

PAGE = """<?xml version="1.0"?><!DOCTYPE html><html lang="en-GB"><head><title>Gift wrap | Tarn Help Centre</title>
<meta name="shopdesk-audience" content="staff"><meta name="shopdesk-effective-from" content="2026-01-01">
<style>p{color:red}</style><script>var cookie = "secret"</script></head><body class="has-sidebar">
<div id="cookie-banner">We use cookies.</div><header><a href="/">Tarn</a><h2>Help Centre</h2></header>
<nav><ul><li>Home</li></ul></nav><ol class="breadcrumbs"><li>Help</li></ol>
<div class="page-with-sidebar"><div class="sidebar">Topics</div><div class="content">
<div class="article-header"><h1>Gift wrap</h1></div>
<p>We wrap for <b>£3.50</b> an item, in brown recycled paper with a ribbon of wool, and write your words on a card.
See <a href="/returns">returns</a>.</p><h2>Prices</h2>
<table><tr><th>Size</th><th>Price</th></tr><tr><td>A | B</td><td>£3.50</td></tr></table>
<ul><li>tents<ul><li>large</li></ul></li></ul>
<details><summary>Can I add it later?</summary><p>No.</p></details>
<dl><dt>Ribbon</dt><dd>Wool.</dd></dl>
<div class="votes">Was this article helpful? <button>Yes</button></div>
<p>Was this article helpful to you?</p><h3>Related articles</h3><ul><li>Delivery</li></ul>
</div></div><form><input><label>Newsletter</label></form><footer>© Tarn</footer></body></html>"""


def test_a_page_gives_its_article_without_the_furniture(shop: Shop) -> None:
    document = shop.one("wrap.html", PAGE)
    assert (document.title, document.language, document.audience) == ("Gift wrap", "en", "staff")
    assert document.effective_from == date(2026, 1, 1)
    assert document.text == (
        "# Gift wrap\n\nWe wrap for **£3.50** an item, in brown recycled paper with a ribbon of wool, and write your "
        "words on a card. See returns.\n\n## Prices\n\n| Size | Price |\n| --- | --- |\n| A / B | £3.50 |\n\n"
        "- tents\n  - large\n\n#### Can I add it later?\n\nNo.\n\n#### Ribbon\n\nWool."
    )


def test_main_is_preferred_and_the_title_loses_its_site(shop: Shop) -> None:
    page = "<title>Delivery – Tarn</title><div>Sale now on, all boots</div><main><p>Two days.</p></main>"
    document = shop.one("a.htm", page)
    assert (document.title, document.text) == ("Delivery", "Two days.")


def test_a_page_in_a_declared_encoding(shop: Shop) -> None:
    page = '<html lang="zh-CN"><meta charset="gbk"><title>退货</title><p>三十天内可以退货。</p></html>'
    document = shop.one("a.html", page.encode("gbk"))
    assert (document.title, document.language, document.text) == ("退货", "zh", "三十天内可以退货。")


def test_a_language_left_from_the_template_does_not_count(shop: Shop) -> None:
    assert shop.one("a.html", '<html lang="en"><p>三十天内可以退货。</p></html>').language == "zh"
    assert shop.one("b.html", '<html lang="de-DE"><p>Rückgabe in 30 Tagen.</p></html>').language == "de"
    assert shop.one("c.html", '<html lang="english"><p>Thirty days<!-- not ten -->.</p></html>').language == "en"
    assert shop.one("c.html", "<p>Thirty days<!-- not ten -->.</p>").text == "Thirty days."


def test_a_page_all_inside_a_form_is_still_read(shop: Shop) -> None:
    assert shop.one("a.html", "<body><form><p>All of the text.</p></form></body>").text == "All of the text."


def test_a_page_with_a_broken_audience_is_left_out(shop: Shop) -> None:
    page = '<meta name="shopdesk-audience" content="everyone"><p>Text.</p>'
    assert "audience 'everyone'" in shop.problem("a.html", page)


# PDF, Word, Excel


def pdf(draw: Callable[[Any], None], title: str = "") -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    stream = BytesIO()
    canvas = Canvas(stream, pagesize=(595, 842), invariant=True)
    if title:
        canvas.setTitle(title)
    draw(canvas)
    canvas.save()
    return stream.getvalue()


def booklet(canvas: Any) -> None:
    for page in (1, 2):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(70, 740, f"Part {page}")
        canvas.setFont("Helvetica", 11)
        canvas.drawString(70, 710, "We repair, replace or refund boots with a fault in material or workmanship for")
        canvas.drawString(70, 696, "two years from the day of delivery.")
        canvas.drawString(70, 660, "• a washing machine")
        canvas.drawString(70, 646, "• crampons")
        canvas.drawString(70, 30, f"Tarn booklet, page {page} of 2")
        for at, row in enumerate((("Mark", "Use"), ("B0", "none"))):
            for column, text in enumerate(row):
                canvas.rect(70 + 100 * column, 560 - 20 * at, 100, 20)
                canvas.drawString(75 + 100 * column, 566 - 20 * at, text)
        canvas.showPage()


def test_a_pdf_keeps_headings_lists_and_tables_and_drops_its_footers(shop: Shop) -> None:
    document = shop.one("booklet.pdf", pdf(booklet, "Boot booklet"))
    part = (
        "We repair, replace or refund boots with a fault in material or workmanship for two years from the day of "
        "delivery.\n\n- a washing machine\n- crampons\n\n| Mark | Use |\n| --- | --- |\n| B0 | none |"
    )
    assert document.text == f"# Part 1\n\n{part}\n\n# Part 2\n\n{part}"
    assert document.title == "Boot booklet"


def test_a_pdf_named_after_its_first_heading_where_its_own_title_is_none(shop: Shop) -> None:
    assert shop.one("b.pdf", pdf(booklet, "Microsoft Word - draft3.docx")).title == "Part 1"


def test_a_pdf_with_a_password_and_one_without_text(shop: Shop) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(booklet))))
    writer.encrypt("secret", algorithm="AES-256")
    stream = BytesIO()
    writer.write(stream)
    assert "protected by a password; save it without one" in shop.problem("a.pdf", stream.getvalue())
    assert "holds no text; if it is a scan" in shop.problem("b.pdf", pdf(lambda canvas: canvas.rect(9, 9, 9, 9)))


def test_a_pdf_that_only_forbids_printing_is_read(shop: Shop) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(booklet))))
    writer.encrypt("", "owner", algorithm="AES-128")
    stream = BytesIO()
    writer.write(stream)
    assert "washing machine" in shop.one("a.pdf", stream.getvalue()).text


def word(fill: Callable[[Any], None]) -> bytes:
    from docx import Document as Word

    made = Word()
    fill(made)
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


def cards(made: Any) -> None:
    made.add_heading("Gift cards", 0)
    made.add_paragraph("Valid for 24 months.")
    made.add_heading("Kinds", 1)
    made.add_paragraph("by post", style="List Bullet")
    table = made.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Kind", "Arrives", "E-card", "at once"), strict=True):
        cell.text = text


def test_a_word_document_keeps_headings_lists_and_tables(shop: Shop) -> None:
    shop.write("cards.docx.meta.yaml", "audience: public\nlanguage: en")
    document = shop.one("cards.docx", word(cards))
    assert document.title == "Gift cards"
    assert document.text == (
        "# Gift cards\n\nValid for 24 months.\n\n# Kinds\n\n* by post\n\n"
        "| Kind | Arrives |\n| --- | --- |\n| E-card | at once |"
    )


def workbook(**sheets: list[list[Any]]) -> bytes:
    from openpyxl import Workbook

    made = Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


def test_a_workbook_gives_questions_products_and_plain_tables(shop: Shop) -> None:
    shop.write("knowledge.toml", 'currency = "GBP"')
    reading = shop.read(
        "shop.xlsx",
        workbook(
            FAQ=[["Question", "Answer"], ["Do you wrap?", "Yes."], [None, None], ["Ship?", None]],
            Sizes=[["Men's sizes"], [], ["UK", "EU", "From"], [8, 42.5, date(2026, 1, 1)], [9, 43, None]],
            Stock=[["SKU", "Title", "Price", "Quantity"], ["M1", "Mug", 9.5, 4]],
        ),
    )
    assert reading.problems == []
    faq, ship, sizes, mug = reading.documents
    assert (faq.title, faq.text) == ("Do you wrap?", "Yes.")
    assert ship.text == "Ship?"
    assert (sizes.path, sizes.title) == ("shop.xlsx#Sizes", "Sizes")
    assert (
        sizes.text == "Men's sizes\n\n| UK | EU | From |\n| --- | --- | --- |\n| 8 | 42.5 | 2026-01-01 |\n| 9 | 43 |  |"
    )
    assert (mug.path, mug.facts["price"], mug.facts["quantity"]) == ("shop.xlsx#M1", 9.5, 4)


@pytest.mark.parametrize("suffix", [".docx", ".xlsx", ".pdf"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not what its name says", "a.{0}"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "a.{0}"),
        (word(cards)[:2000], "a.{0}"),
        (pdf(booklet)[:900], "a.{0}"),
    ],
    ids=["text", "locked", "half a package", "half a pdf"],
)
def test_a_damaged_file_is_one_problem(shop: Shop, suffix: str, content: bytes, message: str) -> None:
    assert len(shop.problem(f"a{suffix}", content)) < 300


def test_an_office_file_with_a_password_is_told_from_a_damaged_one(shop: Shop) -> None:
    assert "protected by a password or in an old format" in shop.problem("a.docx", b"\xd0\xcf\x11\xe0" + bytes(600))
    assert "is not a .xlsx file or is damaged" in shop.problem("a.xlsx", b"PK not really")


# Tables


def test_a_shopify_export_leaves_out_what_is_not_for_sale(shop: Shop) -> None:
    shop.write("knowledge.toml", 'currency = "GBP"')
    head = "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Status,Published"
    rows = ["mug,Mug,<p>Blue.</p>,Title,Default Title,MUG,9.50,active,true", "old,Old,,,,OLD,1,archived,true",
            "new,New,,,,NEW,1,draft,false", "cup,Cup,,,,MUG,5,active,true"]  # fmt: skip
    reading = shop.read("products.csv", "\n".join(["\ufeff" + head, *rows]))
    [mug] = reading.documents
    assert (mug.path, mug.title, mug.facts["price"], mug.facts["currency"]) == ("products.csv#MUG", "Mug", 9.5, "GBP")
    [problem] = reading.problems
    assert problem.message.startswith("line 5: id 'MUG' again, first at line 2")


def test_a_merchant_feed_in_tsv_and_xml(shop: Shop) -> None:
    tsv = "id\ttitle\tdescription\tprice\tavailability\nM1\tMug\tBlue.\t9.50 GBP\tin stock\n"
    document = shop.one("feed.tsv", tsv)
    assert (document.path, document.facts["currency"], document.facts["in_stock"]) == ("feed.tsv#M1", "GBP", True)
    xml = "<rss><channel><item><id>M1</id><title>Mug</title><price>9.50 GBP</price></item></channel></rss>"
    assert shop.one("feed.xml", xml).path == "feed.xml#M1"
    assert "not a Google Merchant feed" in shop.problem("feed.xml", "<note>hi</note>")


def test_a_table_of_questions_with_semicolons(shop: Shop) -> None:
    document = shop.one("faq.csv", 'Question;Answer\nDo you wrap?;"Yes;\nfor £3.50."\n')
    assert (document.title, document.text) == ("Do you wrap?", "Yes;\nfor £3.50.")


@pytest.mark.parametrize("content", ["foo,bar\n1,2\n", "Handel,Titel,Preis\na,b,3\n", "just one line"])
def test_a_table_with_a_wrong_header_names_what_was_found_and_expected(shop: Shop, content: str) -> None:
    message = shop.problem("a.csv", content)
    assert content.split("\n")[0].replace(",", ", ") in message
    assert "expected a Shopify export (Handle, Title, Variant Price)" in message


def test_a_shopify_export_without_titles_is_named(shop: Shop) -> None:
    assert "without the column Title" in shop.problem("a.csv", "Handle,Variant Price\nmug,9\n")


def test_bad_rows_are_named_by_line_and_the_rest_goes_on(shop: Shop) -> None:
    reading = shop.read("a.csv", 'id,title,text\n1,A,a\n2,B,b,c,d\n3,C,"c"x\n4,D,\n\n1,E,e\n6,"F,f\n')
    assert [document.path for document in reading.documents] == ["a.csv#1", "a.csv#4"]
    assert [problem.message.partition(":")[0] for problem in reading.problems] == [
        "line 3",
        "line 4",
        "line 7",
        "line 8",
    ]


# JSON Lines


def lines(*records: Any) -> str:
    return "\n".join(json.dumps(record) if not isinstance(record, str) else record for record in records)


def test_a_broken_line_is_named_and_the_others_are_kept(shop: Shop) -> None:
    records: list[Any] = [{"id": number, "title": f"T{number}", "text": "x"} for number in range(1, 10)]
    records[6] = '{"id": 7, "title": '
    reading = shop.read("a.jsonl", lines(*records))
    assert [document.path for document in reading.documents] == [f"a.jsonl#{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9)]
    [problem] = reading.problems
    assert str(problem).startswith("a.jsonl: line 7: not JSON")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 1: expected an object in braces"),
        ("[" * 100_000, "line 1: not JSON"),
        ('{"a": 1}', "no text among its fields (a)"),
        ('{"id": 1, "title": "x", "price": "free"}', "line 1: 'free' is not a price"),
        ('{"id": 1, "text": "x", "audience": "all"}', "line 1: audience 'all' is not known"),
    ],
)
def test_a_record_that_cannot_be_used_says_why(shop: Shop, line: str, message: str) -> None:
    assert message in shop.problem("a.jsonl", line)


def test_two_records_with_one_id(shop: Shop) -> None:
    reading = shop.read(
        "a.jsonl", lines({"id": "1", "text": "a"}, {"text": "b"}, {"id": 1, "text": "c"}, {"text": "b"})
    )
    assert [document.text for document in reading.documents] == ["a", "b"]
    first, second = (problem.message for problem in reading.problems)
    assert first == "line 3: id '1' again, first at line 1; left out, give each its own"
    assert second.startswith("line 4: id")


def test_generic_field_names_and_a_packed_file(shop: Shop) -> None:
    records = lines({"doc_key": "k1", "title": "Mistakes", "context": "Update it.", "spans": {"1": "x"}}, "", "\ufeff")
    [document, *_] = shop.read("d.jsonl.gz", gzip.compress(records.encode())).documents
    assert (document.path, document.title, document.text) == ("d.jsonl.gz#k1", "Mistakes", "Update it.")


def test_a_packed_file_cut_short_keeps_what_came_before(shop: Shop) -> None:
    records = lines(*({"id": number, "text": os.urandom(40).hex()} for number in range(2000)))
    reading = shop.read("d.jsonl.gz", gzip.compress(records.encode())[:40_000])
    assert len(reading.documents) > 100
    assert "the gzip file is damaged here" in reading.problems[-1].message


def test_a_mapping_for_another_shops_names(shop: Shop) -> None:
    record = {"ref": "k1", "headline": "Wrap", "body_a": "One.", "note": "Two.", "who": "staff", "text": "not this"}
    fields = ["id=ref", "title=headline", "text=note,body_*", "audience=who"]
    document = shop.one("d.jsonl", lines(record), *fields)
    assert (document.path, document.title, document.audience) == ("d.jsonl#k1", "Wrap", "staff")
    assert document.text == "Two.\n\n- Body a: One."
    reading = shop.read("d.jsonl", lines(record, {"ref": "k2", "headline": "H", "note": "N"}), *fields)
    assert [problem.message for problem in reading.problems] == [
        "line 2: no value in 'who', which is mapped to audience"
    ]


def test_a_mapping_to_a_field_that_no_record_has_is_named(shop: Shop) -> None:
    reading = shop.read("d.jsonl", lines({"id": "1", "title": "Mug", "price": 3, "text": "x"}), "text=contxt")
    assert [problem.message for problem in reading.problems] == ["no record has a field 'contxt' (text)"]
    assert len(reading.documents) == 1


def test_a_flood_of_problems_is_cut_off_with_its_number(shop: Shop) -> None:
    reading = shop.read("d.jsonl", "{\n" * 100)
    assert len(reading.problems) == 21
    assert reading.problems[-1].message == "80 more problems like these"


def test_a_file_that_is_gone_is_a_problem(shop: Shop) -> None:
    path = shop.write("a.md", "text")
    [file] = find_files(path)
    path.unlink()
    [problem] = read(file, ReadOptions()).problems
    assert problem.message.startswith("cannot be opened")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from([".md", ".txt", ".html", ".csv", ".tsv", ".jsonl", ".jsonl.gz", ".xml", ".xlsx", ".docx", ".pdf"]),
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.text(alphabet='ab,;"\n{}:[]<>/-#|', max_size=200).map(lambda text: f"id,title,text\n{text}".encode()),
        st.text(alphabet='ab,;"\n{}:[]<>/-#|1', max_size=100).map(lambda text: f"---\n{text}\n---\nx".encode()),
        st.text(alphabet="ab <>/divph1=\"'&;#!-", max_size=200).map(lambda text: f"<html><p>{text}".encode()),
    ),
)
def test_no_content_raises(shop: Shop, suffix: str, content: bytes) -> None:
    reading = shop.read(f"a{suffix}", content)
    assert reading.documents or reading.problems
    for problem in reading.problems:
        assert "\n" not in str(problem)
