"""gunicorn's lines through our pipe: ``logger_class = "ticketflow.observability.gunicorn.Logger"``."""

from typing import Any

from gunicorn import glogging

from ticketflow.observability.logging import configure_logging, get_logger
from ticketflow.settings import load_settings

access_log = get_logger("gunicorn.access")


class Logger(glogging.Logger):
    """gunicorn's logger without files and formats of its own: what is logged, and how, is our settings' to say."""

    def setup(self, cfg: Any) -> None:
        """Let the lines go where all others go; again whenever gunicorn reads its configuration anew."""
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        self.cfg = cfg
        self._access_log_enabled = bool(cfg.accesslog)
        self.error_log.setLevel(cfg.loglevel.upper())
        for logger in (self.error_log, self.access_log):
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:  # noqa: ARG002  # gunicorn's signature
        """Log a request as gunicorn saw it, if ``--access-logfile`` is given; the query may hold a customer's words.

        Off by default: the API's own ``request.finished`` says the same and more.
        """
        if not self._access_log_enabled:
            return
        headers = {name.lower(): value for name, value in resp.headers}
        access_log.info(
            "request.served",
            request_id=headers.get("x-request-id"),
            method=environ.get("REQUEST_METHOD"),
            path=environ.get("PATH_INFO"),
            status=int(str(resp.status).split(maxsplit=1)[0]),
            remote=environ.get("REMOTE_ADDR"),
            sent_bytes=resp.sent,
            duration_s=round(request_time.total_seconds(), 4),
        )
