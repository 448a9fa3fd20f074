"""The files that people download by hand: one module per format, and the table that recognises them by content."""
