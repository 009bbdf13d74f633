"""Every error the project raises on purpose, in one tree.

ShopdeskError                  root; the message is one line that says what, the value, and what to do
├── KnowledgeError             a document, a catalogue or a folder cannot be used as it is
│   └── UnreadableDocument     one file or record of it cannot be read; the rest goes on
├── RetrievalError             the index cannot be built, opened or searched
│   ├── NoSnapshot             nothing has been indexed yet under this name
│   ├── DamagedSnapshot        a file of a snapshot does not match its checksum
│   └── IndexBusy              another process is updating the same index
├── SettingsError              a setting is unknown or its value does not fit
├── StoreError                 the conversation store cannot be used (newer version, damaged, disk full)
├── UnknownTurn                no turn, conversation or rating target by that id
├── InvalidMessage             the shopper's message cannot be taken as it is (empty, too long)
├── DeskError                  a hand-over cannot be claimed, answered or closed as it is
├── BadBatch                   a batch file, or a line of it, is not what the command expects
├── BadSuite                   a suite, a kept run or a public file cannot be evaluated as it is
├── LearningError              a training run, or its examples, cannot be made or gone on with
└── GenerationError            the model failed or cannot be loaded
"""

from knowledge.errors import KnowledgeError, ShopdeskError, UnreadableDocument
from retrieval.errors import DamagedSnapshot, IndexBusy, NoSnapshot, RetrievalError


class SettingsError(ShopdeskError):
    """A setting is unknown or its value does not fit."""


class StoreError(ShopdeskError):
    """The conversation store cannot be used: of a newer version, damaged, or the disk is full."""


class UnknownTurn(ShopdeskError):
    """There is no turn or conversation by that id."""


class InvalidMessage(ShopdeskError):
    """The shopper's message cannot be taken as it is: empty, or too long."""


class DeskError(ShopdeskError):
    """A hand-over cannot be claimed, answered or closed as it is."""


class BadBatch(ShopdeskError):
    """A batch file of the command line, or a line of it, is not what the command expects."""


class BadSuite(ShopdeskError):
    """A suite, a kept run or a public data file cannot be evaluated as it is."""


class LearningError(ShopdeskError):
    """A training run, or its examples, cannot be made or gone on with as it is."""


class GenerationError(ShopdeskError):
    """The model failed while it was writing, or it cannot be loaded."""


__all__ = [
    "BadBatch",
    "BadSuite",
    "DamagedSnapshot",
    "DeskError",
    "GenerationError",
    "IndexBusy",
    "InvalidMessage",
    "KnowledgeError",
    "LearningError",
    "NoSnapshot",
    "RetrievalError",
    "SettingsError",
    "ShopdeskError",
    "StoreError",
    "UnknownTurn",
    "UnreadableDocument",
]
