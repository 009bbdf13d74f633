"""The dialogue engine: a message in, a reply with its sources out."""
