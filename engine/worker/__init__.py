"""The child process that runs one stage at a time and reports over its standard output."""
