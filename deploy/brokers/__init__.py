"""Puts the homes' credentials in force at the broker, whichever it is, without restarting it."""
