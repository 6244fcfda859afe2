"""The nouns of the service and the SQL that moves them, one file a noun. Imports nothing of ours."""
