"""Which detectors watch a home beside quiet, the morning and the equipment. A new one is a file and a line here."""

from anomaly.detectors.detector import Detector
from anomaly.detectors.door_at_night import DoorAtNight
from anomaly.detectors.dwell import Dwell
from anomaly.detectors.gradual import Gradual
from anomaly.detectors.late_kitchen import LateKitchen
from anomaly.detectors.nights import NightWatch
from anomaly.detectors.not_returned import NotReturned
from anomaly.detectors.not_to_bed import NotToBed
from anomaly.detectors.temperature import Temperature
from anomaly.detectors.up_at_night import UpAtNight
from anomaly.nights import Nights


def family() -> dict[str, Detector]:
    """Fresh detectors by the name under which their state is saved, in the order in which they speak."""
    nights = Nights()  # one account of the night for all who judge it
    return {
        "nights": NightWatch(nights),
        "late_kitchen": LateKitchen(),
        "not_to_bed": NotToBed(nights),
        "up_at_night": UpAtNight(nights),
        "dwell": Dwell(),
        "not_returned": NotReturned(),
        "door_at_night": DoorAtNight(),
        "temperature": Temperature(),
        "gradual": Gradual(nights),
    }
