"""Layers: each does one thing, and networks are made of them."""
