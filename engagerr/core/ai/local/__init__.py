"""Light models that need the base install's embedder: small heads on its vectors, one module per task."""
