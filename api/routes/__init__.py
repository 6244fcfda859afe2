"""The staff pages, one file a subject, and the webhooks."""

from fastapi import APIRouter

from api.charts import routes as chart
from api.routes import alert, board, broker, equipment, health, homes, rejected, sign_in, status, watching, webhooks


def routers() -> list[APIRouter]:
    """Every router of pages, in the order they are tried."""
    return [
        part.router
        for part in (
            sign_in,
            board,
            alert,
            homes,
            equipment,
            rejected,
            chart,
            watching,
            status,
            webhooks,
            broker,
            health,
        )
    ]
