"""How documents about money look on paper; Typst sets them."""
