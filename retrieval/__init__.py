"""A question in, ranked chunks of the shop's documents out."""
