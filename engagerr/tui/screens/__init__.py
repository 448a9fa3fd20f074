"""One file a screen: what it asks the core, and how it draws the answer."""
