"""Networks, and how weight files become them."""
