"""Tables, by family. Every row of a caller's carries its tenant; every instant is aware UTC."""

from ticketflow.storage.models.base import Base
from ticketflow.storage.models.callers import ApiKey, IdempotencyKey
from ticketflow.storage.models.knowledge import (
    ARTICLE_REVISION,
    RESOLVED_REVISION,
    Article,
    ArticlePassage,
    ArticleVersion,
    ClassifierModel,
    ResolvedTicket,
)
from ticketflow.storage.models.llm import LlmAnswer, LlmCall, LlmProvider
from ticketflow.storage.models.operations import EVERY_STEP, EVERY_TENANT, ClockJump, Holder, LogLevel, Pause, Worker
from ticketflow.storage.models.tickets import (
    Ticket,
    TicketCorrection,
    TicketEvent,
    TicketSearch,
    TicketStep,
)
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ARTICLE_REVISION",
    "EVERY_STEP",
    "EVERY_TENANT",
    "RESOLVED_REVISION",
    "ApiKey",
    "Article",
    "ArticlePassage",
    "ArticleVersion",
    "Base",
    "ClassifierModel",
    "ClockJump",
    "Holder",
    "IdempotencyKey",
    "LlmAnswer",
    "LlmCall",
    "LlmProvider",
    "LogLevel",
    "Pause",
    "ResolvedTicket",
    "Ticket",
    "TicketCorrection",
    "TicketEvent",
    "TicketSearch",
    "TicketStep",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
]
