"""What can go wrong while reading a shop's documents, and the root of every error of the project.

The whole tree is drawn in `bot.errors`.
"""


class ShopdeskError(Exception):
    """Root of every error the project raises on purpose.

    The message is one line for the person who can act on it: what is wrong, the value, and what to do.
    """


class KnowledgeError(ShopdeskError):
    """A document, a catalogue or a folder cannot be used as it is."""


class UnreadableDocument(KnowledgeError):
    """One file (or one record of it) cannot be read; the rest of the batch goes on."""
