"""The shop's documents and catalogue, and how they become chunks."""
