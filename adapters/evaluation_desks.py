"""The desks that `shopdesk eval` puts its questions to: the real engine over an index of its own, in a home apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.output import say
from adapters.progress import embedding_progress
from adapters.wiring import open_embedder, open_engine, open_snapshots
from bot.engine import Engine
from bot.errors import BadSuite
from bot.evaluation.public.lectern import Lectern, lay
from bot.settings import Settings
from knowledge.files import ReadOptions
from retrieval.update import update


def index(settings: Settings, paths: Sequence[Path], options: ReadOptions | None = None) -> None:
    """Brings the index that the settings name up to date with the documents; says what has to be left out."""
    snapshots = open_snapshots(settings)
    with embedding_progress() as advance:
        report = update(paths, snapshots, open_embedder(settings), options, advance)
    snapshots.prune(1)
    for problem in report.problems:
        say(f"shopdesk: left out: {problem}")


@contextmanager
def scratch(settings: Settings, *linked: str) -> Iterator[Settings]:
    """Settings with a home of their own, gone at the end, that has these folders of the real one.

    What a run says to the desk must not turn up among the shop's conversations.
    """
    with TemporaryDirectory(prefix="shopdesk-eval-") as folder:
        for name in linked:
            target = settings.home.resolve() / name
            target.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).symlink_to(target)
        yield settings.model_copy(update={"home": Path(folder)})


class Desks:
    """Engines for the public data sets, each with a store of its own that is gone at the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @contextmanager
    def shop(self) -> Iterator[Engine]:
        """The desk over the index that the settings name."""
        open_snapshots(self.settings).current()  # where there is none, the real home is named
        with scratch(self.settings, "models", "indexes") as apart, open_engine(apart, stand_in=False) as engine:
            yield engine

    @contextmanager
    def over(self, name: str, path: Path, fields: Mapping[str, tuple[str, ...]]) -> Iterator[Engine]:
        """A desk over the documents of one file, in an index of that name, which is kept."""
        settings = self.settings.model_copy(update={"knowledge": name})
        if not path.exists():
            raise BadSuite(f"{path}: there is no such file; --data names the folder of the data sets")
        index(settings, [path], ReadOptions(fields=fields))
        with Desks(settings).shop() as engine:
            yield engine

    @contextmanager
    def lectern(self) -> Iterator[Lectern]:
        """A desk whose documents are exchanged again and again."""
        with scratch(self.settings, "models") as apart:
            folder = apart.home / "pages"
            folder.mkdir()
            lay(folder, [])
            index(apart, [folder])
            with open_engine(apart, stand_in=False) as engine:
                yield Lectern(engine, folder)
