"""Rubbish in bulk for everything between a broker's message and the rows of a batch: `python -m tests.ingest.fuzz`."""
