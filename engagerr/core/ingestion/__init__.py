"""Bringing numbers in: files become raw payloads and standard rows in one transaction, and go out again as JSONL."""

from engagerr.core.ingestion.importer import ImportProgress, ImportResult
from engagerr.core.ingestion.ingestion import FormatRow, ImportRow, Ingestion

__all__ = ["FormatRow", "ImportProgress", "ImportResult", "ImportRow", "Ingestion"]
