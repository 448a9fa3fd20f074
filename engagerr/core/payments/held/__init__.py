"""Held money: what a hold is, what moves it, what stops it, and what came of it."""
