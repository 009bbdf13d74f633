"""`/widget.js`: the modules joined into one script that a shop puts on its pages."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fakes import ScriptedEngine, serving

from adapters.web_chat import build
from adapters.web_widget import joined
from bot.settings import Settings

LARGEST = 20_000  # bytes, compressed, styles included


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with serving(build(ScriptedEngine(), Settings())) as address, httpx.Client(base_url=address) as client:
        yield client


def test_it_is_one_small_script(client: httpx.Client) -> None:
    with client.stream("GET", "/widget.js", headers={"Accept-Encoding": "gzip"}) as response:
        sent = b"".join(response.iter_raw())
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["content-encoding"] == "gzip"
    assert len(sent) <= LARGEST
    plain = client.get("/widget.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == gzip.decompress(sent) == joined().encode()


def test_a_browser_that_has_it_is_not_sent_it_again(client: httpx.Client) -> None:
    first = client.get("/widget.js")
    again = client.get("/widget.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/widget.js", headers={"If-None-Match": '"another"'}).status_code == 200


def test_another_site_may_load_it(client: httpx.Client) -> None:
    assert client.get("/widget.js").headers["cross-origin-resource-policy"] == "cross-origin"


def test_modules_come_before_those_that_import_them_and_once(tmp_path: Path) -> None:
    (tmp_path / "entry.js").write_text(
        'import looks from "./looks.css" with { type: "css" };\n'
        'import { one } from "./one.js";\nimport { two } from "./two.js";\n\n// A comment.\nuse(looks, one, two);\n'
    )
    (tmp_path / "one.js").write_text('import { two } from "./two.js";\n\nexport const one = two + "//1"; // an aside\n')
    (tmp_path / "two.js").write_text("/**\n * Two.\n */\nexport function two() {\n  return 2;\n}\n")
    (tmp_path / "looks.css").write_text('/* Looks. */\np {\n  margin: 0 1.5rem;\n  content: "x";\n  top: -1rem;\n}\n')
    script = joined(tmp_path, "entry.js")
    assert r'looks.replaceSync("p{margin:0 1.5rem;content:\"x\";top:-1rem}".replace(' in script
    ends = ["looks=new CSSStyleSheet()", "function two()", 'const one=two+"//1"', "use(looks,one,two)"]
    assert [script.count(part) for part in ends] == [1, 1, 1, 1]
    assert sorted(ends, key=script.index) == ends
    assert not any(word in script for word in ("import", "export", "comment", "aside", "Two."))
