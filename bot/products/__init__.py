"""Questions about products, answered from the catalogue's typed facts; the engine calls `reply`, and `untold.pages`."""
