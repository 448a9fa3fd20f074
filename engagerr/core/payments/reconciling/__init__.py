"""Our books against the provider's, and what moved for each party on paper."""
