"""The list of jobs with their logs."""
