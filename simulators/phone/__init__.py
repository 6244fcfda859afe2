"""The pretend phone network: Twilio's Messages API at the wire, and phones whose texts can be read and answered.

No real text is ever sent from here.
"""
