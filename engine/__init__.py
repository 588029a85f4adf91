"""The speech engine: headless, without Qt, usable from a script, the command line or a server."""
