"""What the parity tests stand on: golden cases, deterministic weights, official-layout files."""
