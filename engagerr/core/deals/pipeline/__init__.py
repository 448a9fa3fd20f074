"""Deals from enquiry to paid: stages, what each needs, who sees what, and what is stuck."""
