"""What speaks to other companies and reads what they export: records, file formats, platform URLs."""
