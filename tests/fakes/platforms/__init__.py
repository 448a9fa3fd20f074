"""Platforms as they behave on the wire: stateful, paged, moody. One file a platform, one class each."""
