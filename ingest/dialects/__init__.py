"""How each kind of hub words its messages: pure modules, one a dialect, from a payload to what it told us."""
