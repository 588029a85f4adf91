"""The local server, as the user starts and stops it."""
