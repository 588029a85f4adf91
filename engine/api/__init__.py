"""The local server: the original's own calls, and the dialects that other programs speak."""
