"""The only place that reads or writes weight files."""
