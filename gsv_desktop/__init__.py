"""The window: a Qt program that drives the engine through worker processes."""
