"""The voice that comes with the program, and how it is made."""
