"""What can go wrong between the documents and a ranked list; the whole tree is drawn in `bot.errors`."""

from knowledge.errors import ShopdeskError


class RetrievalError(ShopdeskError):
    """The index cannot be built, opened or searched."""


class NoSnapshot(RetrievalError):
    """Nothing has been indexed yet under this name."""


class DamagedSnapshot(RetrievalError):
    """A file of a snapshot does not match its checksum."""


class IndexBusy(RetrievalError):
    """Another process is updating the same index."""
