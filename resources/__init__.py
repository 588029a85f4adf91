"""Data that ships with the program: sample recordings, voices, icons, translations."""
