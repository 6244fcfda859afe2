"""What the service's web process does with the provider's posts: check the signature, keep, answer."""

import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from alerts.signature import is_signed
from simulators.phone.running import TEST_ACCOUNT
from store.clock import Clock
from store.database import Conn, Pool
from store.inbound import keep_callback, keep_inbound


class Webhooks:
    """A small web server with the two webhooks."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self.refused: list[str] = []
        webhooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = webhooks.take(pool, clock, self.path, body, self.headers.get("X-Twilio-Signature"))
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.end_headers()
                if status == 200:
                    self.wfile.write(b"<Response/>")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, pool: Pool, clock: Clock, path: str, body: str, signature: str | None) -> int:
        asked = urlsplit(path)
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        token = TEST_ACCOUNT.auth_token
        if not is_signed(
            auth_token=token, public_url=self.url, path=asked.path, query=asked.query, form=form, signature=signature
        ):
            self.refused.append(asked.path)
            return 403
        with pool.connection() as conn:
            self._keep(conn, asked.query, form, clock.now())
        return 200

    def _keep(self, conn: Conn, query: str, form: dict[str, str], now: datetime) -> None:
        sid = form["MessageSid"]
        if "MessageStatus" in form:
            notification = UUID(parse_qs(query)["notification"][0])
            code = int(form["ErrorCode"]) if form.get("ErrorCode") else None
            keep_callback(
                conn,
                provider_id=sid,
                notification_id=notification,
                status=form["MessageStatus"],
                error_code=code,
                now=now,
            )
        else:
            keep_inbound(conn, provider_id=sid, phone=form["From"], body=form["Body"], now=now)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
