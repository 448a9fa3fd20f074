"""The desk of a person: what needs a decision, what belongs to whom, one search over all, and what others changed.

It stands on the whole of the core, as the schedule does: functions that are handed a `Workspace`.
"""
