"""The pages that fine-tune the two networks."""
