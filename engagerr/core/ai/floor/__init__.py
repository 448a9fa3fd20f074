"""What always answers: rules and small tables, one module per task, with no network and no model to load."""
