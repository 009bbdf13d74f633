"""`/widget.js`: the chat as the one script that a shop puts on its pages.

The modules of `adapters/widget` are joined as they are when the server starts, so there is nothing to build: imports
before importers, in one function of their own, comments and blanks left out, the style sheet as a string.
"""

from __future__ import annotations

import json
import re
import zlib
from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI, Request, Response
from rjsmin import jsmin

FOLDER = Path(__file__).with_name("widget")
ENTRY = "chat.js"
_IMPORT = re.compile(r'^import (?P<names>.+) from "\./(?P<file>[\w.]+)"(?: with \{ type: "css" \})?;\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AROUND = re.compile(r"\s*;?\s*([{};])\s*")
_REM = r'.replace(/(-?[\d.]+)rem\b/g,"calc($1*var(--rem))")'


def joined(folder: Path = FOLDER, entry: str = ENTRY) -> str:
    """The modules that `entry` reaches as one classic script.

    It relies on their style: an import is one line and renames nothing, no two modules use the same name at their top,
    and `export` stands at a line's beginning.
    """
    parts = "".join(_modules(folder, entry, set()))
    return str(jsmin(f'(() => {{\n"use strict";\n{parts}}})();\n'))


def _modules(folder: Path, name: str, seen: set[str]) -> list[str]:
    text = (folder / name).read_text("utf-8")
    before: list[str] = []
    for wanted in _IMPORT.finditer(text):
        if wanted["file"] not in seen:
            seen.add(wanted["file"])
            if wanted["file"].endswith(".css"):
                before.append(_sheet(wanted["names"], (folder / wanted["file"]).read_text("utf-8")))
            else:
                before += _modules(folder, wanted["file"], seen)
    return [*before, _EXPORT.sub("", _IMPORT.sub("", text))]


def _sheet(name: str, css: str) -> str:
    """A style sheet that a strict Content-Security-Policy lets pass: made by the script, no element or attribute.

    One rem is the root's font size, which many shops set to 62.5 %; `--rem` is the size that the reader has chosen.
    """
    text = _AROUND.sub(r"\1", _CSS_COMMENT.sub("", css)).replace(": ", ":").strip()
    text = json.dumps(re.sub(r",?\s+", lambda space: space[0][0].strip() or " ", text), ensure_ascii=False)
    return f"const {name} = new CSSStyleSheet();\n{name}.replaceSync({text}{_REM});\n"


def _packed(script: bytes) -> bytes:
    """As gzip (RFC 1952), in blocks of 4,096 symbols and not 16,384: styles and code have other letters, 1 % is won."""
    packing = zlib.compressobj(9, wbits=31, memLevel=6)
    return packing.compress(script) + packing.flush()


def add_widget(app: FastAPI) -> None:
    """Serve the script, compressed for those who take it, with an ETag: it changes with the server's version alone."""
    plain = joined().encode()
    packed = _packed(plain)
    etag = f'"{sha256(plain).hexdigest()[:20]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "public, max-age=300",
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }

    @app.get("/widget.js", include_in_schema=False)
    async def widget_script(request: Request) -> Response:
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type="text/javascript")
        return Response(plain, headers=headers, media_type="text/javascript")
