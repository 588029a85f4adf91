"""Worker processes and the queue of jobs."""
