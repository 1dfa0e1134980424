import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import MethodNotAllowed

from ticketflow import errors
from ticketflow.api.problems import install_problems


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    install_problems(app)
    return app


def answer(app: Flask, error: Exception):
    def fail() -> None:
        raise error

    app.add_url_rule("/fails", view_func=fail)
    return app.test_client().get("/fails")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.NotFoundError("no ticket 7"), 404, "about:blank"),
        (errors.ConflictError("taken"), 409, "/problems/conflict"),
        (errors.VersionConflictError("changed"), 412, "/problems/version-conflict"),
        (errors.IdempotencyConflictError("running"), 409, "/problems/idempotency-conflict"),
        (errors.IdempotencyMismatchError("other"), 422, "/problems/idempotency-mismatch"),
        (errors.InvalidInputError("subject: too long"), 422, "/problems/validation"),
        (errors.BrokerUnavailableError("away"), 503, "/problems/unavailable"),
        (errors.ConfigurationError("wrong taxonomy"), 500, "about:blank"),
        (OperationalError("SELECT 1", None, Exception("gone")), 503, "/problems/unavailable"),
        (ValueError("a bug"), 500, "about:blank"),
    ],
)
def test_every_error_becomes_a_problem_by_its_class(app, error, status, kind):
    response = answer(app, error)

    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert (response.json["type"], response.json["status"], response.json["instance"]) == (kind, status, "/fails")


@pytest.mark.parametrize("error", [ValueError("a secret"), errors.ConfigurationError("a secret")])
def test_a_fault_of_ours_keeps_its_cause_to_itself(app, error):
    assert "secret" not in answer(app, error).text


def test_headers_of_an_error_are_kept(app):
    assert answer(app, MethodNotAllowed(["GET", "POST"])).headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("error", [errors.IdempotencyConflictError("running"), errors.BrokerUnavailableError("away")])
def test_who_may_repeat_is_told_when(app, error):
    assert answer(app, error).headers["Retry-After"] == "1"


def test_the_members_come_in_reading_order(app):
    members = list(answer(app, errors.NotFoundError("no ticket 7")).json)

    assert members == ["type", "title", "status", "detail", "instance"]
