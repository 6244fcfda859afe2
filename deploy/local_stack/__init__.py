"""Everything the service needs on one laptop: database, broker, services. Not for real sites."""
