"""The history of the schema, run by Alembic as the owner role; ships inside the package."""
