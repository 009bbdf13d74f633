"""What holds for every test: no network, no deadlines."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bot.conversations import FILE, Conversations
from retrieval.embedders import SentenceEmbedder
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.commands import copied, new_home, shopdesk, write_shop
from tests.fake_slack import FakeSlack, slack_web_api
from tests.fakes import HashEmbedder

# Before any test module imports torch or transformers; processes of the tests' own inherit it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # each worker has a core: on networks this small more threads only wait

# Other people run things on the same cores.
hypothesis.settings.register_profile("shopdesk", deadline=None)
hypothesis.settings.load_profile("shopdesk")
PAGE_TIMEOUT = 30_000.0  # milliseconds
expect.set_options(timeout=PAGE_TIMEOUT)

resolve = socket.getaddrinfo
strays: list[str] = []


def _refuse_far(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        near = ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        near = False
    if not near:
        strays.append(name)
        raise OSError(f"a test must not reach {name}")


def _near_only(connect: Any) -> Any:
    def connect_near(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_far(address[0])
        return connect(self, address)

    return connect_near


def _resolve_near(host: Any, *args: Any, **options: Any) -> Any:
    _refuse_far(host)
    return resolve(host, *args, **options)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Only loopback and Unix sockets connect; a refused call fails the test even where the error is swallowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", _resolve_near)
        patch.setattr(socket.socket, "connect", _near_only(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _near_only(socket.socket.connect_ex))
        yield
    reached = ", ".join(strays)
    strays.clear()
    assert not reached, f"the test tried to reach {reached}"


@pytest.fixture(scope="session")
def exported_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `models` folder of a home: the default embedding model, exported once for the tests of all workers.

    Who comes second waits for the first: the embedder itself sees to that.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "models"
    SentenceEmbedder("house", folder).embed(["once"])
    return folder


@pytest.fixture(scope="session")
def house(exported_models: Path) -> SentenceEmbedder:
    """The project's own embedding model, the default."""
    return SentenceEmbedder("house", exported_models)


@pytest.fixture(scope="session")
def minilm(exported_models: Path) -> SentenceEmbedder:
    """The model that it was tuned from."""
    return SentenceEmbedder("minilm", exported_models)


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """The small shop of `tests.commands`, indexed without a model."""
    folder = tmp_path_factory.mktemp("shop")
    retriever = Retriever(snapshots=Snapshots(folder / "index"), embedder=HashEmbedder())
    update([write_shop(folder / "documents")], retriever.snapshots, retriever.embedder)
    return retriever


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, exported_models: Path) -> Path:
    """A home over the small shop of `tests.commands`, ingested once: copy it, as `home` does."""
    folder = tmp_path_factory.mktemp("ingested")
    home = new_home(folder / "home", exported_models)
    assert shopdesk(home, "ingest", write_shop(folder / "shop")).status == 0
    return home


@pytest.fixture
def home(ingested: Path, tmp_path: Path) -> Path:
    """A home of the test's own over the small shop."""
    return copied(ingested, tmp_path / "home")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Conversations]:
    """An empty store."""
    with Conversations(tmp_path / FILE) as opened:
        yield opened


@pytest.fixture
def blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable and no file but the test's own; the working directory, which it gives, is empty."""
    for name in [name for name in os.environ if name.upper().startswith("SHOPDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A stand-in of Slack's Web API that answers, and remembers what it was asked."""
    with slack_web_api() as opened:
        yield opened


@pytest.fixture(scope="module")  # a longer one would be in the way of the tests that run an event loop
def browser() -> Iterator[Browser]:
    """A real Chromium: Debian's, another of this machine, or Playwright's own."""
    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        own = playwright.chromium.executable_path
        executable = next(filter(None, map(shutil.which, names)), own if Path(own).exists() else None)
        if executable is None:
            pytest.skip("no Chromium on this machine; `apt-get install chromium` brings one")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a fresh profile; fails the test on script errors, broken policies and requests elsewhere."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(at: str, **options: Any) -> Page:
        given: dict[str, Any] = {"locale": "en-GB", "reduced_motion": "reduce"} | options
        context = browser.new_context(**given)
        context.set_default_timeout(PAGE_TIMEOUT)
        contexts.append(context)
        context.on("page", watch)
        page = context.new_page()
        page.goto(at)
        return page

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Security" in message.text else None)
        page.on("request", lambda request: None if "//127.0.0.1" in request.url else faults.append(request.url))

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
