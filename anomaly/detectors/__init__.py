"""The detectors: each looks at what is known of one home and says what is unusual. One file a family."""
