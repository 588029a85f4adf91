"""One package a page of the window."""
