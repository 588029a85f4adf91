"""All tests of the program, laid out like its packages."""
