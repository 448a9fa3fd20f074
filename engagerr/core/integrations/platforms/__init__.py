"""One file a platform: what its API is called, and what its answers mean."""
