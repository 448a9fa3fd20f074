"""The payment provider: what is asked of it, what it tells, and whom it pays and charges for us."""
