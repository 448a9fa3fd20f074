"""One row for every table, by part of the product: what `tests.factories.fill_every_table` writes besides its own."""
