"""The page that cuts recordings into clips."""
