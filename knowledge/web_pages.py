"""A page of a help centre as the light Markdown of its article, without the furniture around it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from bs4.element import PageElement, Tag
from markdownify import MarkdownConverter

from knowledge.hidden_text import drop_hidden
from knowledge.text_files import clean, decode

_META_PREFIX = "shopdesk-"
_DROPPED_TAGS = (
    "nav", "aside", "footer", "script", "style", "noscript", "template", "iframe", "object", "svg", "canvas", "video",
    "audio", "img", "picture", "button", "input", "select", "textarea", "dialog", "link", "meta",
)  # fmt: skip
_DROPPED_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog", "menu", "toolbar"}
)
_DROPPED_WORDS = frozenset({
    "nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "cookie", "cookies", "consent", "gdpr",
    "sidebar", "footer", "header", "related", "recommended", "helpful", "feedback", "vote", "votes", "share", "sharing",
    "social", "newsletter", "subscribe", "popup", "modal", "pagination", "skip", "byline", "promo", "advert", "search",
    "comments",
})  # fmt: skip
# Their words are the article's own, whatever class they carry.
_KEPT_TAGS = frozenset(
    {"html", "body", "main", "article", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
_FURNITURE_TEXT = re.compile(
    r"(was|did) th(is|ese) .{0,40}(help|useful|answer)|skip to (main )?content|accept all|.{0,60}\bmin(utes?)? read$"
    r"|(related|recommended|popular|recently viewed) (articles|pages|topics)$|这篇文章(对您)?有帮助吗|相关文章$",
    re.IGNORECASE,
)
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_TITLE_BREAK = re.compile(r"\s+[|–—·»-]\s+")


@dataclass(frozen=True, slots=True)
class WebPage:
    """The article as Markdown. `language` is "" and `title` may be "" where the page names none.

    `facts` holds its `<meta name="shopdesk-…">` elements: audience, effective-from as effective_from, and so on.
    """

    title: str
    language: str
    text: str
    facts: dict[str, str] = field(default_factory=dict)


def read_page(data: bytes) -> WebPage:
    """The article of an HTML page: what is in `<main>` or `<article>`, else the body, less navigation and the like.

    Encoding: a byte order mark or valid UTF-8, else what the page declares, else a guess.
    """
    soup = BeautifulSoup(_XML_DECLARATION.sub("", _decoded(data), count=1), "lxml")
    root = soup.find("html")
    language = str(root.get("lang") or "") if isinstance(root, Tag) else ""
    facts = {
        str(meta["name"])[len(_META_PREFIX) :].replace("-", "_").lower(): str(meta.get("content") or "").strip()
        for meta in soup.find_all("meta", attrs={"name": re.compile(f"^{_META_PREFIX}", re.IGNORECASE)})
    }
    page_title = clean(soup.title.get_text(" ", strip=True)) if soup.title else ""
    drop_hidden(soup)
    article = _article(soup)
    _drop_furniture(article)
    heading = article.find("h1")
    text = to_markdown(article)
    return WebPage(_title(page_title, heading.get_text(" ", strip=True) if heading else ""), language, text, facts)


def html_to_markdown(fragment: str) -> str:
    """A product description or other fragment of HTML as light Markdown; plain text passes as it is."""
    if "<" not in fragment and "&" not in fragment:
        return clean(fragment).strip()
    soup = BeautifulSoup(fragment, "lxml")
    drop_hidden(soup)
    return to_markdown(soup)


def to_markdown(element: Tag) -> str:
    """The element as Markdown with `#` headings, `-` lists and pipe tables; only links that name a host are kept."""
    for link in element.find_all("a"):
        if not str(link.get("href") or "").startswith(("http://", "https://")) or not link.get_text(strip=True):
            link.unwrap()
    for summary in element.find_all("summary"):
        summary.name = "h4"
    for term in element.find_all("dt"):
        term.name = "h4"
    for wrapper in element.find_all(["dl", "dd", "details"]):
        wrapper.name = "div"
    element.smooth()
    for cell in element.find_all(["td", "th"]):
        for text in cell.find_all(string=re.compile(r"\|")):
            text.replace_with(str(text).replace("|", "/"))
    converter = MarkdownConverter(
        heading_style="ATX", bullets="-", escape_asterisks=False, escape_underscores=False, wrap=True, wrap_width=None
    )
    lines = (line.rstrip() for line in clean(converter.convert_soup(element)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = EncodingDetector.find_declared_encoding(data, is_html=True)
        try:
            return data.decode(declared or "ascii")
        except (UnicodeDecodeError, LookupError):
            return decode(data)


def _article(soup: BeautifulSoup) -> Tag:
    for found in (soup.find("main"), soup.find(attrs={"role": "main"}), *soup.find_all("article", limit=2)):
        if isinstance(found, Tag) and len(found.find_all("article")) < 2 and _length(found) > 0:
            return found
    return soup.body or soup


def _drop_furniture(article: Tag) -> None:
    half = _length(article) / 2
    for element in article.find_all(True):
        if element.decomposed or not _is_furniture(element):
            continue
        # A wrapper with such a name around most of the page, or around its heading, is not furniture.
        if element.name in _DROPPED_TAGS or (_length(element) < half and element.find("h1") is None):
            element.decompose()
    for element in article.find_all([*_HEADINGS, "p", "strong", "span", "div"]):
        if not element.decomposed and _FURNITURE_TEXT.match(element.get_text(" ", strip=True)):
            _drop_with_list(element)


def _is_furniture(element: Tag) -> bool:
    if element.name in _DROPPED_TAGS or element.name in ("header", "form"):
        return True
    if element.name in _KEPT_TAGS:
        return False
    if str(element.get("role") or "").lower() in _DROPPED_ROLES:
        return True
    names = [str(element.get("id") or ""), *(element.get_attribute_list("class"))]
    return any(word in _DROPPED_WORDS for name in names for word in re.split(r"[^a-z]+", str(name or "").lower()))


def _drop_with_list(element: Tag) -> None:
    """Drops a line such as "Related articles", with the list under it if it is a heading."""
    if element.name in _HEADINGS:
        following: PageElement | None = element.find_next_sibling()
        if isinstance(following, Tag) and following.name in ("ul", "ol"):
            following.decompose()
    if len(element.get_text(strip=True)) <= 120:
        element.decompose()


def _length(element: Tag) -> int:
    return len(element.get_text(strip=True))


def _title(page_title: str, heading: str) -> str:
    """The page's own heading, else its title without the name of the site behind a bar."""
    heading = " ".join(clean(heading).split())
    return heading or _TITLE_BREAK.split(" ".join(page_title.split()))[0]
