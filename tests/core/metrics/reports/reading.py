"""Reading reports back: what a person or a program finds in the bytes of each format."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import warnings
import zipfile
import zlib
from typing import Any

import pytest


def csv_rows(file: bytes) -> list[dict[str, str]]:
    """The lines of a CSV report by heading."""
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def book(file: bytes) -> Any:
    """An XLSX report as openpyxl reads it."""
    import openpyxl

    with warnings.catch_warnings():
        # Drawings and extensions that openpyxl does not keep.
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(io.BytesIO(file))


def sheet_rows(sheet: Any) -> list[dict[str, Any]]:
    """The rows of a sheet by heading."""
    headings, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(headings, row, strict=True)) for row in rows]


def pdf_pages(file: bytes) -> list[str]:
    """The words of each page of a PDF, with plain spaces and without places to break."""
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext (poppler) is not installed")
    told = subprocess.run([program, "-layout", "-", "-"], input=file, capture_output=True, check=True)
    words = (
        told.stdout.decode().replace("\u00a0", " ").replace("\u200b", "").replace("\u2009", " ").replace("\u202f", " ")
    )
    return words.rstrip("\f").split("\f")


def everything_in(file: bytes) -> bytes:
    """The bytes and all that is packed in them: parts of an XLSX, streams of a PDF, its words if poppler is there."""
    found = [file]
    if zipfile.is_zipfile(io.BytesIO(file)):
        with zipfile.ZipFile(io.BytesIO(file)) as parts:
            found += [parts.read(name) for name in parts.namelist()]
    if file.startswith(b"%PDF"):
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", file, re.DOTALL):
            try:
                found.append(zlib.decompressobj().decompress(stream))
            except zlib.error:
                found.append(stream)
        if shutil.which("pdftotext"):
            found += [page.encode() for page in pdf_pages(file)]
    return b"\n".join(found)
