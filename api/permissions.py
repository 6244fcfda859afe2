"""Who may do what, in one table. Everything a page or the JSON API allows is asked for here."""

from enum import StrEnum

from store.staff import Role


class Permission(StrEnum):
    """Something that not everybody who is signed in may do."""

    SEE_ALERTS = "see_alerts"  # the board: alerts about people and about equipment
    SEE_TECHNICAL_ALERTS = "see_technical_alerts"  # the board: only alerts about equipment
    ACT_ON_ALERTS = "act_on_alerts"  # take on, pass on, close what one may see
    SEE_HOMES = "see_homes"  # codes, state, last sign of life
    SEE_NAMES = "see_names"  # of residents, without having taken on an alert
    SEE_CHARTS = "see_charts"  # the resident's days, routine and findings
    SEE_EQUIPMENT = "see_equipment"  # sensors, offers, rejected messages
    SEE_STATUS = "see_status"  # services and database
    SAY_ROUTINE_CHANGED = "say_routine_changed"  # of a resident, so that the model learns anew
    CHANGE_WATCHING = "change_watching"  # alert budget and shadow mode of a home


ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(
        {
            Permission.SEE_ALERTS,
            Permission.SEE_TECHNICAL_ALERTS,
            Permission.ACT_ON_ALERTS,
            Permission.SEE_HOMES,
            Permission.SEE_CHARTS,
            Permission.SEE_EQUIPMENT,
            Permission.SAY_ROUTINE_CHANGED,
        }
    ),
    Role.CLINICIAN: frozenset(
        {
            Permission.SEE_ALERTS,
            Permission.SEE_TECHNICAL_ALERTS,
            Permission.SEE_HOMES,
            Permission.SEE_NAMES,
            Permission.SEE_CHARTS,
            Permission.SAY_ROUTINE_CHANGED,
        }
    ),
    Role.SUPERVISOR: frozenset(Permission),
    Role.INSTALLER: frozenset(
        {
            Permission.SEE_TECHNICAL_ALERTS,
            Permission.ACT_ON_ALERTS,
            Permission.SEE_HOMES,
            Permission.SEE_EQUIPMENT,
            Permission.SEE_STATUS,
        }
    ),
}


def allows(role: Role, permission: Permission) -> bool:
    """True if this role may do this."""
    return permission in ALLOWED[role]


def audiences(role: Role) -> tuple[str, ...]:
    """Whose alerts this role sees: about persons, about equipment, or neither."""
    seen = []
    if allows(role, Permission.SEE_ALERTS):
        seen.append("person")
    if allows(role, Permission.SEE_TECHNICAL_ALERTS):
        seen.append("technical")
    return tuple(seen)
