"""How good the model is: false alerts, delays and calibration, measured beside simpler methods on the same rows."""
