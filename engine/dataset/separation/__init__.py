"""Networks that tell voices from what else sounds."""
