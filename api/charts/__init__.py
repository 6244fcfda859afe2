"""The 24-hour chart of a home: what was seen where, day by day, with what is usual behind it."""
