"""The product: everything that knows the business. Skins (CLI, console) only draw what stands here."""
