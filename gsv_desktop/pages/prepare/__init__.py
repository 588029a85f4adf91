"""The page that prepares clips for training."""
