"""Reports that go out: assembled into one document, drawn as HTML, PDF, spreadsheets, text and pictures."""
